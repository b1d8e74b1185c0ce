package org.replicationserver.receiver.server;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
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

    /** Also of source servers that are not here any more, since they may come back. */
    private static final int STATES_MAX = 256;

    private final StateDirectory directory;
    /** The one that was told last comes last. */
    private final SequencedMap<String, DataReplicationState> states = new LinkedHashMap<>();

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

    /** A report of this state is durable. */
    void put(String sourceServerId, DataReplicationState state) {
        states.remove(sourceServerId); // to be the newest
        states.put(sourceServerId, state);
        if (states.size() > STATES_MAX) {
            states.pollFirstEntry();
        }
        store();
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
