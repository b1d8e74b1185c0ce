package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import org.replicationserver.receiver.protocol.FrameHeader;

/**
 * Makes of a private copy of blocks what is sent of them: compares, finds zeros, hashes, takes the CRC and compresses. Confined to
 * one reader thread.
 */
final class BlockPreparer {
    /** Blocks that are read, and may be sent, as one: 256 KiB, the natural size of a frame. */
    static final int READ_BLOCKS_MAX = 4;

    private final FrameBuffer.Allocator allocator;
    private final LZ4Compressor compressor = LZ4Factory.fastestInstance().fastCompressor();
    private final BlockDigest digest = new BlockDigest();
    private final CRC32C crc = new CRC32C();
    private final byte[] zeroHash = BlockDigest.ofZeros(BlockLayout.BLOCK_BYTES);
    private final BlockRead.Kind[] kinds = new BlockRead.Kind[READ_BLOCKS_MAX];

    BlockPreparer(FrameBuffer.Allocator allocator) {
        this.allocator = allocator;
    }

    /** Fills in the parts of {@code read}, whose bytes are in {@code copy} from 0 on, where nobody changes them. */
    void prepare(BlockRead read, ByteBuffer copy) {
        for (int i = 0; i < read.count; i++) {
            kinds[i] = kindOf(read, i, blockOf(read, copy, i, 1));
        }
        int start = 0;
        for (int end = 1; end <= read.count; end++) {
            if (end == read.count || kinds[end] != kinds[start]) {
                read.add(part(read, copy, start, end - start));
                start = end;
            }
        }
    }

    private BlockRead.Kind kindOf(BlockRead read, int index, ByteBuffer block) {
        int at = index * BlockHashes.HASH_BYTES;
        boolean zero = isZero(block);
        if (zero && block.remaining() == BlockLayout.BLOCK_BYTES) {
            System.arraycopy(zeroHash, 0, read.hashes, at, BlockHashes.HASH_BYTES);
        } else {
            digest.hash(block.duplicate(), read.hashes, at);
        }
        int end = at + BlockHashes.HASH_BYTES;
        if (!read.isForced(index) && Arrays.equals(read.hashes, at, end, read.sentHashes, at, end)) {
            return BlockRead.Kind.UNCHANGED;
        }
        return zero ? BlockRead.Kind.ZERO : BlockRead.Kind.DATA;
    }

    private BlockRead.Part part(BlockRead read, ByteBuffer copy, int start, int count) {
        int first = read.first + start;
        if (kinds[start] != BlockRead.Kind.DATA) {
            return BlockRead.Part.of(kinds[start], first, count);
        }
        ByteBuffer raw = blockOf(read, copy, start, count);
        crc.reset();
        crc.update(raw.duplicate());
        FrameBuffer frame =
                allocator.allocate(FrameHeader.BLOCK_BYTES + compressor.maxCompressedLength(raw.remaining()));
        int codec = fill(frame.bytes(), raw);
        return new BlockRead.Part(BlockRead.Kind.DATA, first, count, frame, codec, (int) crc.getValue());
    }

    /** Writes the payload behind room for the header; says which codec it is in. */
    private int fill(ByteBuffer frame, ByteBuffer raw) {
        int rawBytes = raw.remaining();
        int room = frame.capacity() - FrameHeader.BLOCK_BYTES;
        int packed = compressor.compress(raw, raw.position(), rawBytes, frame, FrameHeader.BLOCK_BYTES, room);
        if (packed < rawBytes) {
            frame.limit(FrameHeader.BLOCK_BYTES + packed);
            return FrameHeader.CODEC_LZ4;
        }
        frame.put(FrameHeader.BLOCK_BYTES, raw, raw.position(), rawBytes);
        frame.limit(FrameHeader.BLOCK_BYTES + rawBytes);
        return FrameHeader.CODEC_STORED;
    }

    private static ByteBuffer blockOf(BlockRead read, ByteBuffer copy, int index, int count) {
        int from = index << BlockLayout.BLOCK_SHIFT;
        return copy.slice(from, (int) read.layout.bytes(read.first + index, count));
    }

    /** Blocks are multiples of 512 bytes. */
    private static boolean isZero(ByteBuffer block) {
        for (int i = 0; i < block.limit(); i += Long.BYTES) {
            if (block.getLong(i) != 0) {
                return false;
            }
        }
        return true;
    }
}
