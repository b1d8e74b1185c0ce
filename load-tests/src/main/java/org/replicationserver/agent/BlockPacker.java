package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import org.replicationserver.receiver.protocol.FrameHeader;

/** Makes the payload of a block's frame: takes the CRC and compresses. Confined to one thread. */
final class BlockPacker {
    private final FrameBuffer.Allocator allocator;
    private final LZ4Compressor compressor = LZ4Factory.fastestInstance().fastCompressor();
    private final CRC32C crc = new CRC32C();

    /** A frame that is complete but for its header. */
    record Packed(FrameBuffer frame, int codec, int rawBytes, int rawCrc32c) {}

    BlockPacker(FrameBuffer.Allocator allocator) {
        this.allocator = allocator;
    }

    /** Packs what remains of {@code raw}, whose position may change. */
    Packed pack(ByteBuffer raw) {
        int rawBytes = raw.remaining();
        crc.reset();
        crc.update(raw.duplicate());
        FrameBuffer frame = allocator.allocate(FrameHeader.BLOCK_BYTES + compressor.maxCompressedLength(rawBytes));
        int codec = fill(frame.bytes(), raw);
        return new Packed(frame, codec, rawBytes, (int) crc.getValue());
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
}
