package org.replicationserver.receiver.server;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.volume.StateDirectory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sessions that the control plane may have been told of and whose end it was not told, over restarts: the end of a session is told
 * also if the process ends with it. Event loop only, but for {@link #load}.
 */
final class ToldSessions {
    private static final Logger LOG = LoggerFactory.getLogger(ToldSessions.class);
    private static final String RECORD = "sessions";

    /** More than can be open at once; beyond, while the outbox cannot keep their ends, the oldest are forgotten. */
    static final int SESSIONS_MAX = 256;

    private final StateDirectory directory;
    /** In the order in which they were told. */
    private final SequencedSet<Session> sessions = new LinkedHashSet<>();

    /** A session of a source server. */
    record Session(String sourceServerId, long generation) {
        private JsonObject toJson() {
            return new JsonObject().put("sourceServerId", sourceServerId).put("generation", Long.toString(generation));
        }

        private static Session parse(JsonObject json) {
            String id = json.getString("sourceServerId");
            if (id == null || !IdForm.SOURCE_SERVER.pattern().matcher(id).matches()) {
                throw new IllegalArgumentException("sourceServerId is none");
            }
            return new Session(id, Long.parseLong(json.getString("generation")));
        }
    }

    private ToldSessions(StateDirectory directory) {
        this.directory = directory;
    }

    /** Blocks; what cannot be read is told, and nothing is told of those sessions. */
    static ToldSessions load(StateDirectory directory) {
        ToldSessions told = new ToldSessions(directory);
        try {
            byte[] record = directory.load(RECORD).orElse(null);
            if (record != null) {
                new JsonObject(Buffer.buffer(record))
                        .getJsonArray("sessions")
                        .forEach(session -> told.sessions.add(Session.parse((JsonObject) session)));
            }
        } catch (IOException
                | DecodeException
                | ClassCastException
                | IllegalArgumentException
                | NullPointerException e) {
            LOG.atWarn().addKeyValue("cause", e.getMessage()).log("what was told of sessions cannot be read");
        }
        return told;
    }

    /** In the order in which they were told. */
    List<Session> all() {
        return List.copyOf(sessions);
    }

    boolean contains(Session session) {
        return sessions.contains(session);
    }

    /**
     * The control plane will be told of a session.
     *
     * @return done, on any thread, when that survives a power loss; fails if it does not
     */
    CompletionStage<Void> add(Session session) {
        sessions.add(session);
        if (sessions.size() > SESSIONS_MAX) {
            sessions.removeFirst();
        }
        return store();
    }

    /** A report of its end is durable. */
    void remove(Session session) {
        sessions.remove(session);
        store().exceptionally(failure -> null); // the directory has told of it
    }

    private CompletionStage<Void> store() {
        List<JsonObject> list = new ArrayList<>();
        sessions.forEach(session -> list.add(session.toJson()));
        JsonObject json = new JsonObject().put("sessions", list);
        try {
            return directory.store(RECORD, json.encode().getBytes(StandardCharsets.UTF_8));
        } catch (RejectedExecutionException e) {
            LOG.atWarn().addKeyValue("cause", e.getMessage()).log("what was told of sessions is not kept");
            return CompletableFuture.failedStage(e);
        }
    }
}
