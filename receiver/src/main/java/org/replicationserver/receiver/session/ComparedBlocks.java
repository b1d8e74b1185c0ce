package org.replicationserver.receiver.session;

import java.util.BitSet;
import org.replicationserver.receiver.protocol.BlockRange;

/**
 * What came of one offer of hashes. Immutable.
 *
 * @param verified whether the agent only wants to know, of blocks that it takes for replicated; otherwise it is a rescan
 * @param blockBytes in blocks of so many bytes
 * @param bytes were compared
 * @param differingBytes of blocks that differ
 * @param firstDifferingBytes offset of the first block that differs, or -1
 */
public record ComparedBlocks(
        String volumeId, boolean verified, int blockBytes, long bytes, long differingBytes, long firstDifferingBytes) {
    static ComparedBlocks of(String volumeId, long sizeBytes, BlockRange range, BitSet differing) {
        long differingBytes = differing.stream()
                .mapToLong(i ->
                        new BlockRange(0, false, range.blockShift(), range.firstBlock() + i, 1).lengthBytes(sizeBytes))
                .sum();
        int first = differing.nextSetBit(0);
        return new ComparedBlocks(
                volumeId,
                range.reportOnly(),
                range.blockBytes(),
                range.lengthBytes(sizeBytes),
                differingBytes,
                first < 0 ? -1 : (range.firstBlock() + first) << range.blockShift());
    }

    public long equalBytes() {
        return bytes - differingBytes;
    }

    /** Whether the blocks are the smallest that are compared, so that what differs is not looked at again. */
    public boolean isFinest() {
        return blockBytes == 1 << BlockRange.LEAF_SHIFT;
    }
}
