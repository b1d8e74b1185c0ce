package org.replicationserver.receiver.session;

import java.nio.file.Path;

/**
 * A volume that is assigned to a disk of a source server.
 *
 * @param volumeId unique on this server
 * @param deviceName the disk's name as the agent tells it
 * @param path block device or image file
 * @param sizeBytes the disk's size, a multiple of 512; the volume may be larger, its tail is never touched
 * @param fresh whether the volume reads zero everywhere at the moment of the assignment
 */
public record VolumeAssignment(String volumeId, String deviceName, Path path, long sizeBytes, boolean fresh) {
    /** Whether a volume that is open by one of the two is open by the other: what was fresh once need not be for ever. */
    boolean isSame(VolumeAssignment other) {
        return volumeId.equals(other.volumeId)
                && deviceName.equals(other.deviceName)
                && path.equals(other.path)
                && sizeBytes == other.sizeBytes;
    }
}
