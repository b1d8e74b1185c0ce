package org.replicationserver.receiver.control;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How old it is what is known of assignments. Immutable.
 *
 * @param answered when the control plane said so last; null if nothing is known
 * @param fromDisk whether that was said to an earlier start of this server, and nothing has been since
 * @param trouble why the newest question has no answer, or only a part of one; null if all is well
 */
public record AssociationStatus(
        @Nullable Instant answered,
        boolean fromDisk,
        @Nullable String trouble) {}
