package org.replicationserver.volume;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/** The memory in which the blocks of one run are expanded, checked and handed to the device. Writer thread only. */
final class Slab implements AutoCloseable {
    static final int SLAB_BYTES = 4 * 1024 * 1024;
    static final int PAGE_BYTES = 4096;

    /**
     * The safe one, which stays inside both buffers whatever the block says. The library's "fast" one does not need
     * to know the compressed length and pays for that with trust.
     */
    private static final LZ4SafeDecompressor DECOMPRESSOR =
            LZ4Factory.fastestInstance().safeDecompressor();

    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory = arena.allocate(SLAB_BYTES, PAGE_BYTES);
    private final ByteBuffer buffer = memory.asByteBuffer();
    private final CRC32C crc32c = new CRC32C();

    /**
     * The room that a block takes at most: the pages it touches. A run of neighbours touches no more pages than its
     * members do, so blocks whose rooms fit the slab together fit it in whatever way they are joined.
     */
    static long roomBytes(BlockWrite write) {
        if (write.kind() == BlockWrite.Kind.ZERO) {
            return 0;
        }
        long begin = write.offsetBytes() - positionOf(write.offsetBytes());
        return (write.endBytes() - begin + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }

    /**
     * Where a run that begins at this offset begins in the slab: as far into a page as it is on the device. So what is
     * aligned there is aligned here, as O_DIRECT wants it.
     */
    static int positionOf(long offsetBytes) {
        return (int) (offsetBytes % PAGE_BYTES);
    }

    /** False when the payload does not expand to exactly the announced bytes; then what is at the position is rubbish. */
    boolean expand(BlockWrite write, int position) {
        int lengthBytes = Math.toIntExact(write.lengthBytes());
        ByteBuffer payload = Objects.requireNonNull(write.payload());
        boolean whole = write.codec() == BlockWrite.Codec.LZ4
                ? decompress(payload, position, lengthBytes)
                : copy(payload, position, lengthBytes);
        return whole && crcOf(position, lengthBytes) == write.rawCrc32c();
    }

    private boolean decompress(ByteBuffer payload, int position, int lengthBytes) {
        try {
            // Its room is exactly its length, so a lying block cannot reach its neighbours in the run.
            int expandedBytes = DECOMPRESSOR.decompress(
                    payload, payload.position(), payload.remaining(), buffer, position, lengthBytes);
            return expandedBytes == lengthBytes;
        } catch (LZ4Exception e) {
            return false;
        }
    }

    private boolean copy(ByteBuffer payload, int position, int lengthBytes) {
        if (payload.remaining() != lengthBytes) {
            return false;
        }
        buffer.put(position, payload, payload.position(), lengthBytes);
        return true;
    }

    private int crcOf(int position, int lengthBytes) {
        buffer.limit(position + lengthBytes).position(position);
        crc32c.reset();
        crc32c.update(buffer);
        buffer.clear();
        return (int) crc32c.getValue();
    }

    MemorySegment slice(int position, long lengthBytes) {
        return memory.asSlice(position, lengthBytes);
    }

    @Override
    public void close() {
        arena.close();
    }
}
