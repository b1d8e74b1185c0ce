package org.replicationserver.receiver.server;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.HoldAnswer;
import org.replicationserver.receiver.session.HoldAnswer.Held;
import org.replicationserver.receiver.session.HoldAnswer.NotHeld;
import org.replicationserver.receiver.session.HoldEnd;
import org.replicationserver.receiver.session.HoldRequest;
import org.replicationserver.receiver.session.HoldToken;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.VolumeAssignment;

/** Holds that an administrator asks for, to copy the volumes of a source server. Event loop only. */
final class HoldsByHand {
    static final String EXPIRED =
            "EXPIRED: it is not known that the volumes stood still until now: the hold had ended before, or one of them was written,"
                    + " failed, closed or given another size meanwhile; the server's log tells which. What was copied is of no use: remove it,"
                    + " and hold again, with more --seconds if its time was over.";

    private final Sessions sessions;
    private final Supplier<JsonObject> volumes;

    /** @param volumes as {@link VolumeList} tells them */
    HoldsByHand(Sessions sessions, Supplier<JsonObject> volumes) {
        this.sessions = sessions;
        this.volumes = volumes;
    }

    /** Asks for a hold; who cancels the answer does not want it any more. */
    CompletableFuture<HoldAnswer> hold(String sourceServerId, HoldRequest request) {
        return sessions.hold(sourceServerId, request);
    }

    HoldEnd release(String sourceServerId, String token) {
        return sessions.release(new HoldToken(sourceServerId, token));
    }

    /**
     * What is told of a hold: {@code sourceServerId}, {@code token}, {@code epoch}, {@code markDateTime}, {@code untilDateTime}, and of
     * each of the {@code volumes} {@code deviceName} (of the source server's disk), {@code volumeId} and {@code path}.
     */
    JsonObject toJson(Held held) {
        JsonObject told = new JsonObject()
                .put("sourceServerId", held.token().sourceServerId())
                .put("token", held.token().value())
                .put("epoch", held.epoch())
                .put("markDateTime", Instant.ofEpochMilli(held.markTimeMillis()).toString())
                .put(
                        "untilDateTime",
                        Instant.ofEpochMilli(held.hold().untilMillis()).toString());
        JsonArray list = new JsonArray();
        for (VolumeAssignment volume : held.volumes()) {
            JsonObject one =
                    new JsonObject().put("deviceName", volume.deviceName()).put("volumeId", volume.volumeId());
            String path = pathOf(volume.volumeId());
            list.add(path == null ? one : one.put("path", path));
        }
        return told.put("volumes", list);
    }

    /** Of an EBS volume, that of the device that was found. */
    private @Nullable String pathOf(String volumeId) {
        JsonArray rows = volumes.get().getJsonArray("volumes");
        for (int i = 0; i < rows.size(); i++) {
            JsonObject row = rows.getJsonObject(i);
            if (row.getString("volumeId").equals(volumeId)) {
                return row.getString("path");
            }
        }
        return null;
    }

    /** Why there is no hold, and what to do. */
    static String text(String sourceServerId, NotHeld none) {
        String nextAction = switch (none.cause()) {
            case NOT_ASSIGNED -> "`./run status` tells which source servers are assigned.";
            case ALREADY_HELD -> "Wait for its end, or release it by its token.";
            case COMMIT_TIMEOUT ->
                "`./run status` tells whether the agent is connected and what it has still to send; hold again then, or with more"
                        + " --commit-timeout-seconds.";
            case FUZZY ->
                "Start the agent with --mark-command, or with --quiet-source where nobody writes to the disks, and hold again.";
            case VOLUME_NOT_SERVED ->
                "`./run status` and `./run volume list` tell what is wrong with it; hold again once all disks are replicated.";
            case NOT_SETTLED ->
                "Look at what makes the device of the volume slow, and hold again, with more --seconds where it needs them.";
            case SHUTDOWN -> "Hold again at the server that has the source server then.";
        };
        return "source server " + sourceServerId + " is not held (" + none.cause() + "): " + none.text() + ". "
                + nextAction;
    }
}
