package org.replicationserver.volume.testing;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.replicationserver.volume.BlockDevice;

/** A device in an array. Every write is at once what a read sees; a force does nothing. */
public final class MemoryDevice implements BlockDevice {
    private final byte[] bytes;
    private final MemorySegment memory;
    private volatile boolean closed;

    public MemoryDevice(int sizeBytes) {
        this.bytes = new byte[sizeBytes];
        this.memory = MemorySegment.ofArray(bytes);
    }

    /** The content itself, not a copy. */
    public byte[] bytes() {
        return bytes;
    }

    public boolean isClosed() {
        return closed;
    }

    @Override
    public long sizeBytes() {
        return bytes.length;
    }

    @Override
    public int alignmentBytes() {
        return SECTOR_BYTES;
    }

    @Override
    public void write(MemorySegment source, long offsetBytes) {
        requireRange(offsetBytes, source.byteSize());
        MemorySegment.copy(source, 0, memory, offsetBytes, source.byteSize());
    }

    @Override
    public void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) {
        requireRange(offsetBytes, lengthBytes);
        memory.asSlice(offsetBytes, lengthBytes).fill((byte) 0);
    }

    @Override
    public void read(MemorySegment target, long offsetBytes) {
        requireRange(offsetBytes, target.byteSize());
        MemorySegment.copy(
                memory, ValueLayout.JAVA_BYTE, offsetBytes, target, ValueLayout.JAVA_BYTE, 0, target.byteSize());
    }

    @Override
    public void force() {
        requireOpen();
    }

    @Override
    public void forgetCache() {
        requireOpen();
    }

    @Override
    public void close() {
        closed = true;
    }

    private void requireRange(long offsetBytes, long lengthBytes) {
        requireOpen();
        if (offsetBytes < 0
                || lengthBytes <= 0
                || offsetBytes % SECTOR_BYTES != 0
                || lengthBytes % SECTOR_BYTES != 0
                || lengthBytes > bytes.length - offsetBytes) {
            throw new IllegalArgumentException("outside the device: offset=" + offsetBytes + " length=" + lengthBytes);
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("used after close");
        }
    }
}
