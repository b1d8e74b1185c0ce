package org.replicationserver.agent;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ParameterException;

/** The program {@code agent}: the reference agent of the Block Replication Protocol. */
@Command(
        name = "agent",
        mixinStandardHelpOptions = true,
        version = "reference agent, BRP/1",
        description = "The reference agent of the Block Replication Protocol, version 1.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {ReplicateCommand.class, IdentityCommand.class})
public final class AgentMain {
    static final int USAGE = 2;

    private static final String LOGGING = "logback.configurationFile";

    private AgentMain() {}

    public static void main(String[] args) {
        // The server's configuration is on the class path too, and writes to standard output.
        if (System.getProperty(LOGGING) == null) {
            System.setProperty(LOGGING, "agent-logback.xml");
        }
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        return new CommandLine(new AgentMain())
                .setCommandName(System.getProperty("command.name", "agent"))
                .setParameterExceptionHandler(AgentMain::wrongUsage)
                .setUsageHelpAutoWidth(true)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF));
    }

    /** One line, and where to read more; the whole help would hide it. */
    private static int wrongUsage(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        String line = String.valueOf(e.getMessage()).replaceAll("\\s*\\R\\s*", " ");
        command.getErr().println(line + " (" + command.getCommandSpec().qualifiedName() + " --help tells more)");
        return USAGE;
    }
}
