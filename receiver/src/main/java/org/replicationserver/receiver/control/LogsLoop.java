package org.replicationserver.receiver.control;

import java.time.Duration;
import java.util.List;
import org.replicationserver.receiver.log.LogRecord;
import org.replicationserver.receiver.log.RecentLogs;

/**
 * Sends log lines within a budget, on the virtual thread {@code control-logs}; what exceeds it, or cannot be sent, is dropped and
 * counted.
 */
public final class LogsLoop extends ControlThread {
    private static final Duration INTERVAL = Duration.ofSeconds(10);

    private final ControlPlane controlPlane;
    private final RecentLogs recent;
    private final long bytesPerTurn;

    /** @param bytesPerMinute of log lines, roughly */
    public LogsLoop(ControlPlane controlPlane, RecentLogs recent, long bytesPerMinute) {
        super("control-logs", controlPlane);
        this.controlPlane = controlPlane;
        this.recent = recent;
        this.bytesPerTurn =
                bytesPerMinute * INTERVAL.toSeconds() / Duration.ofMinutes(1).toSeconds();
    }

    @Override
    void step() throws InterruptedException {
        List<LogRecord> records = recent.take(ClientLogs.RECORDS_MAX, bytesPerTurn);
        if (!records.isEmpty()) {
            try {
                controlPlane.sendLogs(new ClientLogs(recent.dropped(), records));
            } catch (ControlPlaneException e) { // told by who made the call
                recent.countDropped(records.size());
            }
        }
        Thread.sleep(INTERVAL);
    }
}
