package org.replicationserver.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A process that this one started and always ends, and the lines that it prints. Methods are called by one thread. */
public final class ChildProcess implements AutoCloseable {
    private static final int TAIL_LINES = 8;
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(30);

    /** So that a child that never stops talking costs no memory; what does not fit is thrown away. */
    private static final int WAITING_LINES_MAX = 10_000;

    private final String name;
    private final Process process;
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>(WAITING_LINES_MAX);
    private final Deque<String> tail = new ArrayDeque<>();
    private volatile boolean outputEnded;

    private ChildProcess(String name, Process process) {
        this.name = name;
        this.process = process;
        Thread.ofVirtual().name(name + "-output").start(this::readLines);
    }

    public static ChildProcess start(String name, List<String> command, Cleanup cleanup) throws RunException {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            cleanup.add(process::destroyForcibly);
            return new ChildProcess(name, process);
        } catch (IOException e) {
            throw new RunException("cannot start the " + name + ": " + e.getMessage(), e);
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
            outputEnded = true;
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
            boolean isLast = outputEnded;
            String line = lines.poll(50, TimeUnit.MILLISECONDS);
            if (line != null) {
                Matcher matcher = pattern.matcher(line);
                if (matcher.find()) {
                    return matcher;
                }
            } else if (isLast) {
                process.waitFor(1, TimeUnit.SECONDS);
                throw failure(process.isAlive() ? "closed its output" : "ended with exit code " + process.exitValue());
            }
        }
        throw failure("did not get ready or finish within " + timeout.toSeconds() + " s");
    }

    /** An exception with what the process said last. */
    public RunException failure(String what) {
        synchronized (tail) {
            return new RunException(
                    "the " + name + " " + what + (tail.isEmpty() ? "" : "; it said: " + String.join(" | ", tail)));
        }
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
