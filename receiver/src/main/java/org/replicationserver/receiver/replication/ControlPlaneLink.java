package org.replicationserver.receiver.replication;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** How this server stands with the control plane. Event loop only. */
final class ControlPlaneLink {
    private final Duration toldAfter;
    private boolean local;
    private boolean authenticated;
    private @Nullable ControlPlaneTrouble trouble;

    /** When calls began to fail, for whatever reason. */
    private long awaySinceNanos;

    /** When they began to fail for the reason that they fail for now; while it was never authenticated, since when it is not. */
    private long faultSinceNanos;

    ControlPlaneLink(Duration toldAfter, long nowNanos) {
        this.toldAfter = toldAfter;
        this.awaySinceNanos = nowNanos;
        this.faultSinceNanos = nowNanos;
    }

    /** There is none: assignments come from a file. */
    void absent() {
        local = true;
    }

    void authenticated() {
        authenticated = true;
        trouble = null;
    }

    void failed(ControlPlaneTrouble newTrouble, Moment now) {
        // While it was never authenticated that is what has lasted, whatever the cause was at first.
        if (authenticated && trouble == null) {
            awaySinceNanos = now.nanos();
        }
        if (authenticated && (trouble == null || trouble.fault() != newTrouble.fault())) {
            faultSinceNanos = now.nanos();
        }
        authenticated &= newTrouble.fault() != ControlPlaneFault.NOT_AUTHENTICATED;
        trouble = newTrouble;
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
        boolean isRefused = trouble != null && trouble.fault() == ControlPlaneFault.NOT_AUTHENTICATED;
        return !local && !authenticated && (isRefused || now.isAfter(faultSinceNanos, toldAfter));
    }

    /** It was reached before, and calls fail now. */
    boolean isAway(Moment now) {
        return !local && authenticated && trouble != null && now.isAfter(awaySinceNanos, toldAfter);
    }

    /** For how long it is so, for the reason for which it is so now. */
    long seconds(Moment now) {
        return now.secondsSince(faultSinceNanos);
    }

    @Nullable
    ControlPlaneTrouble trouble() {
        return trouble;
    }
}
