package org.replicationserver.receiver.session;

import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.Volume;

/** A volume of a session and the blocks of the session that are on their way to it. Event loop only. */
final class SessionVolume {
    final int index;
    final VolumeAssignment assignment;

    /** Null where the volume is not open. */
    final @Nullable Volume volume;

    /** Why it takes no writes, or null if it does. */
    @Nullable
    String failure;

    /** What is being compared for the agent, or null. */
    @Nullable
    OfferedBlocks offered;

    // blocks under way, oldest first
    private @Nullable InboundBlock oldest;
    private @Nullable InboundBlock newest;
    private long queuedBytes;

    /** Of the blocks that became durable in this round. */
    long durableBytes;

    SessionVolume(int index, VolumeAssignment assignment, @Nullable Volume volume, @Nullable String failure) {
        this.index = index;
        this.assignment = assignment;
        this.volume = volume;
        this.failure = failure;
    }

    boolean isFailed() {
        return failure != null || volume == null;
    }

    /** It has failed on its own thread, and that is on its way here through the record; then a commit that waits is answered. */
    boolean isFailing() {
        return volume != null && volume.failure() != null;
    }

    void add(InboundBlock block) {
        block.older = newest;
        block.newer = null;
        if (newest == null) {
            oldest = block;
        } else {
            newest.newer = block;
        }
        newest = block;
        queuedBytes += block.windowBytes();
    }

    void remove(InboundBlock block) {
        if (block.older == null) {
            oldest = block.newer;
        } else {
            block.older.newer = block.newer;
        }
        if (block.newer == null) {
            newest = block.older;
        } else {
            block.newer.older = block.older;
        }
        block.older = null;
        block.newer = null;
        queuedBytes -= block.windowBytes();
    }

    boolean isIdle() {
        return oldest == null;
    }

    long queuedBytes() {
        return queuedBytes;
    }

    /** How long the oldest block has waited, or the device has not moved while it compares; 0 if neither. */
    long oldestNanos(long nowNanos) {
        long standsNanos = offered == null ? 0 : offered.standsNanos(nowNanos);
        return oldest == null ? standsNanos : Math.max(standsNanos, nowNanos - oldest.submittedNanos());
    }
}
