package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;
import java.time.Instant;

/**
 * A change of a replication's state that was told.
 *
 * @param observedAt by the replication server's clock
 * @param info the DataReplicationInfo that came with it; must not be changed
 */
public record StateChange(
        Instant observedAt, String replicationServerId, String previousState, String state, JsonObject info) {}
