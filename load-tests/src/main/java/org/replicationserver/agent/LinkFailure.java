package org.replicationserver.agent;

/** Why a connection could not be opened or is gone. Immutable. */
public record LinkFailure(Kind kind, String text) {
    public enum Kind {
        /** Closed, reset, not reachable: may be different next time. */
        LOST,
        /** Where the server is could not be found out; the text says it all. */
        SERVER_UNKNOWN,
        /** There is no server yet, and nothing is wrong. */
        SERVER_AWAITED,
        /** The server refused our certificate. */
        REFUSED_BY_SERVER,
        /** The server showed a certificate that we do not accept; another file of pins may change that. */
        SERVER_NOT_PINNED,
        /** The peer does not speak this protocol. */
        NOT_BRP
    }

    public static LinkFailure lost(String text) {
        return new LinkFailure(Kind.LOST, text);
    }
}
