package org.replicationserver.harness;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Factory;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameWriter;

/** A block that is about to be sent: as LZ4 where that is shorter. */
public final class BlockFrame {
    private final int volume;
    private final long offsetBytes;
    private final byte[] raw;
    private final byte[] payload;
    private final long epoch;
    private final int crc32c;

    private BlockFrame(int volume, long offsetBytes, byte[] raw, long epoch, int crc32c) {
        this.volume = volume;
        this.offsetBytes = offsetBytes;
        this.raw = raw;
        this.payload =
                shorter(raw, LZ4Factory.fastestInstance().fastCompressor().compress(raw));
        this.epoch = epoch;
        this.crc32c = crc32c;
    }

    private static byte[] shorter(byte[] raw, byte[] compressed) {
        return compressed.length < raw.length ? compressed : raw;
    }

    public static BlockFrame of(int volume, long offsetBytes, byte[] raw, long epoch) {
        CRC32C crc = new CRC32C();
        crc.update(raw);
        return new BlockFrame(volume, offsetBytes, raw, epoch, (int) crc.getValue());
    }

    /** The same with a checksum that is not the block's. */
    public BlockFrame corrupt() {
        return new BlockFrame(volume, offsetBytes, raw, epoch, ~crc32c);
    }

    public int volume() {
        return volume;
    }

    public long offsetBytes() {
        return offsetBytes;
    }

    public int lengthBytes() {
        return raw.length;
    }

    /** Takes the writer's next seq. */
    public ByteBuffer encode(FrameWriter writer) {
        ByteBuffer bytes = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES + payload.length);
        writer.dataHeader(
                bytes,
                volume,
                payload.length < raw.length ? FrameHeader.CODEC_LZ4 : FrameHeader.CODEC_STORED,
                payload.length,
                raw.length,
                offsetBytes,
                epoch,
                crc32c);
        return bytes.put(payload).flip();
    }
}
