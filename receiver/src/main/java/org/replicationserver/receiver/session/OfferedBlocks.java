package org.replicationserver.receiver.session;

import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.BlockRange;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.volume.BlockComparison;
import org.replicationserver.volume.CompareMemory;
import org.replicationserver.volume.Volume;

/** A HASH_OFFER of a session that is not answered yet: it waits until its comparison may run, or that runs. Event loop only. */
final class OfferedBlocks {
    /** A device that takes longer for one piece holds up others: it counts no more among those that run. */
    private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(5);

    final SourceSession session;
    final SessionVolume volume;
    final HashOffer offer;

    // while it runs
    private @Nullable BlockComparison comparison;
    private long movedBytes;
    private long movedNanos;

    OfferedBlocks(SourceSession session, SessionVolume volume, HashOffer offer) {
        this.session = session;
        this.volume = volume;
        this.offer = offer;
    }

    /** Begins to compare; {@code whenDone} hears of the end on whatever thread. */
    void compare(Volume open, CompareMemory memory, long nowNanos, Consumer<BlockComparison> whenDone) {
        BlockRange range = offer.range();
        BlockComparison begun = new BlockComparison(
                range.offsetBytes(),
                range.lengthBytes(open.sizeBytes()),
                range.blockBytes(),
                offer.zeros(),
                offer.hashes(),
                memory,
                whenDone);
        comparison = begun;
        movedNanos = nowNanos;
        open.compare(begun);
    }

    /** Nobody waits for the answer any more. */
    void cancel() {
        if (comparison != null) {
            comparison.cancel();
        }
    }

    /** Looks how far it has come. */
    void look(long nowNanos) {
        if (comparison != null && comparison.comparedBytes() != movedBytes) {
            movedBytes = comparison.comparedBytes();
            movedNanos = nowNanos;
        }
    }

    /** How long its device has not moved, 0 while it does not run. */
    long standsNanos(long nowNanos) {
        return comparison == null ? 0 : nowNanos - movedNanos;
    }

    boolean isStuck(long nowNanos) {
        return standsNanos(nowNanos) > STUCK_NANOS;
    }
}
