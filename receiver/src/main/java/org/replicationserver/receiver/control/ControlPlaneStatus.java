package org.replicationserver.receiver.control;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How it stands with the control plane. Immutable.
 *
 * @param lastAnswered when a call was last answered, also if with a refusal of its content; null if none was since the start
 * @param failingSince when the first of the calls began that have failed in a row since; null if the last one was answered
 * @param failedCalls how many have failed in a row
 * @param lastFailure the newest failure, also when calls have succeeded since; null if there was none
 * @param nextAttempt before which no call is made; null where calls are made as they come
 */
public record ControlPlaneStatus(
        @Nullable Instant lastAnswered,
        @Nullable Instant failingSince,
        long failedCalls,
        @Nullable Failure lastFailure,
        @Nullable Instant nextAttempt) {
    static final ControlPlaneStatus NOTHING_YET = new ControlPlaneStatus(null, null, 0, null, null);

    /**
     * A call that failed.
     *
     * @param sentence what happened, for people
     * @param nextAction what to do about it
     * @param requestId what the control plane called it, null if it did not answer
     */
    public record Failure(
            Instant when,
            ControlPlaneException.Kind kind,
            String sentence,
            String nextAction,
            @Nullable String requestId) {}

    /** The same with the moment of the newest answer. */
    ControlPlaneStatus withLastAnswered(Instant newLastAnswered) {
        return new ControlPlaneStatus(newLastAnswered, failingSince, failedCalls, lastFailure, nextAttempt);
    }

    /** The same with the moment of the next attempt. */
    ControlPlaneStatus withNextAttempt(@Nullable Instant newNextAttempt) {
        return new ControlPlaneStatus(lastAnswered, failingSince, failedCalls, lastFailure, newNextAttempt);
    }
}
