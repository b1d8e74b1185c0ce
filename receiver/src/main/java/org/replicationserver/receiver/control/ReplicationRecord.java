package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What another replication server needs to know of a source server to carry on without a rescan. The control plane keeps it unread and
 * gives it back as it was last reported.
 *
 * @param generation of the newest session
 * @param writtenGeneration the newest that may have written
 * @param committedEpoch 0 if none is committed
 * @param previousEpoch the one that was committed before, 0 if none was
 * @param committedFuzzy whether the disks of the committed epoch are not of one moment
 * @param markDateTime the moment that the committed epoch is of, null if none is committed
 * @param firstByteDateTime when the first block came, null if none did
 * @param dataGens by volume id, the random id of the content's history, 32 hexadecimal digits; a volume that is missing has a content
 *     that nothing is known of
 */
public record ReplicationRecord(
        long generation,
        long writtenGeneration,
        long committedEpoch,
        long previousEpoch,
        boolean committedFuzzy,
        @Nullable Instant markDateTime,
        @Nullable Instant firstByteDateTime,
        Map<String, String> dataGens) {
    private static final Pattern DATA_GEN = Pattern.compile("[0-9a-f]{32}");

    private record VolumeRecord(String volumeId, String dataGen) {
        static VolumeRecord read(JsonMembers json) throws MalformedException {
            return new VolumeRecord(
                    WireForms.volumeId(json, "volumeId"),
                    json.text("dataGen", DATA_GEN, "32 lowercase hexadecimal digits"));
        }
    }

    public ReplicationRecord {
        dataGens = Map.copyOf(dataGens);
    }

    static ReplicationRecord read(JsonMembers json) throws MalformedException {
        Map<String, String> dataGens = new LinkedHashMap<>();
        List<VolumeRecord> volumes = json.objects("volumes", 0, WireForms.DISKS_MAX, VolumeRecord::read);
        for (VolumeRecord volume : volumes) {
            if (dataGens.put(volume.volumeId(), volume.dataGen()) != null) {
                throw json.refused("volumes", "each volume once; " + volume.volumeId() + " is there twice");
            }
        }
        return new ReplicationRecord(
                json.number64("generation"),
                json.number64("writtenGeneration"),
                json.number64("committedEpoch"),
                json.number64("previousEpoch"),
                json.bool("committedFuzzy"),
                json.has("markDateTime") ? json.instant("markDateTime") : null,
                json.has("firstByteDateTime") ? json.instant("firstByteDateTime") : null,
                dataGens);
    }

    JsonObject toJson() {
        JsonArray volumes = new JsonArray();
        dataGens.forEach((volumeId, dataGen) ->
                volumes.add(new JsonObject().put("volumeId", volumeId).put("dataGen", dataGen)));
        JsonObject json = new JsonObject()
                .put("generation", Long.toString(generation))
                .put("writtenGeneration", Long.toString(writtenGeneration))
                .put("committedEpoch", Long.toString(committedEpoch))
                .put("previousEpoch", Long.toString(previousEpoch))
                .put("committedFuzzy", committedFuzzy)
                .put("volumes", volumes);
        if (markDateTime != null) {
            json.put("markDateTime", markDateTime.toString());
        }
        if (firstByteDateTime != null) {
            json.put("firstByteDateTime", firstByteDateTime.toString());
        }
        return json;
    }
}
