package org.replicationserver.agent;

import java.util.List;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.replicationserver.receiver.StopSignals;
import org.replicationserver.receiver.config.OneLineMistakes;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The program {@code agent}: the reference agent of the Block Replication Protocol. */
@Command(
        name = "./run agent",
        mixinStandardHelpOptions = true,
        version = "reference agent, BRP/1",
        description = "The reference agent of the Block Replication Protocol, version 1.",
        synopsisSubcommandLabel = "COMMAND")
public final class AgentMain {
    static final int USAGE = 2;

    private static final String LOGGING = "logback.configurationFile";

    private AgentMain() {}

    public static void main(String[] args) {
        // The server's configuration is on the class path too, and writes to standard output.
        if (System.getProperty(LOGGING) == null) {
            System.setProperty(LOGGING, "agent-logback.xml");
        }
        System.exit(commandLine(() -> StopSignals.install()::await).execute(args));
    }

    /**
     * The command line.
     *
     * @param stopSignals begins to listen for signals; what it gives waits for the first one and gives the exit code for it
     */
    static CommandLine commandLine(Supplier<IntSupplier> stopSignals) {
        return new CommandLine(new AgentMain())
                .setCommandName(System.getProperty("command.name", "./run agent"))
                .addSubcommand(new ReplicateCommand(stopSignals))
                .addSubcommand(new SpeedTestCommand(stopSignals))
                .addSubcommand(new IdentityCommand())
                .setParameterExceptionHandler(AgentMain::wrongUsage)
                .setUsageHelpAutoWidth(true)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF));
    }

    private static int wrongUsage(ParameterException mistake, String[] args) {
        return new OneLineMistakes().handleParseException(mainMistake(mistake), args);
    }

    /** A word that is not known may be the reason why another is missing, so it is told first. */
    private static ParameterException mainMistake(ParameterException mistake) {
        CommandLine command = mistake.getCommandLine();
        List<String> unknown = command.getUnmatchedArguments();
        if (mistake instanceof MissingParameterException missing && unknown.isEmpty()) {
            String names = missing.getMissing().stream().map(AgentMain::nameOf).collect(Collectors.joining(", "));
            return new ParameterException(command, "missing: " + names);
        }
        if (mistake instanceof MissingParameterException || mistake instanceof UnmatchedArgumentException) {
            String word = unknown.getFirst().replaceFirst("(?<=.)=.*", "");
            return new UnmatchedArgumentException(command, List.of(word));
        }
        return mistake;
    }

    private static String nameOf(ArgSpec argument) {
        return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
    }
}
