package org.replicationserver.receiver.protocol;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;

/**
 * The payload of HASH_DIFF: the head of the offer that it answers, and a bitmap of the blocks that differ. Every other one is on stable
 * storage as it was offered.
 */
public record HashDiff(BlockRange range, BitSet differing) {
    /** Of the largest payload. */
    public static final int BYTES_MAX = BlockRange.BYTES + BlockRange.bitmapBytes(BlockRange.COUNT_MAX);

    private static final String NAME = "HASH_DIFF";

    int bytes() {
        return BlockRange.BYTES + range.bitmapBytes();
    }

    void put(ByteBuffer out) {
        range.put(out);
        putBitmap(out, differing, range.bitmapBytes());
    }

    static void putBitmap(ByteBuffer out, BitSet bits, int bytes) {
        out.put(Arrays.copyOf(bits.toByteArray(), bytes));
    }

    /** Reads a whole payload. */
    public static HashDiff read(ByteBuffer payload) throws ProtocolException {
        ByteBuffer in = payload.duplicate();
        BlockRange range = BlockRange.read(in, NAME);
        BlockRange.require(in.remaining() == range.bitmapBytes(), ErrorCode.LIMIT, NAME, "its length is not count's");
        return new HashDiff(range, BitSet.valueOf(BlockRange.readBitmap(in, range.count(), NAME)));
    }
}
