package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;
import java.time.Instant;

/**
 * A durable message that was taken. Its body must not be changed.
 *
 * @param sequence in the outbox
 */
public record ReceivedMessage(
        Instant receivedAt,
        String operation,
        String replicationServerId,
        String outboxId,
        long sequence,
        JsonObject body) {}
