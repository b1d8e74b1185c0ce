package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A replication server as the control plane sees it.
 *
 * @param address where agents are told to connect; null if it never introduced itself
 * @param self what it says of itself: pins, port, versions; null if it never introduced itself
 * @param lastSeen when its newest request came
 * @param sourceServerIds which it serves
 */
public record ReplicationServerView(
        String replicationServerId,
        @Nullable String address,
        @Nullable JsonObject self,
        Instant lastSeen,
        List<String> sourceServerIds) {}
