package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonObject;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * A disk of a source server and the volume that it is replicated to.
 *
 * @param deviceName the disk's name as the agent tells it
 * @param sizeBytes the disk's size, a multiple of 512 from 1 MiB on
 * @param volumeId on EC2 also the serial number of its NVMe device
 * @param path a block device below {@code /dev} or a path inside the image directory; null if the device is to be found by the
 *     volume's id. As it came: the server checks where it leads
 * @param fresh whether the volume reads zero everywhere at the moment of the assignment
 */
public record AssignedDisk(
        String deviceName,
        long sizeBytes,
        String volumeId,
        @Nullable String path,
        boolean fresh) {
    private static final int PATH_CHARS_MAX = 1024;

    static AssignedDisk read(JsonMembers json) throws MalformedException {
        long sizeBytes = json.integer("sizeBytes", WireForms.DISK_BYTES_MIN, WireForms.DISK_BYTES_MAX);
        if (sizeBytes % ProtocolLimits.SECTOR_BYTES != 0) {
            throw json.refused("sizeBytes", "a multiple of " + ProtocolLimits.SECTOR_BYTES);
        }
        return new AssignedDisk(
                json.text("deviceName", 1, 128),
                sizeBytes,
                WireForms.volumeId(json, "volumeId"),
                json.has("path") ? json.text("path", 1, PATH_CHARS_MAX) : null,
                json.bool("fresh"));
    }

    JsonObject toJson() {
        JsonObject json = new JsonObject()
                .put("deviceName", deviceName)
                .put("sizeBytes", sizeBytes)
                .put("volumeId", volumeId)
                .put("fresh", fresh);
        return path == null ? json : json.put("path", path);
    }
}
