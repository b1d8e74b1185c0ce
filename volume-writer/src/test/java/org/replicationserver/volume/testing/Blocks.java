package org.replicationserver.volume.testing;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Factory;
import org.replicationserver.volume.BlockWrite;

/** Makes block writes as a session would. */
public final class Blocks {
    private Blocks() {}

    public static BlockWrite stored(Object owner, long offsetBytes, byte[] raw) {
        return data(owner, offsetBytes, raw.length, BlockWrite.Codec.STORED, raw, crc32c(raw));
    }

    public static BlockWrite lz4(Object owner, long offsetBytes, byte[] raw) {
        return data(owner, offsetBytes, raw.length, BlockWrite.Codec.LZ4, compress(raw), crc32c(raw));
    }

    /** With nothing made to fit: for blocks that lie. */
    public static BlockWrite data(
            Object owner, long offsetBytes, int rawBytes, BlockWrite.Codec codec, byte[] payload, int rawCrc32c) {
        BlockWrite write = new BlockWrite();
        write.setData(owner, offsetBytes, rawBytes, codec, direct(payload), rawCrc32c);
        return write;
    }

    public static BlockWrite zero(Object owner, long offsetBytes, long lengthBytes) {
        BlockWrite write = new BlockWrite();
        write.setZero(owner, offsetBytes, lengthBytes, false);
        return write;
    }

    public static byte[] compress(byte[] raw) {
        return LZ4Factory.fastestInstance().fastCompressor().compress(raw);
    }

    public static int crc32c(byte[] raw) {
        CRC32C crc32c = new CRC32C();
        crc32c.update(raw);
        return (int) crc32c.getValue();
    }

    /** Inside a larger buffer, as the payload of a frame is. */
    private static ByteBuffer direct(byte[] payload) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(payload.length + 96);
        buffer.put(64, payload);
        return buffer.position(64).limit(64 + payload.length);
    }
}
