package org.replicationserver.simulation;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.OptionChecks;
import org.replicationserver.receiver.config.OneLineMistakes;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The entry point of {@code ./run simulate}. */
@Command(
        name = "simulate",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        description = {
            "Runs the shipped server and agent in virtual time, with a network, disks and a clock that do whatever a seed says:"
                    + " processes are killed, power is lost, connections are cut or fall silent, devices fail. What must never"
                    + " happen is looked for all the time."
        },
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:nothing was found",
            "1:an invariant was broken, or a known bug was not found",
            "2:wrong command line"
        })
public final class SimulateMain implements Callable<Integer> {
    private static final int EXIT_FOUND = 1;

    @Option(names = "--seed", paramLabel = "N", description = "Runs this seed and prints its story.")
    private @Nullable Long seed;

    @Option(
            names = "--seeds",
            paramLabel = "N",
            description = "Runs so many seeds, and stops at the first that breaks an invariant.")
    private long seeds = 1000;

    @Option(names = "--from", paramLabel = "N", description = "The first of them.")
    private long from = 1;

    @Option(names = "--threads", paramLabel = "N", description = "Runs at once; else one for each processor.")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(
            names = "--bugs",
            description =
                    "Builds the server with each of the known bugs, one after the other, and looks in how many seeds it is"
                            + " found; --seeds is how many it may take. With --exhaustive by crashes. Needs the sources.")
    private boolean bugs;

    @Option(names = "--bug", paramLabel = "NAME", description = "The same for one of them.")
    private @Nullable String bug;

    @Option(
            names = "--exhaustive",
            description =
                    "Looks at everything that a crash may leave of a few operations on two tiny volumes, instead of seeds.")
    private boolean exhaustive;

    @Option(
            names = "--operations",
            paramLabel = "N",
            description =
                    "So many of them at most, 0 to 3, which is what is done unless told otherwise; with --exhaustive.")
    private @Nullable Integer operations;

    @Option(names = "--brief", hidden = true)
    private boolean brief;

    @Spec
    private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

    private SimulateMain() {}

    /** Runs simulations; ends the process with its exit code unless that is 0. */
    public static void main(String[] args) {
        int exitCode = new CommandLine(new SimulateMain())
                .setParameterExceptionHandler(new OneLineMistakes())
                .setCommandName(System.getProperty("command.name", "simulate"))
                .execute(args);
        if (exitCode != 0) {
            System.exit(exitCode);
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        OptionChecks checks = new OptionChecks(spec);
        Integer givenOperations = operations;
        int operationsMax = givenOperations == null ? CrashSearch.STEPS_MAX : givenOperations;
        checks.require(threads >= 1, "--threads=" + threads, "1 and more");
        checks.require(seeds >= 1, "--seeds=" + seeds, "1 and more");
        checks.require(
                operationsMax >= 0 && operationsMax <= CrashSearch.STEPS_MAX,
                "--operations=" + operationsMax,
                "0 to " + CrashSearch.STEPS_MAX);
        checks.require(
                exhaustive || givenOperations == null, "--operations=" + operationsMax, "only with --exhaustive");
        Long one = seed;
        if (one != null) {
            checks.require(
                    !exhaustive && !bugs && bug == null, "--seed=" + one, "not with --exhaustive, --bug and --bugs");
            return tell(one);
        }
        if (bugs || bug != null) {
            return hunt(operationsMax);
        }
        return exhaustive ? searchAll(operationsMax) : runSeeds();
    }

    private int searchAll(int operationsMax) throws InterruptedException {
        CrashSearch search = new CrashSearch(operationsMax, threads);
        CrashSearch.Failure failure = search.run();
        if (failure == null) {
            System.out.println(search.text());
            return 0;
        }
        System.out.println(failure.text());
        if (!brief) {
            failure.cause().printStackTrace(System.out);
        }
        return EXIT_FOUND;
    }

    private int tell(long one) {
        try {
            RunResult result = new Simulation(one, System.out).run();
            System.out.printf("nothing found; digest of the story %016x%n", result.digest());
            return 0;
        } catch (RuntimeException | Error e) {
            System.out.flush();
            e.printStackTrace();
            return EXIT_FOUND;
        }
    }

    private int runSeeds() throws InterruptedException {
        SeedRange range = new SeedRange(from, seeds, threads);
        SeedRange.Failure failure = range.run();
        PrintStream out = System.out;
        if (failure == null) {
            out.println(range.totals().text());
            return 0;
        }
        out.println("seed " + failure.seed() + ": " + failure.cause().getMessage());
        if (!brief) {
            failure.cause().printStackTrace(out);
            out.println("Its story: " + spec.commandLine().getCommandName() + " --seed " + failure.seed());
        }
        return EXIT_FOUND;
    }

    private int hunt(int operationsMax) throws IOException, InterruptedException {
        String name = bug;
        List<KnownBug> hunted;
        try {
            hunted = name == null ? KnownBug.ALL : List.of(KnownBug.named(name));
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
        BugHunt hunt = exhaustive
                ? BugHunt.byCrashes(Path.of(""), operationsMax, System.out)
                : BugHunt.bySeeds(Path.of(""), seeds, System.out);
        int missed = hunt.hunt(hunted);
        return missed == 0 ? 0 : EXIT_FOUND;
    }
}
