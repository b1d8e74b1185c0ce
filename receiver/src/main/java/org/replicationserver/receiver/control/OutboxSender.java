package org.replicationserver.receiver.control;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells what the outbox keeps: one report after the other, each as often as it takes, for as long as it takes. On the virtual thread
 * {@code control-sender}.
 *
 * <p>Only what the control plane itself refuses {@value #REFUSALS_MAX} times, because it is malformed, about something unknown or in
 * conflict, is set aside, so that it does not keep back all that come after it.
 */
public final class OutboxSender extends ControlThread {
    private static final Logger LOG = LoggerFactory.getLogger(OutboxSender.class);

    static final int REFUSALS_MAX = 3;

    private final ControlPlane controlPlane;
    private final Outbox outbox;
    private final Runnable onRefused;

    /** How often the oldest report was refused. */
    private int refusals;

    /** @param onRefused called when a report was set aside: what this server knows of assignments may be old. Must not block */
    public OutboxSender(ControlPlane controlPlane, Outbox outbox, Runnable onRefused) {
        super("control-sender", controlPlane);
        this.controlPlane = controlPlane;
        this.outbox = outbox;
        this.onRefused = onRefused;
    }

    @Override
    void step() throws ControlPlaneException, InterruptedException {
        SentReport oldest = await(outbox.next());
        try {
            controlPlane.send(oldest);
        } catch (ControlPlaneException e) {
            if (!e.kind().isRefusal() || ++refusals < REFUSALS_MAX) {
                throw e;
            }
            setAside(oldest, e);
            return;
        }
        refusals = 0;
        await(outbox.sent(oldest));
    }

    private void setAside(SentReport report, ControlPlaneException refusal) throws InterruptedException {
        LOG.atError()
                .addKeyValue("report", report.report())
                .addKeyValue("sequence", report.sequence())
                .addKeyValue("requestId", refusal.requestId().orElse(null))
                .addKeyValue("cause", refusal.sentence())
                .log("report is refused for good and set aside");
        refusals = 0;
        await(outbox.setAside(report, refusal.sentence()));
        onRefused.run();
    }

    private static <T> T await(CompletableFuture<T> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("the outbox does not answer", e);
        }
    }
}
