package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;
import org.jspecify.annotations.Nullable;

/**
 * The volume that a disk shall be replicated to.
 *
 * @param path where it is on the replication server; null if that finds it by its id
 * @param fresh whether it was made anew and reads zero
 */
public record VolumeTarget(
        String deviceName, String volumeId, @Nullable String path, boolean fresh) {
    static VolumeTarget of(JsonObject json) {
        return new VolumeTarget(
                json.getString("deviceName"),
                json.getString("volumeId"),
                json.getString("path"),
                json.getBoolean("fresh", false));
    }

    VolumeTarget used() {
        return new VolumeTarget(deviceName, volumeId, path, false);
    }

    JsonObject toJson(long sizeBytes) {
        JsonObject json = new JsonObject()
                .put("deviceName", deviceName)
                .put("sizeBytes", sizeBytes)
                .put("volumeId", volumeId)
                .put("fresh", fresh);
        return path == null ? json : json.put("path", path);
    }
}
