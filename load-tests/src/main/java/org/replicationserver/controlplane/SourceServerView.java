package org.replicationserver.controlplane;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A source server as the control plane sees it.
 *
 * @param agentPins of its agent, the newest last
 * @param disks as its agent has registered them
 * @param replicationServerId which serves it; null if none
 * @param paired whether that one has answered the pairing
 * @param association what that one is told; null if none
 * @param record as last reported by that one, or by the one before; null if none ever was
 * @param info the newest DataReplicationInfo; null if none ever came
 * @param stateChanges in the order told
 */
public record SourceServerView(
        String sourceServerId,
        List<String> agentPins,
        JsonArray disks,
        String desiredState,
        @Nullable String replicationServerId,
        boolean paired,
        @Nullable JsonObject association,
        @Nullable JsonObject record,
        @Nullable JsonObject info,
        List<StateChange> stateChanges) {
    /** The newest state that was told, by whatever message; empty if none was. */
    public String state() {
        return info == null ? "" : info.getString("dataReplicationState");
    }
}
