package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.DataReplicationInfo;
import org.replicationserver.receiver.replication.DataReplicationInfo.DataReplicationError;
import org.replicationserver.receiver.replication.DataReplicationInfo.DataReplicationInitiation;
import org.replicationserver.receiver.replication.DataReplicationInfo.Detail;
import org.replicationserver.receiver.replication.DataReplicationInfo.InitiationStep;
import org.replicationserver.receiver.replication.DataReplicationInfo.Rate;
import org.replicationserver.receiver.replication.DataReplicationInfo.ReplicatedDisk;
import org.replicationserver.receiver.replication.DataReplicationInfo.StageSeconds;
import org.replicationserver.receiver.replication.Explanation;

/** Writes the state of a replication as the schema DataReplicationInfo of the control API. Any thread. */
public final class DataReplicationInfoJson {
    private DataReplicationInfoJson() {}

    /** The whole state, with the members that are known. */
    public static JsonObject of(DataReplicationInfo info) {
        JsonObject json = new JsonObject()
                .put("dataReplicationState", info.dataReplicationState().name())
                .put("lagDuration", info.lagDuration().toString())
                .put("replicatedDisks", array(info.replicatedDisks(), DataReplicationInfoJson::disk))
                .put("dataReplicationInitiation", initiation(info.dataReplicationInitiation()))
                .put("replicatorId", info.replicatorId())
                .put("detail", detail(info.detail()));
        putText(json, "etaDateTime", info.etaDateTime());
        putText(json, "lastSnapshotDateTime", info.lastSnapshotDateTime());
        DataReplicationError error = info.dataReplicationError();
        if (error != null) {
            json.put(
                    "dataReplicationError",
                    new JsonObject().put("error", error.error().name()).put("rawError", error.rawError()));
        }
        return json;
    }

    private static <T> JsonArray array(List<T> elements, Function<T, JsonObject> form) {
        return new JsonArray(elements.stream().map(form).toList());
    }

    /** Instants by their toString, which is ISO-8601. */
    private static void putText(JsonObject json, String name, @Nullable Object value) {
        if (value != null) {
            json.put(name, value.toString());
        }
    }

    private static void putNumber(JsonObject json, String name, @Nullable Long value) {
        if (value != null) {
            json.put(name, value);
        }
    }

    private static JsonObject disk(ReplicatedDisk disk) {
        return new JsonObject()
                .put("deviceName", disk.deviceName())
                .put("totalStorageBytes", disk.totalStorageBytes())
                .put("replicatedStorageBytes", disk.replicatedStorageBytes())
                .put("rescannedStorageBytes", disk.rescannedStorageBytes())
                .put("backloggedStorageBytes", disk.backloggedStorageBytes());
    }

    private static JsonObject initiation(DataReplicationInitiation initiation) {
        JsonObject json = new JsonObject()
                .put("startDateTime", initiation.startDateTime().toString())
                .put("steps", array(initiation.steps(), DataReplicationInfoJson::step));
        putText(json, "nextAttemptDateTime", initiation.nextAttemptDateTime());
        return json;
    }

    private static JsonObject step(InitiationStep step) {
        return new JsonObject()
                .put("name", step.name().name())
                .put("status", step.status().name());
    }

    private static JsonObject detail(Detail detail) {
        JsonObject json = new JsonObject()
                .put("backloggedBytes", detail.backloggedBytes())
                .put("agentConnected", detail.agentConnected())
                .put("agentSinceDateTime", detail.agentSinceDateTime().toString())
                .put("backlogKnown", detail.backlogKnown())
                .put("rates", array(detail.rates(), DataReplicationInfoJson::rate))
                .put("lagAttribution", array(detail.lagAttribution(), DataReplicationInfoJson::stage))
                .put("explanations", array(detail.explanations(), DataReplicationInfoJson::explanation))
                .put("inconsistentVolumes", new JsonArray(detail.inconsistentVolumes()));
        putText(json, "firstByteDateTime", detail.firstByteDateTime());
        putNumber(json, "lagSinceCommitSeconds", detail.lagSinceCommitSeconds());
        putNumber(json, "lagSinceConsistentSnapshotSeconds", detail.lagSinceConsistentSnapshotSeconds());
        putText(json, "etaEarliestDateTime", detail.etaEarliestDateTime());
        putText(json, "etaLatestDateTime", detail.etaLatestDateTime());
        return json;
    }

    private static JsonObject rate(Rate rate) {
        JsonObject json = new JsonObject()
                .put("windowSeconds", rate.windowSeconds())
                .put("durableBytesPerSecond", rate.durableBytesPerSecond());
        putNumber(json, "arrivingBytesPerSecond", rate.arrivingBytesPerSecond());
        return json;
    }

    private static JsonObject stage(StageSeconds stage) {
        return new JsonObject().put("stage", stage.stage().name()).put("seconds", stage.seconds());
    }

    private static JsonObject explanation(Explanation explanation) {
        return new JsonObject()
                .put("code", explanation.code().name())
                .put("severity", explanation.severity().name())
                .put("sentence", explanation.sentence())
                .put("facts", new JsonObject(explanation.facts()))
                .put("nextAction", explanation.nextAction());
    }
}
