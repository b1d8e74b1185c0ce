package org.replicationserver.receiver.server;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.DataReplicationState;
import org.replicationserver.volume.StateDirectory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The state of each replication that the control plane was told last, over restarts: a model begins anew with each process, and a change
 * is from what was told. Event loop only, but for {@link #load}.
 */
final class ToldStates {
    private static final Logger LOG = LoggerFactory.getLogger(ToldStates.class);
    private static final String RECORD = "states";

    private final StateDirectory directory;
    private final Map<String, DataReplicationState> states = new HashMap<>();

    private ToldStates(StateDirectory directory) {
        this.directory = directory;
    }

    /** Blocks; what cannot be read is told and counts as never told. */
    static ToldStates load(StateDirectory directory) {
        ToldStates told = new ToldStates(directory);
        try {
            byte[] record = directory.load(RECORD).orElse(null);
            if (record != null) {
                new JsonObject(Buffer.buffer(record))
                        .forEach(state -> told.states.put(
                                state.getKey(), DataReplicationState.valueOf((String) state.getValue())));
            }
        } catch (IOException | DecodeException | ClassCastException | IllegalArgumentException e) {
            LOG.atWarn().addKeyValue("cause", e.getMessage()).log("what was told of states cannot be read");
        }
        return told;
    }

    /** Null if nothing was told of it. */
    @Nullable
    DataReplicationState of(String sourceServerId) {
        return states.get(sourceServerId);
    }

    void put(String sourceServerId, DataReplicationState state) {
        states.put(sourceServerId, state);
        store();
    }

    /** Of a source server that is not here any more nothing more is told. */
    void forget(String sourceServerId) {
        if (states.remove(sourceServerId) != null) {
            store();
        }
    }

    private void store() {
        JsonObject json = new JsonObject();
        states.forEach((id, state) -> json.put(id, state.name()));
        try {
            directory
                    .store(RECORD, json.encode().getBytes(StandardCharsets.UTF_8))
                    .exceptionally(failure -> null); // the directory has told of it, and ends the process
        } catch (RejectedExecutionException e) {
            LOG.atWarn().addKeyValue("cause", e.getMessage()).log("what was told of states is not kept");
        }
    }
}
