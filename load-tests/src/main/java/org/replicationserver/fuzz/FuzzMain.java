package org.replicationserver.fuzz;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.config.OneLineMistakes;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The entry point of {@code ./run fuzz}. */
@Command(
        name = "fuzz",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        description = {
            "Gives parsers of bytes from outside inputs that are changed until they reach every branch, and looks whether a rule"
                    + " is broken: an exception that is not documented, memory beyond what an input may cost, a value that is"
                    + " another one when it is written and read again."
        },
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:nothing was found",
            "1:a rule was broken, or the engine could not go on",
            "2:wrong command line",
            "74:a file cannot be read or written"
        })
public final class FuzzMain implements Callable<Integer> {
    private static final int EXIT_FOUND = 1;
    private static final int EXIT_IO_ERROR = 74;

    @Parameters(paramLabel = "PARSER", arity = "0..*", description = "Only these; --list tells which there are.")
    private List<String> names = new ArrayList<>();

    @Option(names = "--list", description = "Prints the parsers and ends.")
    private boolean list;

    @Option(names = "--seconds", paramLabel = "N", description = "For each parser, beside the start.")
    private long seconds = 60;

    @Option(names = "--seed", paramLabel = "N", description = "Of the changes; else a new one, which is printed.")
    private @Nullable Long seed;

    @Option(
            names = "--replay",
            paramLabel = "FILE",
            description =
                    "Runs this input once, without the engine and with its limits of memory and time, and prints how a rule is broken."
                            + " Of one parser.")
    private @Nullable Path replay;

    @Option(
            names = "--corpus",
            paramLabel = "DIR",
            description = "Begins with the inputs in DIR/PARSER too, and adds those that reach more.")
    private @Nullable Path corpus;

    @Option(
            names = "--minimise",
            paramLabel = "DIR",
            description =
                    "Instead of a search, writes to DIR/PARSER, which must be empty or not there, the fewest of the inputs, with"
                            + " those of --corpus, that reach as much as all do.")
    private @Nullable Path minimise;

    @Option(
            names = "--directory",
            paramLabel = "DIR",
            description = "Where an input that breaks a rule is written; else the working directory.")
    private Path directory = Path.of("");

    @Option(names = "--verbose", description = "Prints what the engine says.")
    private boolean verbose;

    @Spec
    private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

    private FuzzMain() {}

    /** Fuzzes; ends the process with its exit code unless that is 0. */
    public static void main(String[] args) {
        int exitCode = commandLine()
                .setCommandName(System.getProperty("command.name", "fuzz"))
                .execute(args);
        if (exitCode != 0) {
            System.exit(exitCode);
        }
    }

    static CommandLine commandLine() {
        return new CommandLine(new FuzzMain())
                .setParameterExceptionHandler(new OneLineMistakes())
                .setExecutionExceptionHandler(FuzzMain::cannotGoOn);
    }

    /** A file of those that options name; anything else is a bug here and shows as one. */
    private static int cannotGoOn(Exception failure, CommandLine command, CommandLine.ParseResult parsed)
            throws Exception {
        if (failure instanceof IOException) {
            command.getErr().println(command.getCommandName() + ": " + failure);
            return EXIT_IO_ERROR;
        }
        throw failure;
    }

    @Override
    public Integer call() throws IOException, InterruptedException, RunException {
        if (list) {
            for (Parser parser : Parser.values()) {
                out().printf(Locale.ROOT, "%-20s %s%n", parser.label(), parser.reads());
            }
            return 0;
        }
        List<Parser> parsers = chosen();
        require(seconds >= 1, "--seconds=" + seconds + "; allowed: 1 and more");
        require(Files.isDirectory(directory.toAbsolutePath()), "--directory=" + directory + " is no directory");
        Path smallest = minimise;
        if (smallest != null) {
            for (Parser parser : parsers) {
                Path own = smallest.resolve(parser.label());
                require(
                        isEmptyOrMissing(own),
                        "--minimise=" + smallest + ": " + own
                                + " is there; allowed: a directory that is empty, or none");
            }
        }
        Path input = replay;
        if (input != null) {
            require(names.size() == 1, "--replay is of one PARSER");
            return replay(parsers.getFirst(), input);
        }
        Long given = seed;
        long used = given == null ? new Random().nextInt(Integer.MAX_VALUE) : given;
        out().println("seed " + used);
        int exitCode = 0;
        for (Parser parser : parsers) {
            exitCode = Math.max(exitCode, fuzz(parser, used));
        }
        return exitCode;
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }

    private void require(boolean allowed, String message) {
        if (!allowed) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    private List<Parser> chosen() {
        try {
            return names.isEmpty()
                    ? Arrays.asList(Parser.values())
                    : names.stream().map(Parser::named).toList();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    private static boolean isEmptyOrMissing(Path directory) throws IOException {
        if (Files.notExists(directory)) {
            return true;
        }
        if (!Files.isDirectory(directory)) {
            return false;
        }
        try (Stream<Path> files = Files.list(directory)) {
            return files.findAny().isEmpty();
        }
    }

    private int replay(Parser parser, Path input) throws IOException, InterruptedException, RunException {
        if (!Files.isRegularFile(input) || !Files.isReadable(input)) {
            spec.commandLine()
                    .getErr()
                    .println(spec.commandLine().getCommandName() + ": " + input + ": cannot be read");
            return EXIT_IO_ERROR;
        }
        try (Cleanup cleanup = new Cleanup()) {
            boolean sound = Replay.run(
                    parser.label(), input, scratch(cleanup), FuzzRun.INPUT_SECONDS_MAX, cleanup, out()::println);
            if (!sound) {
                return EXIT_FOUND;
            }
            out().println(parser.label() + ": no rule is broken by these " + Files.size(input) + " bytes");
            return 0;
        }
    }

    /** In memory where that can be, since some targets write a file for each input. */
    static Path scratch(Cleanup cleanup) throws RunException {
        Path memory = Path.of("/dev/shm");
        return cleanup.directory(Files.isWritable(memory) ? memory : Path.of(System.getProperty("java.io.tmpdir")));
    }

    private int fuzz(Parser parser, long used) throws IOException, InterruptedException, RunException {
        Path collected = corpus == null ? null : corpus.resolve(parser.label());
        Consumer<String> lines = verbose ? out()::println : line -> {};
        long began = System.nanoTime();
        try (Cleanup cleanup = new Cleanup()) {
            FuzzRun run = FuzzRun.of(List.of(parser), scratch(cleanup), cleanup);
            FuzzRun.Result result = minimise == null
                    ? run.look(seconds, 0, used, collected, lines)
                    : run.minimise(collected, minimise.resolve(parser.label()), lines);
            Path finding = result.finding();
            out().printf(
                            Locale.ROOT,
                            "%-20s %9d executions  %5d branches  %4d inputs  %4.0f s  %s%n",
                            parser.label(),
                            result.executions(),
                            result.branches(),
                            result.inputs(),
                            (System.nanoTime() - began) / 1e9,
                            finding == null ? "nothing found" : "FOUND");
            out().flush();
            if (finding == null) {
                return 0;
            }
            result.story().forEach(out()::println);
            Path kept = keep(parser, Files.readAllBytes(finding), directory);
            out().println("  again: " + spec.commandLine().getCommandName() + " " + parser.label() + " --replay "
                    + kept);
            return EXIT_FOUND;
        }
    }

    /** Writes an input that breaks a rule. */
    static Path keep(Parser parser, byte[] finding, Path directory) throws IOException {
        String digest = String.format(Locale.ROOT, "%08x", Arrays.hashCode(finding));
        return Files.write(directory.resolve("finding-" + parser.label() + "-" + digest), finding);
    }
}
