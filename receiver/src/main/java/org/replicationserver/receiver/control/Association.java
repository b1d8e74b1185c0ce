package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.DesiredState;

/**
 * A source server that this replication server serves.
 *
 * @param agentPins of the keys with which its agent may come, current and next, 1 to 4
 * @param bandwidth of this source server; null is no throttle
 * @param disks at most 60
 * @param record as last reported, by whichever replication server; null if there is none
 */
public record Association(
        String sourceServerId,
        List<Pin> agentPins,
        DesiredState desiredState,
        @Nullable BandwidthSchedule bandwidth,
        List<AssignedDisk> disks,
        @Nullable ReplicationRecord record) {
    static final String SOURCE_SERVER_ID = "sourceServerId";

    private static final int PINS_MAX = 4;
    private static final String AGENT_PINS = "agentPins";
    private static final String DISKS = "disks";

    public Association {
        agentPins = List.copyOf(agentPins);
        disks = List.copyOf(disks);
    }

    static Association read(JsonMembers json) throws MalformedException {
        List<Pin> pins = json.texts(AGENT_PINS, 1, PINS_MAX, WireForms.PIN, WireForms.PIN_ALLOWED).stream()
                .map(Pin::parse)
                .toList();
        List<AssignedDisk> disks = json.objects(DISKS, 0, WireForms.DISKS_MAX, AssignedDisk::read);
        requireOnce(json, DISKS, disks.stream().map(AssignedDisk::deviceName).toList());
        requireOnce(json, DISKS, disks.stream().map(AssignedDisk::volumeId).toList());
        return new Association(
                WireForms.sourceServerId(json, SOURCE_SERVER_ID),
                pins,
                json.constant("desiredState", DesiredState.class),
                json.has("bandwidth") ? BandwidthJson.read(json.object("bandwidth")) : null,
                disks,
                json.has("record") ? ReplicationRecord.read(json.object("record")) : null);
    }

    private static void requireOnce(JsonMembers json, String name, List<String> values) throws MalformedException {
        Set<String> seen = new HashSet<>();
        for (String value : values) {
            if (!seen.add(value)) {
                throw json.refused(name, "each device and volume once; " + PeerText.value(value) + " is there twice");
            }
        }
    }

    JsonObject toJson() {
        JsonObject json = new JsonObject()
                .put(SOURCE_SERVER_ID, sourceServerId)
                .put(
                        AGENT_PINS,
                        new JsonArray(agentPins.stream().map(Pin::toString).toList()))
                .put("desiredState", desiredState.name())
                .put(
                        DISKS,
                        new JsonArray(disks.stream().map(AssignedDisk::toJson).toList()));
        if (bandwidth != null) {
            json.put("bandwidth", BandwidthJson.of(bandwidth));
        }
        if (record != null) {
            json.put("record", record.toJson());
        }
        return json;
    }
}
