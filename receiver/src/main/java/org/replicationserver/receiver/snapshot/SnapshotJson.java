package org.replicationserver.receiver.snapshot;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.SnapshotStanding;
import org.replicationserver.receiver.replication.SnapshotTrouble;
import org.replicationserver.receiver.snapshot.SnapshotGroup.Phase;
import org.replicationserver.receiver.snapshot.SnapshotGroup.VolumeSnapshot;

/**
 * The form in which {@link SnapshotStore} keeps things. What is read was written here; anything else ends in a ClassCastException,
 * IllegalArgumentException or NullPointerException.
 */
final class SnapshotJson {
    private SnapshotJson() {}

    static JsonArray list(List<JsonObject> elements) {
        return new JsonArray(elements);
    }

    static <T> List<T> read(JsonObject json, String name, Function<JsonObject, T> reader) {
        List<T> elements = new ArrayList<>();
        json.getJsonArray(name, new JsonArray()).forEach(element -> elements.add(reader.apply((JsonObject) element)));
        return elements;
    }

    static JsonObject of(SnapshotGroup group) {
        return new JsonObject()
                .put("groupId", group.groupId())
                .put("sourceServerId", group.sourceServerId())
                .put("triggers", triggers(group.triggers()))
                .put("phase", group.phase().name())
                .put("begunMillis", group.begunMillis())
                .put("epoch", group.epoch())
                .put("markMillis", group.markMillis())
                .put("takenMillis", group.takenMillis())
                .put(
                        "snapshots",
                        list(group.snapshots().stream()
                                .map(snapshot -> new JsonObject()
                                        .put("volumeId", snapshot.volumeId())
                                        .put("deviceName", snapshot.deviceName())
                                        .put("snapshotId", snapshot.snapshotId()))
                                .toList()));
    }

    static SnapshotGroup group(JsonObject json) {
        return new SnapshotGroup(
                text(json, "groupId"),
                text(json, "sourceServerId"),
                triggers(json),
                Phase.valueOf(text(json, "phase")),
                json.getLong("begunMillis"),
                json.getLong("epoch"),
                json.getLong("markMillis"),
                json.getLong("takenMillis"),
                read(
                        json,
                        "snapshots",
                        snapshot -> new VolumeSnapshot(
                                text(snapshot, "volumeId"),
                                text(snapshot, "deviceName"),
                                text(snapshot, "snapshotId"))));
    }

    static JsonArray triggers(List<SnapshotTrigger> triggers) {
        return list(triggers.stream()
                .map(trigger ->
                        new JsonObject().put("kind", trigger.kind().name()).put("id", trigger.id()))
                .toList());
    }

    static List<SnapshotTrigger> triggers(JsonObject json) {
        return read(
                json,
                "triggers",
                trigger ->
                        new SnapshotTrigger(SnapshotTrigger.Kind.valueOf(text(trigger, "kind")), text(trigger, "id")));
    }

    static JsonObject of(SnapshotResult result) {
        return new JsonObject()
                .put("groupId", result.groupId())
                .put("outcome", result.outcome().name())
                .put("sentence", result.sentence())
                .put("nextAction", result.nextAction())
                .put("snapshotIds", new JsonArray(result.snapshotIds()));
    }

    static SnapshotResult result(JsonObject json) {
        return new SnapshotResult(
                json.getString("groupId"),
                SnapshotOutcome.valueOf(text(json, "outcome")),
                text(json, "sentence"),
                text(json, "nextAction"),
                json.getJsonArray("snapshotIds").stream()
                        .map(String.class::cast)
                        .toList());
    }

    static JsonObject of(String sourceServerId, SnapshotStanding standing) {
        JsonObject json = new JsonObject()
                .put("sourceServerId", sourceServerId)
                .put("lastMillis", standing.lastMillis())
                .put("markMillis", standing.markMillis());
        SnapshotTrouble trouble = standing.trouble();
        return trouble == null
                ? json
                : json.put(
                        "trouble",
                        new JsonObject()
                                .put("sinceMillis", trouble.sinceMillis())
                                .put("failures", trouble.failures())
                                .put("ofMadeGroup", trouble.ofMadeGroup())
                                .put("reason", trouble.reason())
                                .put("nextAction", trouble.nextAction()));
    }

    static SnapshotStanding standing(JsonObject json) {
        JsonObject trouble = json.getJsonObject("trouble");
        return new SnapshotStanding(
                json.getLong("lastMillis"), json.getLong("markMillis"), trouble == null ? null : trouble(trouble));
    }

    private static SnapshotTrouble trouble(JsonObject json) {
        return new SnapshotTrouble(
                json.getLong("sinceMillis"),
                json.getInteger("failures"),
                json.getBoolean("ofMadeGroup"),
                text(json, "reason"),
                text(json, "nextAction"));
    }

    static String text(JsonObject json, String name) {
        @Nullable String text = json.getString(name);
        if (text == null) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return text;
    }
}
