package org.replicationserver.integration;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;
import org.replicationserver.volume.VolumeSpec;
import org.replicationserver.volume.testing.MemoryDevice;

/** Opens devices in memory, some of them behind a double that the test chose by the volume's id. */
final class TestDevices implements DeviceOpener {
    private final Map<String, UnaryOperator<BlockDevice>> doubles = new ConcurrentHashMap<>();
    private final Map<String, MemoryDevice> memories = new ConcurrentHashMap<>();
    private final Set<String> missing = ConcurrentHashMap.newKeySet();
    private final boolean onFiles;

    private TestDevices(boolean onFiles) {
        this.onFiles = onFiles;
    }

    static TestDevices inMemory() {
        return new TestDevices(false);
    }

    static TestDevices onFiles() {
        return new TestDevices(true);
    }

    /** From its next opening on, the volume is behind this double. */
    TestDevices behind(String volumeId, UnaryOperator<BlockDevice> device) {
        doubles.put(volumeId, device);
        return this;
    }

    /** From now on the volume's device is not there. */
    TestDevices missing(String volumeId) {
        missing.add(volumeId);
        return this;
    }

    /** The volume's content; it outlives the server. */
    byte[] bytes(String volumeId) {
        MemoryDevice memory = memories.get(volumeId);
        if (memory == null) {
            throw new IllegalStateException(volumeId + " was never opened");
        }
        return memory.bytes();
    }

    @Override
    public BlockDevice open(VolumeSpec spec) throws DeviceException {
        String id = spec.id().value();
        if (missing.contains(id)) {
            throw new DeviceException("open", "missing", Errno.ENOENT, "scripted");
        }
        BlockDevice device;
        if (onFiles) {
            device = LinuxBlockDevice.open(spec.path(), spec.openOptions());
        } else {
            MemoryDevice memory = new MemoryDevice((int) spec.sizeBytes());
            MemoryDevice older = memories.put(id, memory);
            if (older != null) {
                System.arraycopy(older.bytes(), 0, memory.bytes(), 0, memory.bytes().length);
            }
            device = memory;
        }
        return doubles.getOrDefault(id, UnaryOperator.identity()).apply(device);
    }
}
