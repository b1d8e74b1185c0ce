package org.replicationserver.receiver.server;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.AssociationStatus;
import org.replicationserver.receiver.control.ControlPlaneStatus;
import org.replicationserver.receiver.control.OutboxStatus;

/** What the administrator's socket tells of the control plane: its calls, what is known of assignments, and what waits to be told. */
final class ControlStatusJson {
    private ControlStatusJson() {}

    /**
     * All of it.
     *
     * @param associations null where nobody has been asked yet
     * @param outbox null where there is nobody to tell
     */
    static JsonObject of(
            ControlPlaneStatus calls, @Nullable AssociationStatus associations, @Nullable OutboxStatus outbox) {
        JsonObject json = new JsonObject().put("failedCalls", calls.failedCalls());
        put(json, "lastAnsweredDateTime", calls.lastAnswered());
        put(json, "failingSinceDateTime", calls.failingSince());
        put(json, "nextAttemptDateTime", calls.nextAttempt());
        ControlPlaneStatus.Failure failure = calls.lastFailure();
        if (failure != null) {
            json.put("lastFailure", toJson(failure));
        }
        if (outbox != null) {
            json.put("associations", toJson(associations)).put("outbox", toJson(outbox));
        }
        return json;
    }

    private static JsonObject toJson(ControlPlaneStatus.Failure failure) {
        JsonObject json = new JsonObject()
                .put("dateTime", failure.when().toString())
                .put("kind", failure.kind().name())
                .put("sentence", failure.sentence())
                .put("nextAction", failure.nextAction());
        return failure.requestId() == null ? json : json.put("requestId", failure.requestId());
    }

    private static JsonObject toJson(@Nullable AssociationStatus associations) {
        JsonObject json = new JsonObject();
        if (associations != null) {
            json.put("fromDisk", associations.fromDisk());
            put(json, "answeredDateTime", associations.answered());
            if (associations.trouble() != null) {
                json.put("trouble", associations.trouble());
            }
        }
        return json;
    }

    private static JsonObject toJson(OutboxStatus outbox) {
        JsonObject json = new JsonObject().put("reports", outbox.entries()).put("lost", outbox.lost());
        put(json, "oldestDateTime", outbox.oldest());
        return json;
    }

    private static void put(JsonObject json, String name, @Nullable Instant moment) {
        if (moment != null) {
            json.put(name, moment.toString());
        }
    }
}
