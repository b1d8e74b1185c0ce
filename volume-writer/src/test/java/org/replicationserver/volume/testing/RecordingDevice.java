package org.replicationserver.volume.testing;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;

/** Keeps a log of what was asked of a device, in order, whether it succeeded or not. The log can be read by any thread. */
public final class RecordingDevice extends ForwardingDevice {
    /** What was asked. Offset and length are 0 for the device as a whole. */
    public record Operation(String name, long offsetBytes, long lengthBytes) {
        @Override
        public String toString() {
            return lengthBytes == 0 ? name : name + " " + offsetBytes + "+" + lengthBytes;
        }
    }

    private final List<Operation> operations = new CopyOnWriteArrayList<>();

    public RecordingDevice(BlockDevice device) {
        super(device);
    }

    public List<Operation> operations() {
        return operations;
    }

    /** Each as {@code write 4096+512}, {@code zero 0+512}, {@code zero-or-hole 0+512}, {@code force}, {@code forget-cache}, {@code close}. */
    public List<String> log() {
        return operations.stream().map(Operation::toString).toList();
    }

    public long count(String name) {
        return operations.stream()
                .filter(operation -> operation.name().equals(name))
                .count();
    }

    @Override
    public void write(MemorySegment source, long offsetBytes) throws DeviceException {
        operations.add(new Operation("write", offsetBytes, source.byteSize()));
        super.write(source, offsetBytes);
    }

    @Override
    public void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) throws DeviceException {
        operations.add(new Operation(mayDeallocate ? "zero-or-hole" : "zero", offsetBytes, lengthBytes));
        super.zero(offsetBytes, lengthBytes, mayDeallocate);
    }

    @Override
    public void force() throws DeviceException {
        operations.add(new Operation("force", 0, 0));
        super.force();
    }

    @Override
    public void forgetCache() throws DeviceException {
        operations.add(new Operation("forget-cache", 0, 0));
        super.forgetCache();
    }

    @Override
    public void close() throws DeviceException {
        operations.add(new Operation("close", 0, 0));
        super.close();
    }
}
