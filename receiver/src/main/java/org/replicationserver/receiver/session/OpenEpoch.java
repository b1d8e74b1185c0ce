package org.replicationserver.receiver.session;

import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.EpochCommit;

/** The epoch that is open in a session. Event loop only. */
final class OpenEpoch {
    final long epoch;
    final boolean fuzzy;

    /** The agent was told that it may send. */
    boolean open;

    /** The agent's wish to commit, while it waits for fences and durable frames. */
    @Nullable
    EpochCommit commit;

    /** Seq of the frame that asked. */
    long commitSeq;

    long commitNanos;

    /** The record is being stored; nothing can stop the commit any more. */
    boolean storing;

    OpenEpoch(long epoch, boolean fuzzy) {
        this.epoch = epoch;
        this.fuzzy = fuzzy;
    }
}
