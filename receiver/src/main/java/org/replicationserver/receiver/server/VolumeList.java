package org.replicationserver.receiver.server;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeHost;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.receiver.staging.NvmeDevice;
import org.replicationserver.receiver.staging.StagingWatch;
import org.replicationserver.receiver.staging.VolumeStatistics;
import org.replicationserver.volume.VolumeFailure;

/**
 * What is told of volumes, those that are assigned and those EBS volumes that are attached, by their ids. Event loop only.
 *
 * <p>Members of each: {@code volumeId}; {@code state}, which is FREE, OPEN, FAILED or NOT_OPEN; {@code sizeBytes} of the device, or as
 * assigned where none is seen; and where known {@code path}, {@code blockDeviceName} (of the attachment), {@code model},
 * {@code sourceServerId} and {@code deviceName} (of its disk), {@code reason} (why it is not open). A device that shares its serial number
 * with another one is told by itself.
 */
final class VolumeList {
    private final StagingWatch watch;
    private final VolumeHost host;
    private final Map<String, JsonObject> rows = new TreeMap<>();

    private VolumeList(StagingWatch watch, VolumeHost host) {
        this.watch = watch;
        this.host = host;
    }

    static JsonObject of(StagingWatch watch, Collection<AssignedSource> sources, VolumeHost host) {
        VolumeList list = new VolumeList(watch, host);
        list.watch.devices().devices().forEach(list::add);
        for (AssignedSource source : sources) {
            source.assignment()
                    .volumes()
                    .forEach(volume -> list.add(source.assignment().sourceServerId(), volume));
        }
        return new JsonObject().put("volumes", new JsonArray(List.copyOf(list.rows.values())));
    }

    private void add(NvmeDevice device) {
        String key = rows.containsKey(device.volumeId()) ? device.volumeId() + " " + device.name() : device.volumeId();
        JsonObject row = new JsonObject()
                .put("volumeId", device.volumeId())
                .put("state", "FREE")
                .put("sizeBytes", device.sizeBytes())
                .put("path", device.node().toString())
                .put("model", device.model());
        VolumeStatistics told = watch.statistics(device.volumeId());
        putIfKnown(row, "blockDeviceName", told == null ? null : told.blockDeviceName());
        rows.put(key, row);
    }

    private void add(String sourceServerId, VolumeAssignment volume) {
        JsonObject row = rows.computeIfAbsent(
                volume.volumeId(), id -> new JsonObject().put("volumeId", id).put("sizeBytes", volume.sizeBytes()));
        row.put("sourceServerId", sourceServerId).put("deviceName", volume.deviceName());
        putIfKnown(row, "path", volume.path() == null ? null : volume.path().toString());
        switch (host.find(volume.volumeId())) {
            case Availability.Open open -> {
                VolumeFailure failure = open.volume().failure();
                row.put("state", failure == null ? "OPEN" : "FAILED");
                putIfKnown(row, "reason", failure == null ? null : failure.summary());
            }
            case Availability.Unavailable none -> row.put("state", "NOT_OPEN").put("reason", none.reason());
        }
    }

    private static void putIfKnown(JsonObject row, String name, @Nullable String value) {
        if (value != null) {
            row.put(name, value);
        }
    }
}
