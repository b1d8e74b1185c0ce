package org.replicationserver.receiver.control;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How it stands with the outbox. Immutable. What is counted is counted since the start of the process.
 *
 * @param entries reports that wait
 * @param oldest when that of them which waits longest was observed; null if none waits
 * @param diskBytes of its files
 * @param appended kept durably
 * @param sent taken by the control plane
 * @param progressDropped progress that was given up because there was too much
 * @param notificationsDropped the same of notifications and of older states
 * @param lost reports that could not be kept: the disk failed or was too slow, or nothing more could be given up for them
 * @param unreadable reports that were kept and that the disk gave back otherwise than they were written
 * @param setAside reports that the control plane refused for good
 * @param failure why the disk could not be written, or else not be read, when that was tried last; null if it works
 */
public record OutboxStatus(
        int entries,
        @Nullable Instant oldest,
        long diskBytes,
        long appended,
        long sent,
        long progressDropped,
        long notificationsDropped,
        long lost,
        long unreadable,
        long setAside,
        @Nullable String failure) {}
