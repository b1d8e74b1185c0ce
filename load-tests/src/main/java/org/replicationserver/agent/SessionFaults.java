package org.replicationserver.agent;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.ProtocolException;

/** How a session ends that something went wrong in: by an error of the server, its broken protocol or a lost connection. Event loop only. */
final class SessionFaults {
    private final Replication replication;

    /** Those of HELLO. */
    private final List<ReplicatedDisk> disks;

    SessionFaults(Replication replication, List<ReplicatedDisk> disks) {
        this.replication = replication;
        this.disks = disks;
    }

    /**
     * The server sent a fatal error.
     *
     * @param ofHello whether it answers HELLO
     */
    SessionEnd afterError(ErrorBody error, boolean ofHello) {
        ErrorCode code = ErrorCode.of(error.code());
        String text = describe(error, code);
        boolean ofDisk = ofHello && (code == ErrorCode.RANGE || code == ErrorCode.FORBIDDEN);
        ReplicatedDisk refused = ofDisk ? diskOfHello(error) : null;
        if (refused != null && code != null) {
            return replication.refused(refused, code, error.text() == null ? text : error.text());
        }
        if (code == ErrorCode.EPOCH) {
            return SessionEnd.now("the server refused an epoch: " + text);
        }
        if (code == ErrorCode.FORBIDDEN) {
            return forbidden(Advice.forbidden(replication.plan(), text));
        }
        if (code == ErrorCode.PAUSED) { // somebody wants it so
            return SessionEnd.await("the server keeps this agent waiting: " + text);
        }
        if (code == ErrorCode.VERSION || code == ErrorCode.UNSUPPORTED) {
            return SessionEnd.never(AgentOutcome.Exit.PROTOCOL, "the server does not accept this agent: " + text);
        }
        return SessionEnd.retry("the server ended the session: " + text);
    }

    /** The disk that HELLO is refused for; null if the server does not say, and there is more than one. */
    private @Nullable ReplicatedDisk diskOfHello(ErrorBody error) {
        Integer place = error.volume();
        if (place == null) {
            return ErrorCode.of(error.code()) == ErrorCode.RANGE && disks.size() == 1 ? disks.getFirst() : null;
        }
        return place < disks.size() ? disks.get(place) : null;
    }

    /** The server sent what this agent had to refuse. */
    static SessionEnd afterBrokenProtocol(ProtocolException e) {
        String text = "the server broke the protocol: " + e.code() + ": " + e.getMessage();
        return e.code() == ErrorCode.VERSION
                ? SessionEnd.never(AgentOutcome.Exit.PROTOCOL, text)
                : SessionEnd.retry(text);
    }

    /**
     * A connection could not be opened, or is gone.
     *
     * @param where which one, in words
     */
    SessionEnd afterLoss(String where, LinkFailure failure) {
        String text = where + ": " + failure.text();
        return switch (failure.kind()) {
            case LOST -> SessionEnd.retry(text);
            case SERVER_UNKNOWN -> SessionEnd.retry(failure.text());
            case SERVER_AWAITED -> SessionEnd.await(failure.text());
            case REFUSED_BY_SERVER -> forbidden(Advice.certificateRefused(replication.plan(), failure.text()));
            case SERVER_NOT_PINNED ->
                replication.plan().serverMayChange() == ServerLookup.Change.PINS
                        ? SessionEnd.retry(failure.text())
                        : forbidden(failure.text());
            case NOT_BRP -> SessionEnd.never(AgentOutcome.Exit.PROTOCOL, text);
        };
    }

    /** Where somebody assigns servers to agents, the next may be another one, or this one may know of us by then. */
    private SessionEnd forbidden(String text) {
        return replication.plan().hasControlPlane()
                ? SessionEnd.retry(text)
                : SessionEnd.never(AgentOutcome.Exit.FORBIDDEN, text);
    }

    static String describe(ErrorBody error, @Nullable ErrorCode code) {
        StringBuilder text = new StringBuilder(code == null ? "code " + error.code() : code.name());
        if (error.volume() != null) {
            text.append(" volume=").append(error.volume());
        }
        if (error.offset() != null) {
            text.append(" offset=").append(error.offset());
        }
        return text.append(error.text() == null ? "" : ": " + error.text()).toString();
    }
}
