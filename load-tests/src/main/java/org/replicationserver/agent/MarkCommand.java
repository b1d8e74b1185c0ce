package org.replicationserver.agent;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A shell command that makes the source stand still: run with the argument {@code freeze} before an epoch is read, and with
 * {@code thaw} after. Blocks; used by one thread at a time.
 */
final class MarkCommand {
    private static final Logger LOG = LoggerFactory.getLogger(MarkCommand.class);
    private static final long PATIENCE_SECONDS = 600;

    private final String command;

    MarkCommand(String command) {
        this.command = command;
    }

    /** Says whether it ended with exit code 0. Its standard error is this program's. */
    boolean run(MarkPhase phase) {
        ProcessBuilder builder = new ProcessBuilder("sh", "-c", command + " \"$@\"", "sh", phase.argument());
        builder.environment().put("BRP_PHASE", phase.argument());
        builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        try {
            Process process = builder.start();
            if (process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                return process.exitValue() == 0;
            }
            LOG.warn("the mark command did not end within {} s: phase={}", PATIENCE_SECONDS, phase);
            process.destroyForcibly();
        } catch (IOException e) {
            LOG.warn("the mark command cannot be started: {}", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return false;
    }
}
