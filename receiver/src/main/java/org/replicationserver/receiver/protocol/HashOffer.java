package org.replicationserver.receiver.protocol;

import java.nio.ByteBuffer;
import java.util.BitSet;

/**
 * The payload of HASH_OFFER: what an agent says that blocks of a volume should be. Not to be changed once it is made.
 *
 * <pre>
 *  0 the head, {@link BlockRange}   24 bitmap of the blocks that are zero
 *    32 bytes for each block that is not, in their order: its SHA-256
 * </pre>
 */
public final class HashOffer {
    public static final int HASH_BYTES = 32;

    /** Of the largest payload. */
    public static final int BYTES_MAX =
            BlockRange.BYTES + BlockRange.bitmapBytes(BlockRange.COUNT_MAX) + HASH_BYTES * BlockRange.COUNT_MAX;

    private static final String NAME = "HASH_OFFER";

    private final BlockRange range;
    private final BitSet zeros;
    private final byte[] hashes;

    /**
     * Takes over what it is given.
     *
     * @param zeros of the blocks of the range, those that are zero
     * @param hashes {@link #HASH_BYTES} for each other one
     */
    public HashOffer(BlockRange range, BitSet zeros, byte[] hashes) {
        if (zeros.length() > range.count() || hashes.length != hashBytes(range, zeros)) {
            throw new IllegalArgumentException(
                    "hashes do not fit: " + range + " zeros=" + zeros.cardinality() + " hashBytes=" + hashes.length);
        }
        this.range = range;
        this.zeros = zeros;
        this.hashes = hashes;
    }

    private static int hashBytes(BlockRange range, BitSet zeros) {
        return HASH_BYTES * (range.count() - zeros.cardinality());
    }

    public BlockRange range() {
        return range;
    }

    /** Of the blocks of the range, those that are zero. */
    public BitSet zeros() {
        return zeros;
    }

    /** {@link #HASH_BYTES} for each block that is not zero; the array itself. */
    public byte[] hashes() {
        return hashes;
    }

    int bytes() {
        return BlockRange.BYTES + range.bitmapBytes() + hashes.length;
    }

    void put(ByteBuffer out) {
        range.put(out);
        HashDiff.putBitmap(out, zeros, range.bitmapBytes());
        out.put(hashes);
    }

    /** Reads a whole payload. */
    public static HashOffer read(ByteBuffer payload) throws ProtocolException {
        ByteBuffer in = payload.duplicate();
        BlockRange range = BlockRange.read(in, NAME);
        BlockRange.require(in.remaining() >= range.bitmapBytes(), ErrorCode.LIMIT, NAME, "its bitmap is cut short");
        BitSet zeros = BitSet.valueOf(BlockRange.readBitmap(in, range.count(), NAME));
        int hashBytes = hashBytes(range, zeros);
        BlockRange.require(
                in.remaining() == hashBytes,
                ErrorCode.LIMIT,
                NAME,
                in.remaining() + " bytes of hashes, " + hashBytes + " belong to its bitmap");
        byte[] hashes = new byte[hashBytes];
        in.get(hashes);
        return new HashOffer(range, zeros, hashes);
    }

    @Override
    public String toString() {
        return "HashOffer[" + range + ", zeros=" + zeros.cardinality() + "]";
    }
}
