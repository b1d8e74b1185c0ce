package org.replicationserver.volume;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Objects;

/** The memory in which the blocks of one run are expanded, checked and handed to the device. Writer thread only. */
final class Slab implements AutoCloseable {
    static final int SLAB_BYTES = 4 * 1024 * 1024;
    static final int PAGE_BYTES = 4096;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory = arena.allocate(SLAB_BYTES, PAGE_BYTES);
    private final ByteBuffer buffer = memory.asByteBuffer();
    private final BlockExpander expander = new BlockExpander();

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
        return expander.expand(
                write.codec(),
                Objects.requireNonNull(write.payload()),
                buffer,
                position,
                Math.toIntExact(write.lengthBytes()),
                write.rawCrc32c());
    }

    MemorySegment slice(int position, long lengthBytes) {
        return memory.asSlice(position, lengthBytes);
    }

    @Override
    public void close() {
        arena.close();
    }
}
