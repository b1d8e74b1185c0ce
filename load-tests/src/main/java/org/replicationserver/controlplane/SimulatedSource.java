package org.replicationserver.controlplane;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A source server. Used under the fleet's lock. */
final class SimulatedSource {
    private static final int PINS_MAX = 4;
    private static final int STATE_CHANGES_MAX = 4096;

    private final String id;
    private final Map<String, SourceDisk> disks = new LinkedHashMap<>();
    private final List<String> pins = new ArrayList<>();
    private final List<StateChange> stateChanges = new ArrayList<>();
    private List<JsonObject> assigned = List.of();
    private String desiredState = "STARTED";
    private @Nullable JsonObject bandwidth;
    private @Nullable JsonObject record;
    private @Nullable JsonObject info;
    private Instant infoObservedAt = Instant.MIN;
    private @Nullable String serverId;
    private String pairCommandId = "";
    private boolean paired;

    SimulatedSource(String id) {
        this.id = id;
    }

    String id() {
        return id;
    }

    @Nullable
    String serverId() {
        return serverId;
    }

    boolean isServedBy(String replicationServerId) {
        return replicationServerId.equals(serverId);
    }

    boolean isPaired() {
        return paired;
    }

    String desiredState() {
        return desiredState;
    }

    List<VolumeTarget> targets() {
        return assigned.stream().map(VolumeTarget::of).toList();
    }

    boolean knowsPin(String pin) {
        return pins.contains(pin);
    }

    /** Whether its association is another one now; disks that are assigned stay so, with the sizes that they had. */
    boolean register(String pin, List<SourceDisk> registered) {
        boolean changed = !pins.contains(pin);
        pins.remove(pin);
        pins.add(pin);
        if (pins.size() > PINS_MAX) {
            pins.removeFirst();
        }
        disks.clear();
        registered.forEach(disk -> disks.put(disk.deviceName(), disk));
        return changed && serverId != null;
    }

    /** Says which replication server serves it from now on. */
    void assign(String replicationServerId, List<VolumeTarget> newTargets) {
        if (pins.isEmpty()) {
            throw new IllegalStateException(id + ": its agent is not registered");
        }
        serverId = replicationServerId;
        assigned = disksOf(newTargets);
        paired = false;
    }

    void unassign() {
        serverId = null;
        assigned = List.of();
        paired = false;
    }

    void pairing(String commandId) {
        pairCommandId = commandId;
    }

    void pairingAnswered(String commandId, boolean succeeded) {
        if (commandId.equals(pairCommandId)) {
            paired = succeeded;
        }
    }

    void want(String state) {
        desiredState = state;
    }

    void limit(JsonObject newBandwidth) {
        bandwidth = newBandwidth;
    }

    /** Its disks with the volumes that they shall be replicated to, in the form of the API. */
    List<JsonObject> disksOf(List<VolumeTarget> someTargets) {
        List<JsonObject> found = new ArrayList<>();
        for (VolumeTarget target : someTargets) {
            SourceDisk disk = disks.get(target.deviceName());
            if (disk == null) {
                throw new IllegalArgumentException(
                        id + ": deviceName: " + target.deviceName() + "; allowed: one of " + disks.keySet());
            }
            found.add(target.toJson(disk.sizeBytes()));
        }
        return found;
    }

    /** As it is told to its replication server. */
    JsonObject association() {
        JsonObject association = new JsonObject()
                .put("sourceServerId", id)
                .put("agentPins", new JsonArray(List.copyOf(pins)))
                .put("desiredState", desiredState)
                .put("disks", new JsonArray(assigned).copy());
        if (bandwidth != null) {
            association.put("bandwidth", bandwidth.copy());
        }
        if (record != null) {
            association.put("record", recordOfTargets(record));
        }
        return association;
    }

    /** A volume that was made anew has nothing of what is recorded. */
    private JsonObject recordOfTargets(JsonObject reported) {
        Set<String> used = targets().stream()
                .filter(target -> !target.fresh())
                .map(VolumeTarget::volumeId)
                .collect(Collectors.toSet());
        JsonArray volumes = new JsonArray();
        for (Object volume : reported.getJsonArray("volumes")) {
            if (used.contains(((JsonObject) volume).getString("volumeId"))) {
                volumes.add(volume);
            }
        }
        return reported.copy().put("volumes", volumes.copy());
    }

    /** Once a session may have written, a volume is not fresh any more, whatever becomes of the replication server's memory. */
    void report(JsonObject newRecord) {
        record = newRecord;
        if (!newRecord.getString("writtenGeneration").equals("0")) {
            assigned.forEach(disk -> disk.put("fresh", false));
        }
    }

    /** The newest one wins. */
    void progress(Instant observedAt, JsonObject newInfo) {
        if (!observedAt.isBefore(infoObservedAt)) {
            infoObservedAt = observedAt;
            info = newInfo;
        }
    }

    /** The state that this replication server told before; null if it told none. */
    @Nullable
    String lastStateBy(String replicationServerId) {
        return stateChanges.reversed().stream()
                .filter(change -> change.replicationServerId().equals(replicationServerId))
                .map(StateChange::state)
                .findFirst()
                .orElse(null);
    }

    void changed(StateChange change) {
        stateChanges.add(change);
        if (stateChanges.size() > STATE_CHANGES_MAX) {
            stateChanges.removeFirst();
        }
    }

    SourceServerView view() {
        return new SourceServerView(
                id,
                List.copyOf(pins),
                new JsonArray(disks.values().stream().map(SourceDisk::toJson).toList()),
                desiredState,
                serverId,
                paired,
                serverId == null ? null : association(),
                record == null ? null : record.copy(),
                info == null ? null : info.copy(),
                List.copyOf(stateChanges));
    }
}
