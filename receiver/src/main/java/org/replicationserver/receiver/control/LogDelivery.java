package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.log.LogRecord;
import org.replicationserver.receiver.log.RecentLogs;

/**
 * Sends the newest log records because somebody has asked for them. A control plane that is away for a moment is waited for, since it
 * wants them and may want them for that moment. Calls block; any thread but an event loop.
 */
public final class LogDelivery {
    private final ControlPlane controlPlane;
    private final RecentLogs recent;
    private final Duration patience;

    /** @param patience for which failed calls are made again, counted from the first of them all */
    public LogDelivery(ControlPlane controlPlane, RecentLogs recent, Duration patience) {
        this.controlPlane = controlPlane;
        this.recent = recent;
        this.patience = patience;
    }

    /** What became of it, for who has asked. */
    public CommandResult deliver(int recordsMax) throws InterruptedException {
        List<LogRecord> records = recent.newest(recordsMax);
        long begunNanos = System.nanoTime();
        long deadlineNanos = begunNanos + patience.toNanos();
        for (int from = 0; from < records.size(); from += ClientLogs.RECORDS_MAX) {
            int to = Math.min(records.size(), from + ClientLogs.RECORDS_MAX);
            try {
                send(new ClientLogs(recent.dropped(), records.subList(from, to)), deadlineNanos);
            } catch (ControlPlaneException e) {
                long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begunNanos);
                return CommandResult.failed(from + " of " + records.size() + " log records were sent, given up after "
                        + seconds + " s: " + e.sentence());
            }
        }
        return CommandResult.succeeded(
                records.size() + " log records were sent", new JsonObject().put("records", records.size()));
    }

    private void send(ClientLogs logs, long deadlineNanos) throws ControlPlaneException, InterruptedException {
        Backoff backoff = new Backoff(controlPlane);
        while (true) {
            try {
                controlPlane.sendLogs(logs);
                return;
            } catch (ControlPlaneException e) {
                boolean mayPass = e.kind().isTransient() || e.kind() == Kind.CIRCUIT_OPEN;
                if (!mayPass || !backoff.await(e, Duration.ofNanos(deadlineNanos - System.nanoTime()))) {
                    throw e;
                }
            }
        }
    }
}
