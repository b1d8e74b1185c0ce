package org.replicationserver.volume.testing;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;

/**
 * Fails the n-th write, zero, force or close, counted from 1, with an error number. Others succeed, also after a
 * failure, as a disk that forgot what it failed to write does.
 */
public final class FailingDevice extends ForwardingDevice {
    private final Map<Integer, Integer> failingWrites = new ConcurrentHashMap<>();
    private final Map<Integer, Integer> failingZeroes = new ConcurrentHashMap<>();
    private final Map<Integer, Integer> failingForces = new ConcurrentHashMap<>();
    private volatile boolean tearing;
    private volatile int errnoOfClose = Errno.NONE;
    private volatile int writes;
    private volatile int zeroes;
    private volatile int forces;

    public FailingDevice(BlockDevice device) {
        super(device);
    }

    public FailingDevice failWrite(int nth, int errno) {
        failingWrites.put(nth, errno);
        return this;
    }

    public FailingDevice failZero(int nth, int errno) {
        failingZeroes.put(nth, errno);
        return this;
    }

    public FailingDevice failForce(int nth, int errno) {
        failingForces.put(nth, errno);
        return this;
    }

    public FailingDevice failClose(int errno) {
        errnoOfClose = errno;
        return this;
    }

    /** From now on a write that fails has written its first half of sectors. */
    public FailingDevice tearFailingWrites() {
        tearing = true;
        return this;
    }

    public int writes() {
        return writes;
    }

    public int forces() {
        return forces;
    }

    @Override
    @SuppressWarnings("NonAtomicVolatileUpdate") // by the one thread that the device is confined to
    public void write(MemorySegment source, long offsetBytes) throws DeviceException {
        writes++;
        Integer errno = failingWrites.get(writes);
        if (errno == null) {
            super.write(source, offsetBytes);
            return;
        }
        long halfBytes = source.byteSize() / 2 / SECTOR_BYTES * SECTOR_BYTES;
        if (tearing && halfBytes > 0) {
            super.write(source.asSlice(0, halfBytes), offsetBytes);
        }
        throw new DeviceException("write", "failing", offsetBytes, source.byteSize(), errno, "scripted");
    }

    @Override
    @SuppressWarnings("NonAtomicVolatileUpdate") // by the one thread that the device is confined to
    public void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) throws DeviceException {
        zeroes++;
        Integer errno = failingZeroes.get(zeroes);
        if (errno != null) {
            throw new DeviceException("zero", "failing", offsetBytes, lengthBytes, errno, "scripted");
        }
        super.zero(offsetBytes, lengthBytes, mayDeallocate);
    }

    @Override
    @SuppressWarnings("NonAtomicVolatileUpdate") // by the one thread that the device is confined to
    public void force() throws DeviceException {
        forces++;
        Integer errno = failingForces.get(forces);
        if (errno != null) {
            throw new DeviceException("force", "failing", errno, "scripted");
        }
        super.force();
    }

    @Override
    public void close() throws DeviceException {
        int errno = errnoOfClose;
        errnoOfClose = Errno.NONE;
        super.close();
        if (errno != Errno.NONE) {
            throw new DeviceException("close", "failing", errno, "scripted");
        }
    }
}
