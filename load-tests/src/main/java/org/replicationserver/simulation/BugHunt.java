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
import java.util.stream.Stream;

/**
 * Looks whether the simulation finds what it is for: each known bug gets a build and a process of its own, which searches until something
 * breaks an invariant.
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
        return new BugHunt(project, List.of("--seeds=" + seedsMax), seedsMax + " seeds", out);
    }

    /** Looks for bugs by all crashes of so many operations. */
    static BugHunt byCrashes(Path project, int operations, PrintStream out) {
        return new BugHunt(
                project, List.of("--exhaustive", "--operations=" + operations), operations + " operations", out);
    }

    /** Says how many of the bugs were not found. */
    int hunt(List<KnownBug> bugs) throws IOException, InterruptedException {
        int missed = 0;
        for (KnownBug bug : bugs) {
            Path work = Files.createTempDirectory("known-bug-");
            try {
                Path classes = work.resolve("classes");
                build.build(bug, classes);
                String line = found(classes);
                missed += line.isEmpty() ? 1 : 0;
                out.printf("%-40s %s%n", bug.name(), line.isEmpty() ? "NOT FOUND within " + within : line);
            } finally {
                remove(work);
            }
        }
        return missed;
    }

    /** The line that tells of the failing seed, or nothing. */
    private String found(Path classes) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(List.of(
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                classes + File.pathSeparator + System.getProperty("java.class.path"),
                SimulateMain.class.getName(),
                "--brief"));
        command.addAll(search);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int code = process.waitFor();
        if (code == 0) {
            return "";
        }
        // A process that could not even begin has found nothing.
        return said.lines()
                .filter(line -> line.startsWith("seed ") || line.startsWith("scenario "))
                .findFirst()
                .orElseThrow(() -> new IOException("the simulation ended with " + code + ": " + said));
    }

    private static void remove(Path work) throws IOException {
        try (Stream<Path> files = Files.walk(work)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
