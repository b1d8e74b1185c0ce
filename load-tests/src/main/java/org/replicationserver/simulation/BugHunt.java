package org.replicationserver.simulation;

import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Looks whether the simulation finds what it is for: each known bug gets a build and a process of its own, which searches until something
 * breaks an invariant. Nothing else counts: neither what was thrown and is no broken invariant, nor a process that could not begin.
 */
final class BugHunt {
    private final BugBuild build;
    private final List<String> search;
    private final String within;
    private final PrintStream out;

    private BugHunt(Path project, List<String> search, String within, PrintStream out) {
        this.build = new BugBuild(project);
        this.search = search;
        this.within = within;
        this.out = out;
    }

    /** Looks for bugs by seeds, of which so many must do. */
    static BugHunt bySeeds(Path project, long seedsMax, PrintStream out) {
        return new BugHunt(project, List.of("--brief", "--seeds=" + seedsMax), seedsMax + " seeds", out);
    }

    /** Looks for bugs by all crashes of so many operations. */
    static BugHunt byCrashes(Path project, int operations, PrintStream out) {
        return new BugHunt(
                project,
                List.of("--brief", "--exhaustive", "--operations=" + operations),
                operations + " operations",
                out);
    }

    /** Says how many of the bugs were not found. */
    int hunt(List<KnownBug> bugs) throws IOException, InterruptedException {
        int missed = 0;
        for (KnownBug bug : bugs) {
            Path work = Files.createTempDirectory("known-bug-");
            try {
                Path classes = work.resolve("classes");
                build.build(bug, classes);
                Verdict verdict = search(classes);
                missed += verdict.found ? 0 : 1;
                out.printf("%-40s %s%n", bug.name(), verdict.text);
            } finally {
                remove(work);
            }
        }
        return missed;
    }

    private Verdict search(Path classes) throws IOException, InterruptedException {
        return Verdict.of(Search.run(classes, search), within);
    }

    /**
     * A process of {@code ./run simulate} that has ended.
     *
     * @param said all that it has printed
     */
    record Search(int exitCode, String said) {
        /** Runs one with these classes before all others. */
        static Search run(Path classes, List<String> arguments) throws IOException, InterruptedException {
            List<String> command = new ArrayList<>();
            command.add(ProcessHandle.current().info().command().orElse("java"));
            command.addAll(List.of(
                    "--enable-native-access=ALL-UNNAMED",
                    "--sun-misc-unsafe-memory-access=allow",
                    "-cp",
                    classes + File.pathSeparator + System.getProperty("java.class.path"),
                    SimulateMain.class.getName()));
            command.addAll(arguments);
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Search(process.waitFor(), said);
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

    private static void remove(Path work) throws IOException {
        try (Stream<Path> files = Files.walk(work)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
