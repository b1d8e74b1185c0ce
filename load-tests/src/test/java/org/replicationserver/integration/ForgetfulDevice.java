package org.replicationserver.integration;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.testing.ForwardingDevice;

/**
 * Keeps what is written in the memory of the process until it is forced, so that a SIGKILL loses what was not forced, as a power
 * loss does to a disk with a volatile cache.
 *
 * <p>{@code NonDurableDevice} writes at once and takes it back when it is told that the power is lost; a process that is killed can be
 * told nothing.
 */
final class ForgetfulDevice extends ForwardingDevice {
    /** As slow as a disk: a kill would hardly ever come between an acknowledgement that is too early and a force that takes no time. */
    private static final long FORCE_NANOS = 10_000_000;

    /** What was written since the last force, by sector. */
    private final Map<Long, byte[]> unforced = new TreeMap<>();

    ForgetfulDevice(BlockDevice device) {
        super(device);
    }

    @Override
    public void write(MemorySegment source, long offsetBytes) {
        for (long at = 0; at < source.byteSize(); at += SECTOR_BYTES) {
            byte[] sector = new byte[SECTOR_BYTES];
            MemorySegment.copy(source, at, MemorySegment.ofArray(sector), 0, SECTOR_BYTES);
            unforced.put(offsetBytes + at, sector);
        }
    }

    @Override
    public void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) {
        for (long at = 0; at < lengthBytes; at += SECTOR_BYTES) {
            unforced.put(offsetBytes + at, new byte[SECTOR_BYTES]);
        }
    }

    @Override
    public void read(MemorySegment target, long offsetBytes) throws DeviceException {
        super.read(target, offsetBytes);
        for (long at = 0; at < target.byteSize(); at += SECTOR_BYTES) {
            byte[] sector = unforced.get(offsetBytes + at);
            if (sector != null) {
                MemorySegment.copy(MemorySegment.ofArray(sector), 0, target, at, SECTOR_BYTES);
            }
        }
    }

    @Override
    public void force() throws DeviceException {
        LockSupport.parkNanos(FORCE_NANOS);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sector = arena.allocate(SECTOR_BYTES, SECTOR_BYTES);
            for (Map.Entry<Long, byte[]> entry : unforced.entrySet()) {
                MemorySegment.copy(MemorySegment.ofArray(entry.getValue()), 0, sector, 0, SECTOR_BYTES);
                super.write(sector, entry.getKey());
            }
        }
        super.force();
        unforced.clear();
    }
}
