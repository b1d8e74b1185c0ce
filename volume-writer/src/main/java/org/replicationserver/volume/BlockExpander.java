package org.replicationserver.volume;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/** Expands payloads and checks what comes out of them. Confined to one thread. */
public final class BlockExpander {
    /**
     * The safe one, which stays inside both buffers whatever the block says. The library's "fast" one does not need
     * to know the compressed length and pays for that with trust.
     */
    private static final LZ4SafeDecompressor DECOMPRESSOR =
            LZ4Factory.fastestInstance().safeDecompressor();

    private final CRC32C crc32c = new CRC32C();

    /**
     * Writes the raw bytes of a payload into {@code target}, whose position and limit do not matter and may change.
     *
     * @param payload position and limit bound it; they stay
     * @param position where in {@code target} the raw bytes begin
     * @param lengthBytes of the raw bytes, for which there is room
     * @param rawCrc32c of the raw bytes
     * @return false when the payload does not expand to exactly these bytes; then what is at the position is rubbish
     */
    public boolean expand(
            BlockWrite.Codec codec,
            ByteBuffer payload,
            ByteBuffer target,
            int position,
            int lengthBytes,
            int rawCrc32c) {
        boolean whole = codec == BlockWrite.Codec.LZ4
                ? decompress(payload, target, position, lengthBytes)
                : copy(payload, target, position, lengthBytes);
        return whole && crcOf(target, position, lengthBytes) == rawCrc32c;
    }

    private static boolean decompress(ByteBuffer payload, ByteBuffer target, int position, int lengthBytes) {
        try {
            // Its room is exactly its length, so a lying block cannot reach its neighbours in the run.
            int expandedBytes = DECOMPRESSOR.decompress(
                    payload, payload.position(), payload.remaining(), target, position, lengthBytes);
            return expandedBytes == lengthBytes;
        } catch (LZ4Exception e) {
            return false;
        }
    }

    private static boolean copy(ByteBuffer payload, ByteBuffer target, int position, int lengthBytes) {
        if (payload.remaining() != lengthBytes) {
            return false;
        }
        target.put(position, payload, payload.position(), lengthBytes);
        return true;
    }

    private int crcOf(ByteBuffer target, int position, int lengthBytes) {
        target.limit(position + lengthBytes).position(position);
        crc32c.reset();
        crc32c.update(target);
        target.clear();
        return (int) crc32c.getValue();
    }
}
