package org.replicationserver.fuzz;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.Cleanup;

/**
 * Runs one input without the engine, in a process of its own that gives it the memory and the time that a run of the engine gives: what was
 * found by one of these is found again.
 */
public final class Replay {
    private static final int EXIT_BROKEN = 1;

    /** Of the process, beside the input's time. */
    private static final long START_SECONDS_MAX = 60;

    private Replay() {}

    /**
     * Runs it.
     *
     * @param target the name of a {@link Parser} or of a class
     * @param scratch a directory for files of the target
     * @param secondsMax for the input
     * @param lines hears how a rule is broken
     * @return whether none is
     */
    static boolean run(String target, Path input, Path scratch, int secondsMax, Cleanup cleanup, Consumer<String> lines)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(FuzzRun.java());
        command.addAll(List.of(
                Replay.class.getName(),
                input.toAbsolutePath().toString(),
                Integer.toString(secondsMax),
                scratch.toString(),
                target));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        cleanup.add(process);
        // One that does not get so far that it watches itself.
        process.onExit()
                .orTimeout(START_SECONDS_MAX + secondsMax, TimeUnit.SECONDS)
                .whenComplete((ended, late) -> process.destroyForcibly());
        try (BufferedReader said = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = said.readLine(); line != null; line = said.readLine()) {
                lines.accept(line);
            }
        }
        int exitCode = process.waitFor();
        if (exitCode != 0 && exitCode != EXIT_BROKEN) {
            lines.accept("broken: the process of the input ended with exit code " + exitCode);
        }
        return exitCode == 0;
    }

    /**
     * The process: ends with 1 if a rule is broken, which it prints.
     *
     * @param arguments the input's file, its seconds, then those of {@link FuzzEntry}
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        byte[] input = Files.readAllBytes(Path.of(arguments[0]));
        FuzzEntry.fuzzerInitialize(Arrays.copyOfRange(arguments, 2, arguments.length));
        Attempt attempt = new Attempt(input);
        Thread thread = Thread.ofPlatform().name("input").daemon().start(attempt);
        int secondsMax = Integer.parseInt(arguments[1]);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        if (!thread.join(Duration.ofSeconds(secondsMax))) {
            out.println("broken: an input takes at most " + secondsMax + " s; it is at");
            Arrays.stream(thread.getStackTrace()).forEach(frame -> out.println("\tat " + frame));
            Runtime.getRuntime().halt(EXIT_BROKEN);
        }
        Throwable failure = attempt.failure;
        if (failure != null) {
            failure.printStackTrace(out);
            Runtime.getRuntime().halt(EXIT_BROKEN);
        }
        Runtime.getRuntime().halt(0);
    }

    /** On a thread of its own, since nothing else can end it. */
    private static final class Attempt implements Runnable {
        private final byte[] input;

        /** Set before the thread ends. */
        private volatile @Nullable Throwable failure;

        Attempt(byte[] input) {
            this.input = input;
        }

        @Override
        public void run() {
            try {
                FuzzEntry.fuzzerTestOneInput(input);
            } catch (Exception | AssertionError | StackOverflowError | OutOfMemoryError e) {
                failure = e;
            }
        }
    }
}
