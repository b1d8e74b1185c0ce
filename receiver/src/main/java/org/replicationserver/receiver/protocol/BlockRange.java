package org.replicationserver.receiver.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The blocks of a volume that a HASH_OFFER is about: the first 24 bytes of its payload, which HASH_DIFF repeats. Immutable.
 *
 * <pre>
 *  0 u16 volume   2 u8 algorithm   3 u8 flags   4 u8 block_shift   5 u24 reserved
 *  8 u64 first_block   16 u32 count   20 u32 reserved
 * </pre>
 *
 * @param volume its index of this session
 * @param reportOnly what differs is only told, not sent
 * @param blockShift a block is 2^blockShift bytes: {@link #LEAF_SHIFT} or {@link #TREE_SHIFT}
 * @param firstBlock number of the first block
 * @param count blocks, 1 to {@link #COUNT_MAX}
 */
public record BlockRange(int volume, boolean reportOnly, int blockShift, long firstBlock, int count) {
    public static final int BYTES = 24;
    public static final int COUNT_MAX = 1024;

    /** Blocks of 64 KiB, whose hash is that of their bytes. */
    public static final int LEAF_SHIFT = 16;

    /** Blocks of 1 MiB, whose hash is that of the hashes of their blocks of 64 KiB. */
    public static final int TREE_SHIFT = 20;

    static final int SHA_256 = 1;
    private static final int FLAG_REPORT_ONLY = 1;

    /** Number of the last block that a u64 of bytes can begin at. */
    private static final long BLOCK_MAX = Long.MAX_VALUE >> TREE_SHIFT;

    public int blockBytes() {
        return 1 << blockShift;
    }

    public long offsetBytes() {
        return firstBlock << blockShift;
    }

    /** The number of blocks that a disk of this size has. */
    public long blocksOf(long sizeBytes) {
        return (sizeBytes + blockBytes() - 1) >> blockShift;
    }

    /** Bytes of the blocks; the last one of a disk may be shorter. */
    public long lengthBytes(long sizeBytes) {
        return Math.min(sizeBytes, (firstBlock + count) << blockShift) - offsetBytes();
    }

    /** Bytes of a bitmap with a bit for each of the blocks. */
    int bitmapBytes() {
        return bitmapBytes(count);
    }

    static int bitmapBytes(int count) {
        return (count + Byte.SIZE - 1) / Byte.SIZE;
    }

    void put(ByteBuffer out) {
        out.order(ByteOrder.LITTLE_ENDIAN);
        out.putShort((short) volume).put((byte) SHA_256).put((byte) (reportOnly ? FLAG_REPORT_ONLY : 0));
        out.putInt(blockShift).putLong(firstBlock).putInt(count).putInt(0);
    }

    /** Reads a head at the buffer's position; {@code name} is that of the frame type. */
    static BlockRange read(ByteBuffer in, String name) throws ProtocolException {
        require(in.remaining() >= BYTES, ErrorCode.LIMIT, name, "it is shorter than its head");
        in.order(ByteOrder.LITTLE_ENDIAN);
        int volume = Short.toUnsignedInt(in.getShort());
        int algorithm = Byte.toUnsignedInt(in.get());
        require(algorithm == SHA_256, ErrorCode.UNSUPPORTED, name, "algorithm=" + algorithm + ", known is 1");
        int flags = Byte.toUnsignedInt(in.get());
        require((flags & ~FLAG_REPORT_ONLY) == 0, ErrorCode.UNSUPPORTED, name, "flags=" + flags + ", known is 1");
        int shift = in.getInt() & 0xff;
        require(shift == LEAF_SHIFT || shift == TREE_SHIFT, ErrorCode.LIMIT, name, "block_shift=" + shift);
        long first = in.getLong();
        long count = Integer.toUnsignedLong(in.getInt());
        require(count >= 1 && count <= COUNT_MAX, ErrorCode.LIMIT, name, "count=" + count + ", 1 to " + COUNT_MAX);
        require(
                first >= 0 && first <= BLOCK_MAX,
                ErrorCode.RANGE,
                name,
                "first_block=" + Long.toUnsignedString(first) + " is past the end of any disk");
        in.getInt();
        return new BlockRange(volume, (flags & FLAG_REPORT_ONLY) != 0, shift, first, (int) count);
    }

    static void require(boolean holds, ErrorCode code, String name, String otherwise) throws ProtocolException {
        if (!holds) {
            throw new ProtocolException(code, name + ": " + otherwise);
        }
    }

    /** A bitmap as bytes of a payload: bit i is bit i mod 8 of byte i / 8. */
    static byte[] readBitmap(ByteBuffer in, int count, String name) throws ProtocolException {
        byte[] bitmap = new byte[bitmapBytes(count)];
        in.get(bitmap);
        int beyond = count % Byte.SIZE == 0 ? 0 : Byte.toUnsignedInt(bitmap[bitmap.length - 1]) >> count % Byte.SIZE;
        require(beyond == 0, ErrorCode.LIMIT, name, "its bitmap has bits beyond count=" + count);
        return bitmap;
    }
}
