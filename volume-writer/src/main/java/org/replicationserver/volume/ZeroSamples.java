package org.replicationserver.volume;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Whether a device reads zero where a disk that was ever used does not: its first and its last MiB, which hold partition tables and
 * superblocks, and up to {@value #SAMPLES_MAX} places between them. Said to be new, a volume with somebody's data would otherwise keep
 * it under every zero that is replicated to it. Writer thread only.
 */
final class ZeroSamples {
    static final int SAMPLES_MAX = 1024;
    private static final long EDGE_BYTES = 1 << 20;
    private static final int READ_BYTES = 64 * 1024;
    private static final int SAMPLE_BYTES = 4096;

    private final BlockDevice device;
    private final MemorySegment memory;

    private ZeroSamples(BlockDevice device, MemorySegment memory) {
        this.device = device;
        this.memory = memory;
    }

    /** Looks at the first {@code sizeBytes} of the device. */
    static boolean areAllZero(BlockDevice device, long sizeBytes) throws DeviceException {
        try (Arena arena = Arena.ofConfined()) {
            ZeroSamples samples = new ZeroSamples(device, arena.allocate(READ_BYTES, SAMPLE_BYTES));
            long edgeBytes = Math.min(EDGE_BYTES, sizeBytes);
            return samples.isZero(0, edgeBytes)
                    && samples.isZero(sizeBytes - edgeBytes, edgeBytes)
                    && samples.areZeroBetween(edgeBytes, sizeBytes - edgeBytes);
        }
    }

    private boolean areZeroBetween(long beginBytes, long endBytes) throws DeviceException {
        long places = (endBytes - beginBytes) / SAMPLE_BYTES;
        long step = Math.max(1, places / SAMPLES_MAX);
        for (long place = 0; place < places; place += step) {
            if (!isZero(beginBytes + place * SAMPLE_BYTES, SAMPLE_BYTES)) {
                return false;
            }
        }
        return true;
    }

    private boolean isZero(long offsetBytes, long lengthBytes) throws DeviceException {
        for (long done = 0; done < lengthBytes; done += READ_BYTES) {
            MemorySegment read = memory.asSlice(0, Math.min(READ_BYTES, lengthBytes - done));
            device.read(read, offsetBytes + done);
            for (long at = 0; at < read.byteSize(); at += Long.BYTES) {
                if (read.get(ValueLayout.JAVA_LONG, at) != 0) {
                    return false;
                }
            }
        }
        return true;
    }
}
