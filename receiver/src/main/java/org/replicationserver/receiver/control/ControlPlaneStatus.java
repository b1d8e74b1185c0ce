package org.replicationserver.receiver.control;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How it stands with the control plane. Immutable.
 *
 * @param lastAnswered when a call was last answered, also if with a refusal of its content; null if none was since the start
 * @param failingSince when the first of the calls failed that have failed in a row since; null if the last one was answered
 * @param failedCalls how many have failed in a row
 * @param lastFailure the newest failure, also when calls have succeeded since; null if there was none
 */
public record ControlPlaneStatus(
        @Nullable Instant lastAnswered,
        @Nullable Instant failingSince,
        long failedCalls,
        @Nullable Failure lastFailure) {
    static final ControlPlaneStatus NOTHING_YET = new ControlPlaneStatus(null, null, 0, null);

    /**
     * A call that failed.
     *
     * @param sentence for people, with what to do
     * @param requestId what the control plane called it, null if it did not answer
     */
    public record Failure(
            Instant when,
            ControlPlaneException.Kind kind,
            String sentence,
            @Nullable String requestId) {}
}
