package org.replicationserver.receiver.replication;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Why the control plane cannot be asked, as it was found last. Immutable.
 *
 * @param reason what happened, a part of a sentence
 * @param nextAction what to do about it, a whole sentence
 * @param nextAttempt before which it is not asked again; null where that is soon
 */
public record ControlPlaneTrouble(
        ControlPlaneFault fault,
        String reason,
        String nextAction,
        @Nullable Instant nextAttempt) {}
