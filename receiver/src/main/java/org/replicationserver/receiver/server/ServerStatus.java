package org.replicationserver.receiver.server;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import org.replicationserver.receiver.control.ControlPlaneStatus;
import org.replicationserver.receiver.control.DataReplicationInfoJson;
import org.replicationserver.receiver.replication.DataReplicationInfo;
import org.replicationserver.receiver.replication.Replications;

/** What the administrator's socket tells of the whole server. */
final class ServerStatus {
    private ServerStatus() {}

    /** Event loop. */
    static JsonObject of(Replications replications, ControlPlaneStatus controlPlane) {
        JsonArray sources = new JsonArray();
        for (String id : replications.sourceServerIds()) {
            DataReplicationInfo info = replications.info(id);
            if (info != null) {
                sources.add(new JsonObject()
                        .put("sourceServerId", id)
                        .put("dataReplicationInfo", DataReplicationInfoJson.of(info)));
            }
        }
        return new JsonObject().put("sourceServers", sources).put("controlPlane", toJson(controlPlane));
    }

    private static JsonObject toJson(ControlPlaneStatus status) {
        JsonObject json = new JsonObject().put("failedCalls", status.failedCalls());
        if (status.lastAnswered() != null) {
            json.put("lastAnsweredDateTime", status.lastAnswered().toString());
        }
        if (status.failingSince() != null) {
            json.put("failingSinceDateTime", status.failingSince().toString());
        }
        ControlPlaneStatus.Failure failure = status.lastFailure();
        if (failure != null) {
            json.put(
                    "lastFailure",
                    new JsonObject()
                            .put("dateTime", failure.when().toString())
                            .put("kind", failure.kind().name())
                            .put("sentence", failure.sentence()));
        }
        return json;
    }
}
