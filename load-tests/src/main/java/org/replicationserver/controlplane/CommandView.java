package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A command and what became of it.
 *
 * @param command as it is delivered
 * @param deliveries answers that have carried it
 * @param result the request that told the result; null as long as there is none
 */
public record CommandView(
        String commandId,
        String replicationServerId,
        JsonObject command,
        int deliveries,
        @Nullable JsonObject result) {
    /** The result's status; empty as long as there is none. */
    public String status() {
        return result == null ? "" : Objects.requireNonNullElse(result.getString("status"), "");
    }
}
