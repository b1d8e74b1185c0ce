package org.replicationserver.agent;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.log.PeerText;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A shell command that makes the source stand still: run with the argument {@code freeze} before an epoch is read, and with
 * {@code thaw} after. {@link #run} blocks and is called by one thread at a time, {@link #cutShort} by any.
 *
 * <p>What it prints goes through a pipe and not into a file, whose file system may be the one that was frozen.
 */
final class MarkCommand {
    /** For a thaw when the agent is being stopped. */
    static final Duration LAST_THAW_PATIENCE = Duration.ofSeconds(10);

    private static final Logger LOG = LoggerFactory.getLogger(MarkCommand.class);
    private static final int LINE_CHARS_MAX = 200;

    /** From the end of the command to the end of its output, which something that it left behind may hold open. */
    private static final long OUTPUT_MILLIS = 500;

    private final String command;
    private final Duration patience;
    private final CompletableFuture<@Nullable Void> cut = new CompletableFuture<>();

    // the thread that runs it
    private boolean frozen;

    MarkCommand(String command, Duration patience) {
        this.command = command;
        this.patience = patience;
    }

    /** Runs it; says what went wrong, or null. */
    @Nullable
    String run(MarkPhase phase) {
        if (phase == MarkPhase.FREEZE && cut.isDone()) {
            return "the agent is being stopped";
        }
        ProcessBuilder builder = new ProcessBuilder("sh", "-c", command + " \"$@\"", "sh", phase.argument());
        builder.environment().put("BRP_PHASE", phase.argument());
        builder.redirectErrorStream(true);
        String name = "the mark command at " + phase.argument();
        frozen = false;
        try {
            Process process = builder.start();
            frozen = phase == MarkPhase.FREEZE;
            LastLine output = LastLine.of(process);
            process.getOutputStream().close();
            if (!waitFor(process, phase)) {
                destroy(process);
                boolean stopped = phase == MarkPhase.FREEZE && cut.isDone();
                return name
                        + (stopped ? " was ended: the agent is being stopped" : " did not end in time")
                        + output.told();
            }
            int exit = process.exitValue();
            return exit == 0 ? null : name + " ended with exit code " + exit + output.told();
        } catch (IOException e) {
            return name + " cannot be started: " + e.getMessage();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return name + " was interrupted";
        }
    }

    /** Whether a freeze was begun, even if it failed, and no thaw since. */
    boolean mayHaveFrozen() {
        return frozen;
    }

    /** Ends a freeze that runs, lets none begin, and leaves a thaw little time. */
    void cutShort() {
        cut.complete(null);
    }

    /** Says whether it ended by itself. */
    private boolean waitFor(Process process, MarkPhase phase) throws InterruptedException {
        try {
            CompletableFuture.anyOf(process.onExit(), cut).get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new IllegalStateException("neither of them fails", e);
        }
        long leftMillis = phase == MarkPhase.THAW ? Math.min(patience.toMillis(), LAST_THAW_PATIENCE.toMillis()) : 0;
        return !process.isAlive() || process.waitFor(leftMillis, TimeUnit.MILLISECONDS);
    }

    /** The shell's children first: they would outlive it. */
    private static void destroy(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    /** Reads a command's output to its end, and keeps the last line that is not blank. */
    private static final class LastLine {
        private final BufferedReader output;
        private final Thread thread =
                Thread.ofPlatform().daemon().name("mark-output").unstarted(this::read);
        private volatile String line = "";

        private LastLine(BufferedReader output) {
            this.output = output;
        }

        static LastLine of(Process process) {
            LastLine last = new LastLine(process.inputReader(StandardCharsets.UTF_8));
            last.thread.start();
            return last;
        }

        private void read() {
            try (output) {
                for (String next = output.readLine(); next != null; next = output.readLine()) {
                    String text = PeerText.cut(next.strip(), LINE_CHARS_MAX);
                    LOG.info("mark command: {}", text);
                    line = text.isEmpty() ? line : text;
                }
            } catch (IOException e) {
                LOG.debug("the output of the mark command ended: {}", e.getMessage());
            }
        }

        String told() throws InterruptedException {
            thread.join(OUTPUT_MILLIS);
            return line.isEmpty() ? "" : ": " + line;
        }
    }
}
