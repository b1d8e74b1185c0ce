package org.replicationserver.receiver.server;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import org.replicationserver.receiver.control.ControlPlaneStatus;
import org.replicationserver.receiver.control.DataReplicationInfoJson;
import org.replicationserver.receiver.replication.DataReplicationInfo;
import org.replicationserver.receiver.replication.Replications;
import org.replicationserver.receiver.session.HeldLimit;
import org.replicationserver.receiver.session.Sessions;

/** What the administrator's socket tells of the whole server. */
final class ServerStatus {
    private static final String BANDWIDTH = "bandwidth";

    private ServerStatus() {}

    /** Event loop. */
    static JsonObject of(Replications replications, Sessions sessions, ControlPlaneStatus controlPlane) {
        JsonArray sources = new JsonArray();
        for (String id : replications.sourceServerIds()) {
            DataReplicationInfo info = replications.info(id);
            if (info != null) {
                JsonObject source = new JsonObject()
                        .put("sourceServerId", id)
                        .put("dataReplicationInfo", DataReplicationInfoJson.of(info));
                HeldLimit limit = sessions.limit(id);
                sources.add(limit == null ? source : source.put(BANDWIDTH, toJson(limit)));
            }
        }
        JsonObject status = new JsonObject();
        if (replications.drainedMillis() > 0) {
            status.put(
                    "drainedDateTime",
                    Instant.ofEpochMilli(replications.drainedMillis()).toString());
        }
        return status.put("sourceServers", sources)
                .put(BANDWIDTH, toJson(sessions.serverLimit()))
                .put("controlPlane", toJson(controlPlane));
    }

    private static JsonObject toJson(HeldLimit limit) {
        return new JsonObject()
                .put("bandwidthThrottling", limit.mbps())
                .put("origin", limit.origin().name());
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
