package org.replicationserver.receiver.control;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Log lines of an outage of the control plane: one at its beginning, one when it becomes another kind of outage, one now and then while
 * it lasts, and one at its end. Confined to who holds the circuit's lock.
 *
 * <p>It is told of each attempt and has no timer, so a reminder comes with the first attempt after its time.
 */
final class OutageLog {
    static final Duration REMINDER = Duration.ofMinutes(10);

    private static final Logger LOG = LoggerFactory.getLogger(OutageLog.class);

    private @Nullable Kind kind;
    private Instant logged = Instant.EPOCH;

    /** An attempt has failed, and calls have failed for long enough to be called an outage. */
    void failed(ControlPlaneStatus status) {
        Instant since = status.failingSince();
        ControlPlaneStatus.Failure newest = status.lastFailure();
        if (since == null || newest == null) {
            throw new IllegalStateException("no failure: " + status);
        }
        Instant now = newest.when();
        Kind before = kind;
        if (before == null) {
            line(now, since, status, newest).log("calls of the control plane fail, between pauses one is tried");
        } else if (before != newest.kind()) {
            line(now, since, status, newest)
                    .addKeyValue("before", before)
                    .log("calls of the control plane fail for another reason now");
        } else if (Duration.between(logged, now).compareTo(REMINDER) >= 0) {
            line(now, since, status, newest).log("calls of the control plane still fail");
        }
    }

    private LoggingEventBuilder line(
            Instant now, Instant since, ControlPlaneStatus status, ControlPlaneStatus.Failure failure) {
        kind = failure.kind();
        logged = now;
        return LOG.atWarn()
                .addKeyValue("since", since)
                .addKeyValue("seconds", Duration.between(since, now).toSeconds())
                .addKeyValue("failedCalls", status.failedCalls())
                .addKeyValue("kind", failure.kind())
                .addKeyValue("requestId", failure.requestId())
                .addKeyValue("cause", failure.sentence())
                .addKeyValue("nextAction", failure.nextAction())
                .addKeyValue("nextAttempt", status.nextAttempt());
    }

    /** A call is answered again; also after failures that were too few for an outage, each of which has its own line. */
    void ended(Instant now, Instant since, long failedCalls) {
        LOG.atInfo()
                .addKeyValue("since", since)
                .addKeyValue("seconds", Duration.between(since, now).toSeconds())
                .addKeyValue("failedCalls", failedCalls)
                .log("control plane answers again");
        kind = null;
    }
}
