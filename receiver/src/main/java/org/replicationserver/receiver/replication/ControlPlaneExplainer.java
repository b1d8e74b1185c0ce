package org.replicationserver.receiver.replication;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.Explanation.Facts;

/** Finds the row of {@link ExplanationCode} that is true now of the control plane. Event loop only; changes nothing. */
final class ControlPlaneExplainer {
    /** A refused certificate takes more words than other reasons, and the last of them matter. */
    private static final int REASON_CHARS_MAX = 450;

    private static final ControlPlaneTrouble NOT_ASKED_YET = new ControlPlaneTrouble(
            ControlPlaneFault.UNREACHABLE,
            "no call has ended yet",
            "Wait for the first call to end, which its timeouts in control.* see to.",
            null);

    private ControlPlaneExplainer() {}

    /** Null if there is nothing to say. */
    static @Nullable Explanation explain(ControlPlaneLink link, Moment now) {
        ControlPlaneTrouble known = link.trouble();
        if (link.isNotAuthenticated(now)) {
            ControlPlaneTrouble trouble = known == null ? NOT_ASKED_YET : known;
            return explain(ExplanationCode.CONTROL_PLANE_NOT_AUTHENTICATED, trouble, link.seconds(now));
        }
        return known != null && link.isAway(now) ? explain(codeOf(known.fault()), known, link.seconds(now)) : null;
    }

    private static ExplanationCode codeOf(ControlPlaneFault fault) {
        return switch (fault) {
            case NOT_AUTHENTICATED -> ExplanationCode.CONTROL_PLANE_NOT_AUTHENTICATED;
            case UNREACHABLE -> ExplanationCode.CONTROL_PLANE_UNREACHABLE;
            case THROTTLED -> ExplanationCode.CONTROL_PLANE_THROTTLED;
            case SERVER_ERROR -> ExplanationCode.CONTROL_PLANE_SERVER_ERROR;
            case BAD_ANSWER -> ExplanationCode.CONTROL_PLANE_BAD_ANSWER;
        };
    }

    private static Explanation explain(ExplanationCode code, ControlPlaneTrouble trouble, long seconds) {
        Instant next = trouble.nextAttempt();
        Facts facts = new Facts()
                .put("seconds", seconds)
                .put("reason", trouble.reason(), REASON_CHARS_MAX)
                .put("nextAttempt", next == null ? "soon" : "at " + next.truncatedTo(ChronoUnit.SECONDS));
        return code.explain(facts, trouble.nextAction());
    }
}
