package org.replicationserver.volume.testing;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Mark;

/** Does what another device does; the doubles change the part that they are about. */
public abstract class ForwardingDevice implements BlockDevice {
    private final BlockDevice device;

    protected ForwardingDevice(BlockDevice device) {
        this.device = device;
    }

    @Override
    public long sizeBytes() {
        return device.sizeBytes();
    }

    @Override
    public int alignmentBytes() {
        return device.alignmentBytes();
    }

    @Override
    public @Nullable String physicalId() {
        return device.physicalId();
    }

    @Override
    public Mark mark() {
        return device.mark();
    }

    @Override
    public void write(MemorySegment source, long offsetBytes) throws DeviceException {
        device.write(source, offsetBytes);
    }

    @Override
    public void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) throws DeviceException {
        device.zero(offsetBytes, lengthBytes, mayDeallocate);
    }

    @Override
    public void read(MemorySegment target, long offsetBytes) throws DeviceException {
        device.read(target, offsetBytes);
    }

    @Override
    public void force() throws DeviceException {
        device.force();
    }

    @Override
    public void forgetCache() throws DeviceException {
        device.forgetCache();
    }

    @Override
    public void close() throws DeviceException {
        device.close();
    }
}
