package org.replicationserver.receiver.replication;

import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.Explanation.Facts;

/** How the newest fetch of software stands. Event loop only. */
final class SoftwareLink {
    /** The last words of a refused certificate, or of what is allowed, matter. */
    private static final int REASON_CHARS_MAX = 450;

    private InitiationStepStatus step = InitiationStepStatus.SKIPPED;
    private @Nullable SoftwareTrouble trouble;
    private long failedNanos;

    void fetching() {
        step = InitiationStepStatus.IN_PROGRESS;
        trouble = null;
    }

    /** Also where there is some from before. */
    void installed() {
        step = InitiationStepStatus.SUCCEEDED;
        trouble = null;
    }

    void failed(SoftwareTrouble newTrouble, Moment now) {
        step = InitiationStepStatus.FAILED;
        trouble = newTrouble;
        failedNanos = now.nanos();
    }

    InitiationStepStatus step() {
        return step;
    }

    /** Null if there is nothing to say. */
    @Nullable
    Explanation explain(Moment now) {
        SoftwareTrouble known = trouble;
        return known == null
                ? null
                : ExplanationCode.SOFTWARE_NOT_FETCHED.explain(
                        new Facts()
                                .put("object", known.object())
                                .put("seconds", now.secondsSince(failedNanos))
                                .put("kind", known.kind())
                                .put("reason", known.reason(), REASON_CHARS_MAX),
                        known.nextAction());
    }
}
