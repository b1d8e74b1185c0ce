package org.replicationserver.receiver.server;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.DataReplicationState;
import org.replicationserver.receiver.replication.FoundDifference;
import org.replicationserver.receiver.replication.ReplicationCheckpoint;
import org.replicationserver.receiver.replication.ReplicationCheckpoint.VolumeCheckpoint;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.volume.StateDirectory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what is told of replications over restarts, a record for each source server. Event loop only.
 *
 * <p>Nothing of it decides what becomes of data: what cannot be read is told, and counters begin again.
 */
final class Checkpoints {
    private static final Logger LOG = LoggerFactory.getLogger(Checkpoints.class);

    private final StateDirectory directory;
    private final Executor eventLoop;

    Checkpoints(StateDirectory directory, Executor eventLoop) {
        this.directory = directory;
        this.eventLoop = eventLoop;
    }

    /** What was kept of a source server; empty if nothing was, or nothing that can be read. Never fails. */
    CompletionStage<Optional<ReplicationCheckpoint>> load(String sourceServerId) {
        return directory
                .loadLater(sourceServerId)
                .thenApply(bytes -> bytes.map(Checkpoints::parse))
                .handleAsync(
                        (checkpoint, failure) -> {
                            if (failure == null) {
                                return checkpoint;
                            }
                            LOG.atWarn()
                                    .addKeyValue("source", sourceServerId)
                                    .addKeyValue("cause", failure.getMessage())
                                    .log("counters of a replication cannot be read, they begin again");
                            return Optional.<ReplicationCheckpoint>empty();
                        },
                        eventLoop);
    }

    /** Stores in the background; what cannot be stored is told. */
    void store(String sourceServerId, ReplicationCheckpoint checkpoint) {
        try {
            directory
                    .store(sourceServerId, toJson(checkpoint).encode().getBytes(StandardCharsets.UTF_8))
                    .whenComplete((stored, failure) -> {
                        if (failure != null) {
                            tell(sourceServerId, failure);
                        }
                    });
        } catch (RejectedExecutionException e) {
            tell(sourceServerId, e);
        }
    }

    private static void tell(String sourceServerId, Throwable failure) {
        LOG.atWarn()
                .addKeyValue("source", sourceServerId)
                .addKeyValue("cause", String.valueOf(failure.getMessage()))
                .log("counters of a replication are not kept");
    }

    static JsonObject toJson(ReplicationCheckpoint checkpoint) {
        JsonObject volumes = new JsonObject();
        checkpoint.volumes().forEach((id, volume) -> volumes.put(id, toJson(volume)));
        return new JsonObject()
                .put("state", checkpoint.state().name())
                .put("startMillis", checkpoint.startMillis())
                .put("firstByteMillis", checkpoint.firstByteMillis())
                .put("committedEpoch", Long.toString(checkpoint.committedEpoch()))
                .put("markMillis", checkpoint.markMillis())
                .put("recordLost", checkpoint.recordLost())
                .put("duplicateAgent", checkpoint.duplicateAgent())
                .put("wanted", checkpoint.wanted().name())
                .put("wantedMillis", checkpoint.wantedMillis())
                .put("volumes", volumes);
    }

    private static JsonObject toJson(VolumeCheckpoint volume) {
        JsonObject json = new JsonObject()
                .put("dataGen", volume.dataGen())
                .put("complete", volume.complete())
                .put("rescanning", volume.rescanning())
                .put("replicatedBytes", volume.replicatedBytes())
                .put("rescannedBytes", volume.rescannedBytes());
        if (volume.failedCause() != null) {
            json.put("failedCause", volume.failedCause()).put("failedMillis", volume.failedMillis());
        }
        FoundDifference difference = volume.difference();
        if (difference != null) {
            json.put(
                    "difference",
                    new JsonObject()
                            .put("sinceMillis", difference.sinceMillis())
                            .put("offsetBytes", difference.offsetBytes())
                            .put("bytes", difference.bytes()));
        }
        return json;
    }

    private static @Nullable FoundDifference difference(@Nullable JsonObject json) {
        return json == null
                ? null
                : new FoundDifference(json.getLong("sinceMillis"), json.getLong("offsetBytes"), json.getLong("bytes"));
    }

    /** @throws RuntimeException of several kinds for a record that is none of ours */
    static ReplicationCheckpoint parse(byte[] record) throws DecodeException {
        JsonObject json = new JsonObject(Buffer.buffer(record));
        Map<String, VolumeCheckpoint> volumes = new LinkedHashMap<>();
        JsonObject kept = json.getJsonObject("volumes");
        for (String id : kept.fieldNames()) {
            JsonObject volume = kept.getJsonObject(id);
            String failedCause = volume.getString("failedCause");
            volumes.put(
                    id,
                    new VolumeCheckpoint(
                            volume.getString("dataGen"),
                            volume.getBoolean("complete"),
                            volume.getBoolean("rescanning"),
                            volume.getLong("replicatedBytes"),
                            volume.getLong("rescannedBytes"),
                            failedCause,
                            failedCause == null ? 0 : volume.getLong("failedMillis", 0L),
                            difference(volume.getJsonObject("difference"))));
        }
        return new ReplicationCheckpoint(
                DataReplicationState.valueOf(json.getString("state")),
                json.getLong("startMillis"),
                json.getLong("firstByteMillis"),
                Long.parseLong(json.getString("committedEpoch")),
                json.getLong("markMillis"),
                json.getBoolean("recordLost"),
                json.getBoolean("duplicateAgent"),
                DesiredState.valueOf(json.getString("wanted", DesiredState.STOPPED.name())),
                json.getLong("wantedMillis", 0L),
                volumes);
    }
}
