package org.replicationserver.simulation;

import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.RunException;

/**
 * Looks whether the simulation finds what it is for: each known bug gets a build and a process of its own, which searches until something
 * breaks an invariant. Nothing else counts: neither what was thrown and is no broken invariant, nor a process that could not begin, nor one that
 * has come to no end in its time. Where the process is told to stop, its search ends and leaves nothing.
 */
final class BugHunt {
    /** Of one search. What a whole one takes is far below it; a bug may keep a run from its end. */
    private static final Duration SEARCH_MAX = Duration.ofHours(2);

    private final BugBuild build;
    private final List<String> search;
    private final String within;
    private final Duration timeout;
    private final PrintStream out;

    private BugHunt(BugBuild build, List<String> search, String within, Duration timeout, PrintStream out) {
        this.build = build;
        this.search = search;
        this.within = within;
        this.timeout = timeout;
        this.out = out;
    }

    /** Looks for bugs by seeds, of which so many must do. */
    static BugHunt bySeeds(Path project, long seedsMax, PrintStream out) {
        return new BugHunt(
                new BugBuild(project), List.of("--brief", "--seeds=" + seedsMax), seedsMax + " seeds", SEARCH_MAX, out);
    }

    /** Looks for bugs by all crashes of so many operations. */
    static BugHunt byCrashes(Path project, int operations, PrintStream out) {
        return new BugHunt(
                new BugBuild(project),
                List.of("--brief", "--exhaustive", "--operations=" + operations),
                operations + " operations",
                SEARCH_MAX,
                out);
    }

    /** The same where no search may take longer than this. */
    BugHunt endingSearchesAfter(Duration other) {
        return new BugHunt(build, search, within, other, out);
    }

    /** Says how many of the bugs were not found. */
    int hunt(List<KnownBug> bugs) throws IOException, InterruptedException {
        int missed = 0;
        for (KnownBug bug : bugs) {
            Verdict verdict = hunt(bug);
            missed += verdict.found ? 0 : 1;
            out.printf("%-40s %s%n", bug.name(), verdict.text);
        }
        return missed;
    }

    private Verdict hunt(KnownBug bug) throws IOException, InterruptedException {
        try (Cleanup cleanup = new Cleanup()) {
            Path classes = cleanup.directory(Path.of(System.getProperty("java.io.tmpdir")))
                    .resolve("classes");
            build.build(bug, classes);
            Search ended = Search.run(classes, search, timeout, cleanup);
            if (cleanup.isStopping()) {
                throw new InterruptedException("told to stop");
            }
            return Verdict.of(ended, within);
        } catch (RunException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /**
     * A process of {@code ./run simulate} that has ended, or was ended.
     *
     * @param exitCode of the process, or {@link #TIMED_OUT}
     * @param said all that it has printed
     */
    record Search(int exitCode, String said) {
        /** No process ends with it. */
        static final int TIMED_OUT = -1;

        /** Runs one with these classes before all others. What it says is written beside them. */
        static Search run(Path classes, List<String> arguments, Duration timeout, Cleanup cleanup)
                throws IOException, InterruptedException {
            List<String> command = new ArrayList<>();
            command.add(ProcessHandle.current().info().command().orElse("java"));
            command.addAll(List.of(
                    "--enable-native-access=ALL-UNNAMED",
                    "--sun-misc-unsafe-memory-access=allow",
                    "-cp",
                    classes + File.pathSeparator + System.getProperty("java.class.path"),
                    SimulateMain.class.getName()));
            command.addAll(arguments);
            Path said = classes.resolveSibling("said.txt");
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(said.toFile())
                    .start();
            cleanup.add(process);
            boolean ended = process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS);
            if (!ended) {
                process.destroyForcibly();
            }
            return new Search(ended ? process.exitValue() : TIMED_OUT, Files.readString(said));
        }
    }

    /**
     * What a search has come to.
     *
     * @param text in a line: what was found, or why nothing
     */
    record Verdict(boolean found, String text) {
        private static final Pattern BROKEN_INVARIANT = Pattern.compile("(seed|scenario) \\d+: I\\d+: .*");

        /** @param within how far the search was to go, in words */
        static Verdict of(Search search, String within) {
            if (search.exitCode == 0) {
                return new Verdict(false, "NOT FOUND within " + within);
            }
            if (search.exitCode == Search.TIMED_OUT) {
                return new Verdict(false, "NOT FOUND, the search came to no end in its time");
            }
            Optional<String> broken = search.said
                    .lines()
                    .filter(line -> BROKEN_INVARIANT.matcher(line).matches())
                    .findFirst();
            return search.exitCode == SimulateMain.EXIT_FOUND && broken.isPresent()
                    ? new Verdict(true, broken.get())
                    : new Verdict(
                            false,
                            "NOT FOUND, the search ended with exit code " + search.exitCode + ": "
                                    + search.said.lines().findFirst().orElse("it said nothing"));
        }
    }
}
