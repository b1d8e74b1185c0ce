package org.replicationserver.receiver.control;

import java.time.Duration;
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

    // control-logs only
    private long dropped;

    /** @param bytesPerMinute of log lines, roughly */
    public LogsLoop(ControlPlane controlPlane, RecentLogs recent, long bytesPerMinute) {
        super("control-logs");
        this.controlPlane = controlPlane;
        this.recent = recent;
        this.bytesPerTurn =
                bytesPerMinute * INTERVAL.toSeconds() / Duration.ofMinutes(1).toSeconds();
    }

    @Override
    void step() throws InterruptedException {
        RecentLogs.Batch batch = recent.take(ClientLogs.RECORDS_MAX, bytesPerTurn);
        dropped += batch.dropped();
        if (!batch.records().isEmpty()) {
            try {
                controlPlane.sendLogs(new ClientLogs(dropped, batch.records()));
            } catch (ControlPlaneException e) { // told by who made the call
                dropped += batch.records().size();
            }
        }
        Thread.sleep(INTERVAL);
    }
}
