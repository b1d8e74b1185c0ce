package org.replicationserver.receiver.session;

/** Whose doing the end of a session was. */
public enum SessionEndCause {
    /** The agent's: BYE, or an error that it reported. */
    AGENT_LEFT,
    /** This server's: GOAWAY, a newer session, a limit, or a breach of the protocol. */
    SERVER_ENDED,
    /** Nobody's: a connection broke or fell silent. */
    LOST
}
