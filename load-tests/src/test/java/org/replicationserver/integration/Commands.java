package org.replicationserver.integration;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs commands of the system for tests. */
final class Commands {
    private static final long TIMEOUT_SECONDS = 300;

    /** How a command ended and what it printed, on either output. */
    record Result(int exitCode, String output) {}

    private Commands() {}

    static Result run(List<String> command) throws IOException, InterruptedException {
        return run(command, "");
    }

    /** Runs to its end; a command that takes too long is killed and fails the test. */
    static Result run(List<String> command, String input) throws IOException, InterruptedException {
        return run(command, input, false);
    }

    /** The same for a command that would end when its input does, but shall end by itself. */
    static Result runWithOpenInput(List<String> command, String input) throws IOException, InterruptedException {
        return run(command, input, true);
    }

    private static Result run(List<String> command, String input, boolean inputStaysOpen)
            throws IOException, InterruptedException {
        Path output = Files.createTempFile("command", ".out");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
            if (!inputStaysOpen) {
                process.getOutputStream().close();
            }
            if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("does not end: " + command + "\n" + text(output));
            }
            return new Result(process.exitValue(), text(output));
        } finally {
            process.destroyForcibly();
            Files.delete(output);
        }
    }

    /** A program may also print bytes that are no text. */
    private static String text(Path output) throws IOException {
        return new String(Files.readAllBytes(output), StandardCharsets.UTF_8);
    }

    static String runSuccessfully(String... command) throws IOException, InterruptedException {
        Result result = run(List.of(command));
        if (result.exitCode() != 0) {
            throw new IOException("command=" + List.of(command) + " " + result);
        }
        return result.output();
    }

    static void assumeInstalled(String program) throws IOException, InterruptedException {
        assumeTrue(run(List.of("which", program)).exitCode() == 0, "skipped: " + program + " is not installed");
    }

    static boolean isRoot() throws IOException, InterruptedException {
        return runSuccessfully("id", "-u").strip().equals("0");
    }
}
