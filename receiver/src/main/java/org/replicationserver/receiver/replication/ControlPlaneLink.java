package org.replicationserver.receiver.replication;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** How this server stands with the control plane. Event loop only. */
final class ControlPlaneLink {
    private final Duration toldAfter;
    private boolean local;
    private boolean authenticated;
    private @Nullable ControlPlaneFault fault;
    private String reason = "it was not asked yet";
    private long sinceNanos;

    ControlPlaneLink(Duration toldAfter, long nowNanos) {
        this.toldAfter = toldAfter;
        this.sinceNanos = nowNanos;
    }

    /** There is none: assignments come from a file. */
    void absent() {
        local = true;
    }

    void authenticated() {
        authenticated = true;
        fault = null;
    }

    void failed(ControlPlaneFault newFault, String newReason, Moment now) {
        // While it was never authenticated that is what has lasted, whatever the cause was at first.
        if (fault != newFault && authenticated) {
            sinceNanos = now.nanos();
        }
        authenticated &= newFault == ControlPlaneFault.UNREACHABLE;
        fault = newFault;
        reason = newReason;
    }

    InitiationStepStatus step(Moment now) {
        if (local) {
            return InitiationStepStatus.SKIPPED;
        }
        if (authenticated) {
            return InitiationStepStatus.SUCCEEDED;
        }
        return isNotAuthenticated(now) ? InitiationStepStatus.FAILED : InitiationStepStatus.IN_PROGRESS;
    }

    boolean isNotAuthenticated(Moment now) {
        return !local && !authenticated && (fault == ControlPlaneFault.NOT_AUTHENTICATED || isLong(now));
    }

    /** It was reached before and does not answer now. */
    boolean isUnreachable(Moment now) {
        return !local && authenticated && fault == ControlPlaneFault.UNREACHABLE && isLong(now);
    }

    private boolean isLong(Moment now) {
        return now.isAfter(sinceNanos, toldAfter);
    }

    long seconds(Moment now) {
        return now.secondsSince(sinceNanos);
    }

    String reason() {
        return reason;
    }
}
