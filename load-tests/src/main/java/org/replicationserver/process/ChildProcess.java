package org.replicationserver.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A process that this one started and always ends, and the lines that it prints. Methods are called by one thread. */
public final class ChildProcess implements AutoCloseable {
    private static final int TAIL_LINES = 30;
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration LAST_WORDS_TIMEOUT = Duration.ofSeconds(1);

    /** What shells add to a signal's number to make an exit code, and the JDK too. */
    private static final int SIGNAL_BASE = 128;

    private static final Map<Integer, String> SIGNALS =
            Map.of(2, "SIGINT", 6, "SIGABRT", 7, "SIGBUS", 9, "SIGKILL", 11, "SIGSEGV", 15, "SIGTERM");

    /** So that a child that never stops talking costs no memory; what does not fit is thrown away. */
    private static final int WAITING_LINES_MAX = 10_000;

    private final String name;
    private final Process process;
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>(WAITING_LINES_MAX);
    private final Deque<String> tail = new ArrayDeque<>();
    private final CountDownLatch outputEnded = new CountDownLatch(1);

    private ChildProcess(String name, Process process) {
        this.name = name;
        this.process = process;
        Thread.ofVirtual().name(name + "-output").start(this::readLines);
    }

    public static ChildProcess start(String name, List<String> command, Cleanup cleanup) throws RunException {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            cleanup.add(process);
            return new ChildProcess(name, process);
        } catch (IOException e) {
            // The JDK adds lines of advice.
            String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            throw new RunException("cannot start the " + name + ": " + why, e);
        }
    }

    private void readLines() {
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                synchronized (tail) {
                    tail.addLast(line);
                    if (tail.size() > TAIL_LINES) {
                        tail.removeFirst();
                    }
                }
                boolean kept = lines.offer(line);
                if (!kept) {
                    lines.clear();
                }
            }
        } catch (IOException e) {
            // The process is gone.
        } finally {
            outputEnded.countDown();
        }
    }

    public long pid() {
        return process.pid();
    }

    /** Waits for a line in which the pattern is found. */
    public Matcher awaitLine(Pattern pattern, Duration timeout) throws RunException, InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (System.nanoTime() < deadline) {
            // Asked before the queue, so that the last line is seen.
            boolean isLast = outputEnded.getCount() == 0;
            String line = lines.poll(50, TimeUnit.MILLISECONDS);
            if (line != null) {
                Matcher matcher = pattern.matcher(line);
                if (matcher.find()) {
                    return matcher;
                }
            } else if (isLast) {
                process.waitFor(LAST_WORDS_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
                throw failure(process.isAlive() ? "closed its output" : ending(process.exitValue()));
            }
        }
        throw failure("did not get ready or finish within " + timeout.toSeconds() + " s");
    }

    /** Throws if the process has ended, which it should not have done. */
    public void requireAlive() throws RunException, InterruptedException {
        if (!process.isAlive()) {
            outputEnded.await(LAST_WORDS_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
            throw failure(ending(process.exitValue()));
        }
    }

    static String ending(int exitCode) {
        int signal = exitCode - SIGNAL_BASE;
        return signal > 0
                ? "was ended by " + SIGNALS.getOrDefault(signal, "signal " + signal)
                : "ended with exit code " + exitCode;
    }

    /** An exception with the last line of the process that says something: those of a stack trace do not. */
    public RunException failure(String what) {
        List<String> said;
        synchronized (tail) {
            said = tail.stream()
                    .filter(line -> !line.isBlank() && !Character.isWhitespace(line.charAt(0)))
                    .toList();
        }
        return new RunException(
                "the " + name + " " + what + (said.isEmpty() ? "" : "; its last line: " + said.getLast()));
    }

    /** Sends SIGKILL and waits until the process is gone. */
    public void kill() throws RunException, InterruptedException {
        process.destroyForcibly();
        if (!process.waitFor(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
            throw failure("is still there after SIGKILL");
        }
    }

    /** Asks the process to stop, and makes it. */
    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
                System.err.println("the " + name + " did not stop within " + STOP_TIMEOUT.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            process.destroyForcibly();
        }
    }
}
