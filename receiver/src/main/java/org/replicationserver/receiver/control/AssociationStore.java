package org.replicationserver.receiver.control;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.StateDirectory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the newest answer of what is assigned, so that a start without a control plane carries on with it: the record {@value #RECORD}
 * of the state directory. Any thread.
 */
public final class AssociationStore {
    static final String RECORD = "associations";

    private static final Logger LOG = LoggerFactory.getLogger(AssociationStore.class);
    private static final String ANSWERED = "answeredDateTime";

    private final StateDirectory directory;

    /** What was kept. */
    record Kept(Instant answered, Associations associations) {}

    public AssociationStore(StateDirectory directory) {
        this.directory = directory;
    }

    /** Null if there is nothing, or nothing that can be read, which is told. */
    @Nullable
    Kept load() {
        try {
            byte[] record = directory.load(RECORD).orElse(null);
            if (record == null) {
                return null;
            }
            JsonObject json = new JsonObject(Buffer.buffer(record));
            AssociationsAnswer answer = AssociationsAnswer.read(json);
            if (!answer.malformed().isEmpty()) {
                throw new MalformedException(answer.malformed().getFirst().mistake());
            }
            return new Kept(JsonMembers.of(json).instant(ANSWERED), answer.associations());
        } catch (IOException | DecodeException | ClassCastException | MalformedException e) {
            LOG.atError()
                    .addKeyValue("cause", e.getMessage())
                    .log("kept associations cannot be read, nothing is assigned until the control plane answers");
            return null;
        }
    }

    /**
     * Stores; what cannot be stored is told, and the older content stays.
     *
     * @return done when that has ended, one way or the other
     */
    CompletionStage<Void> store(Instant answered, Associations associations) {
        byte[] record = associations
                .toJson()
                .put(ANSWERED, answered.toString())
                .encode()
                .getBytes(StandardCharsets.UTF_8);
        if (record.length > StateDirectory.RECORD_BYTES_MAX) {
            LOG.atError()
                    .addKeyValue("bytes", record.length)
                    .addKeyValue("bytesMax", StateDirectory.RECORD_BYTES_MAX)
                    .log("associations are too large to be kept, a start without a control plane will not know them");
            return CompletableFuture.completedStage(null);
        }
        try {
            return directory.store(RECORD, record).handle((stored, failure) -> {
                if (failure != null) {
                    LOG.atError().addKeyValue("cause", failure.getMessage()).log("associations cannot be kept");
                }
                return null;
            });
        } catch (RejectedExecutionException e) {
            LOG.error("associations cannot be kept, the state directory is closed or too slow");
            return CompletableFuture.completedStage(null);
        }
    }
}
