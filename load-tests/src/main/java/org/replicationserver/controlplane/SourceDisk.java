package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;

/** A disk that an agent registers. */
public record SourceDisk(String deviceName, long sizeBytes) {
    static SourceDisk of(JsonObject json) {
        return new SourceDisk(json.getString("deviceName"), json.getLong("sizeBytes"));
    }

    JsonObject toJson() {
        return new JsonObject().put("deviceName", deviceName).put("sizeBytes", sizeBytes);
    }
}
