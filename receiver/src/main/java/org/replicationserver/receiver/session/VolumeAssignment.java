package org.replicationserver.receiver.session;

import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A volume that is assigned to a disk of a source server.
 *
 * @param volumeId unique on this server
 * @param deviceName the disk's name as the agent tells it
 * @param path block device or image file; null for the NVMe device that has the volume's id as serial number
 * @param sizeBytes the disk's size, a multiple of 512; the volume may be larger, its tail is never touched
 * @param fresh whether the volume reads zero everywhere at the moment of the assignment
 */
public record VolumeAssignment(
        String volumeId, String deviceName, @Nullable Path path, long sizeBytes, boolean fresh) {
    private static final Path DEVICES = Path.of("/dev");

    /** The one folder below it that has ordinary files. */
    private static final Path SHARED_MEMORY = Path.of("/dev/shm");

    /** Whether it is an image file, there or not, which a server makes; device files appear by themselves. */
    public boolean isImageFile() {
        return path != null && (!path.startsWith(DEVICES) || path.startsWith(SHARED_MEMORY));
    }

    /** Whether a volume that is open by one of the two is open by the other: what was fresh once need not be for ever. */
    boolean isSame(VolumeAssignment other) {
        return volumeId.equals(other.volumeId)
                && deviceName.equals(other.deviceName)
                && Objects.equals(path, other.path)
                && sizeBytes == other.sizeBytes;
    }
}
