package org.replicationserver.receiver.server;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.DataReplicationInfoJson;
import org.replicationserver.receiver.replication.DataReplicationInfo;
import org.replicationserver.receiver.replication.Replications;
import org.replicationserver.receiver.session.HeldLimit;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.StandingHold;

/** What the administrator's socket tells of the whole server. */
final class ServerStatus {
    private static final String BANDWIDTH = "bandwidth";

    private static final String NOT_TAKEN_ACTION =
            "Mend what the cause names, or have it assigned otherwise; until then its agent is refused, or goes on with what was"
                    + " assigned before.";

    private ServerStatus() {}

    /**
     * All of it. Event loop.
     *
     * @param notTaken what is assigned and not taken
     * @param replicationServerId under which this server is known; null where it is not known yet
     * @param controlPlane as {@link ControlStatusJson} writes it
     * @param software how the fetches of software stand
     */
    static JsonObject of(
            Replications replications,
            List<AssociationApplier.NotTaken> notTaken,
            Sessions sessions,
            @Nullable String replicationServerId,
            JsonObject controlPlane,
            JsonObject software) {
        JsonArray sources = new JsonArray();
        for (String id : replications.sourceServerIds()) {
            DataReplicationInfo info = replications.info(id);
            if (info != null) {
                JsonObject source = new JsonObject()
                        .put("sourceServerId", id)
                        .put("dataReplicationInfo", DataReplicationInfoJson.of(info));
                HeldLimit limit = sessions.limit(id);
                if (limit != null) {
                    source.put(BANDWIDTH, toJson(limit));
                }
                StandingHold hold = sessions.standingHold(id);
                if (hold != null) {
                    source.put("hold", toJson(hold));
                }
                sources.add(source);
            }
        }
        JsonArray refused = new JsonArray();
        notTaken.forEach(one -> refused.add(new JsonObject()
                .put("sourceServerId", one.sourceServerId())
                .put("cause", one.cause())
                .put("nextAction", NOT_TAKEN_ACTION)));
        JsonObject status = new JsonObject();
        if (replicationServerId != null) {
            status.put("replicationServerId", replicationServerId);
        }
        if (replications.drainedMillis() > 0) {
            status.put(
                    "drainedDateTime",
                    Instant.ofEpochMilli(replications.drainedMillis()).toString());
        }
        return status.put("sourceServers", sources)
                .put("notTaken", refused)
                .put(BANDWIDTH, toJson(sessions.serverLimit()))
                .put("controlPlane", controlPlane)
                .put("software", software);
    }

    private static JsonObject toJson(StandingHold hold) {
        return new JsonObject()
                .put("epoch", hold.epoch())
                .put("untilDateTime", Instant.ofEpochMilli(hold.untilMillis()).toString())
                .put("origin", hold.origin().name());
    }

    private static JsonObject toJson(HeldLimit limit) {
        return new JsonObject()
                .put("bandwidthThrottling", limit.mbps())
                .put("origin", limit.origin().name());
    }
}
