package org.replicationserver.integration;

import java.lang.foreign.MemorySegment;
import org.replicationserver.volume.BlockDevice;

/** Takes everything and keeps nothing: for tests that measure what is before it. */
record NullDevice(long sizeBytes) implements BlockDevice {
    @Override
    public int alignmentBytes() {
        return SECTOR_BYTES;
    }

    @Override
    public void write(MemorySegment source, long offsetBytes) {}

    @Override
    public void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) {}

    @Override
    public void read(MemorySegment target, long offsetBytes) {
        target.fill((byte) 0);
    }

    @Override
    public void force() {}

    @Override
    public void forgetCache() {}

    @Override
    public void close() {}
}
