package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** A replication server. Used under the fleet's lock. */
final class SimulatedServer {
    private static final int OUTBOXES_MAX = 64;

    private final String id;
    private final CommandQueue commands;
    private final SequencedMap<String, Inbox> inboxes = new LinkedHashMap<>();
    private Instant lastSeen;
    private @Nullable JsonObject self;
    private @Nullable JsonObject bandwidth;
    private @Nullable String address;
    private boolean addressIsSet;

    SimulatedServer(String id, Instant now) {
        this.id = id;
        this.commands = new CommandQueue(id);
        this.lastSeen = now;
    }

    String id() {
        return id;
    }

    CommandQueue commands() {
        return commands;
    }

    void seen(Instant now) {
        lastSeen = now;
    }

    /** Where it called from, unless its address was set. */
    void calledFrom(String remoteAddress) {
        if (!addressIsSet) {
            address = remoteAddress;
        }
    }

    void setAddress(String newAddress) {
        address = newAddress;
        addressIsSet = true;
    }

    void introduce(JsonObject newSelf) {
        self = newSelf;
    }

    void limit(JsonObject newBandwidth) {
        bandwidth = newBandwidth;
    }

    @Nullable
    JsonObject bandwidth() {
        return bandwidth == null ? null : bandwidth.copy();
    }

    /** As agents are told; null as long as it has not introduced itself. */
    @Nullable
    JsonObject forAgents() {
        if (self == null || address == null) {
            return null;
        }
        return new JsonObject()
                .put("replicationServerId", id)
                .put("address", address)
                .put("port", self.getInteger("port"))
                .put("pins", self.getJsonObject("pins").copy());
    }

    Inbox inbox(String outboxId) {
        Inbox inbox = inboxes.computeIfAbsent(outboxId, _ -> new Inbox());
        Bounds.removeOldest(inboxes, OUTBOXES_MAX);
        return inbox;
    }

    ReplicationServerView view(List<String> sourceServerIds) {
        return new ReplicationServerView(id, address, self == null ? null : self.copy(), lastSeen, sourceServerIds);
    }
}
