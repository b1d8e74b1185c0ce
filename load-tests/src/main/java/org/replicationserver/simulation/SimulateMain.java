package org.replicationserver.simulation;

import java.io.IOException;
import java.io.PrintWriter;
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
            "2:wrong command line",
            "70:a bug: something was thrown that is no broken invariant"
        })
public final class SimulateMain implements Callable<Integer> {
    static final int EXIT_FOUND = 1;
    private static final int EXIT_BUG = 70;

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

    @Option(
            names = "--scenario",
            paramLabel = "N",
            description =
                    "Runs this one of the scenarios of --exhaustive, with each crash and each device call that may fail, and prints"
                            + " its story: that of the run that breaks an invariant, or else that in which no call fails.")
    private @Nullable Integer scenario;

    @Option(names = "--brief", hidden = true)
    private boolean brief;

    @Spec
    private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

    private SimulateMain() {}

    /** Runs simulations; ends the process with its exit code unless that is 0. */
    public static void main(String[] args) {
        int exitCode = commandLine().execute(args);
        if (exitCode != 0) {
            System.exit(exitCode);
        }
    }

    static CommandLine commandLine() {
        return new CommandLine(new SimulateMain())
                .setParameterExceptionHandler(new OneLineMistakes())
                .setCommandName(System.getProperty("command.name", "simulate"));
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
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
        Integer replayed = scenario;
        if (replayed != null) {
            checks.require(
                    exhaustive && givenOperations == null && seed == null && !bugs && bug == null,
                    "--scenario=" + replayed,
                    "only with --exhaustive, and not with --operations, --seed, --bug and --bugs");
            int last = CrashSearch.scenarioCount() - 1;
            checks.require(replayed >= 0 && replayed <= last, "--scenario=" + replayed, "0 to " + last);
            return replay(replayed);
        }
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
            out().println(search.text());
            return 0;
        }
        return found(failure.text(), failure.cause(), "--exhaustive --scenario " + failure.number());
    }

    private int replay(int number) throws InterruptedException {
        CrashSearch search = CrashSearch.replay(number);
        CrashSearch.Failure failure = search.run();
        if (failure == null) {
            search.story().forEach(out()::println);
            out().println("nothing found: " + search.text());
            return 0;
        }
        failure.story().forEach(out()::println);
        out().println(failure.text());
        return ended(failure.cause());
    }

    private int tell(long one) {
        try {
            RunResult result = new Simulation(one, System.out).run();
            out().printf("nothing found; digest of the story %016x%n", result.digest());
            return 0;
        } catch (RuntimeException | Error e) {
            return ended(e);
        }
    }

    private int runSeeds() throws InterruptedException {
        SeedRange range = new SeedRange(from, seeds, threads);
        SeedRange.Failure failure = range.run();
        if (failure == null) {
            out().println(range.totals().text());
            return 0;
        }
        return found(failure.text(), failure.cause(), "--seed " + failure.seed());
    }

    /** Tells what a search has found, and how to see it again. */
    private int found(String text, Throwable cause, String again) {
        out().println(text);
        if (brief) {
            return exitCodeOf(cause);
        }
        out().println("Its story: " + spec.commandLine().getCommandName() + " " + again);
        return ended(cause);
    }

    private int ended(Throwable cause) {
        out().flush();
        cause.printStackTrace(spec.commandLine().getErr());
        return exitCodeOf(cause);
    }

    private static int exitCodeOf(Throwable cause) {
        return Violation.isOfInvariant(cause) ? EXIT_FOUND : EXIT_BUG;
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
