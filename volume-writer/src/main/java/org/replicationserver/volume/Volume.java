package org.replicationserver.volume;

import org.jspecify.annotations.Nullable;

/** What a session may ask of a volume. Any thread. A simulation can stand in for the {@link VolumeWriter}. */
public interface Volume {
    VolumeId id();

    /** The assigned size; nothing at or past it can be written. */
    long sizeBytes();

    /**
     * Takes over a write until it is reported. It is reported exactly once, whatever happens.
     *
     * @throws IllegalArgumentException when the write is not inside the volume, not in sectors, or too long
     * @throws IllegalStateException when it is submitted already, or when more is queued than the windows of sessions
     *     can add up to
     */
    void submit(BlockWrite write);

    /** Asks that what has been submitted up to now is not kept waiting for a larger round. */
    void forceSoon();

    /**
     * Drops the queued writes of an owner and waits for the running one.
     *
     * @param owner identity of a session generation, which must submit nothing more
     * @param whenSettled called once no write of the owner is queued or running and each has been reported; on the
     *     writer thread, or on the calling thread when the writer has ended
     */
    void fence(Object owner, Runnable whenSettled);

    /**
     * Compares blocks with hashes, piece by piece and as a rule only while nothing waits to be written. What is found equal is on stable
     * storage when the comparison is done. A read that fails fails the volume.
     *
     * @throws IllegalArgumentException when the blocks are not inside the volume
     * @throws IllegalStateException when more wait than any server lets run
     */
    void compare(BlockComparison comparison);

    /** Why the volume is failed, or null while it is not. */
    @Nullable
    VolumeFailure failure();

    /** Whether the volume read zero when it was opened and the writer knows what was written since, so that ZERO may cost nothing. */
    boolean isFresh();

    /** It is not known any more what the volume holds: from the next submitted write on every ZERO is written. */
    void withdrawFresh();

    /** What tells the device from another one that takes its place under the same name; null where nothing does. */
    default @Nullable String physicalId() {
        return null;
    }

    /** What its image file's mark said at this opening. */
    default Mark mark() {
        return Mark.NOT_KEPT;
    }

    /** Writes submitted since the volume was opened; never decreases. */
    long submittedWrites();

    /** Writes submitted and not reported yet, running ones included. */
    long queuedWrites();

    /** Raw bytes of these writes; a ZERO counts {@link BlockWrite#ZERO_WINDOW_BYTES}. */
    long queuedBytes();

    /** How long the running batch has been running, 0 when idle: what tells a stuck device from an idle one. */
    long runningNanos();

    /** Time in calls of the device since the volume was opened, the one that has not returned included; never decreases. */
    long deviceBusyNanos();

    /** Time in which blocks were expanded and checked, or hashed, since the volume was opened; never decreases. */
    long expandBusyNanos();

    /** Bytes handed to the device since the volume was opened, those of ZERO left out; never decreases. */
    long writtenBytes();
}
