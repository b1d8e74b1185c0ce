package org.replicationserver.volume;

import java.util.BitSet;

/**
 * Where data has gone on a volume that read zero everywhere when it was opened. Writer thread only.
 *
 * <p>Held in memory only: after a restart nobody knows any more, and the volume is no longer fresh. A region once
 * touched stays so, even when it is zeroed.
 */
final class TouchedRegions {
    private final BitSet touched = new BitSet();
    private final int regionShift;

    TouchedRegions(long regionBytes) {
        this.regionShift = Long.numberOfTrailingZeros(regionBytes);
    }

    void touch(BlockWrite write) {
        touched.set(first(write), last(write) + 1);
    }

    boolean isUntouched(BlockWrite write) {
        int next = touched.nextSetBit(first(write));
        return next < 0 || next > last(write);
    }

    private int first(BlockWrite write) {
        return Math.toIntExact(write.offsetBytes() >> regionShift);
    }

    private int last(BlockWrite write) {
        return Math.toIntExact((write.endBytes() - 1) >> regionShift);
    }
}
