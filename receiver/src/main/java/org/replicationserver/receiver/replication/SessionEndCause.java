package org.replicationserver.receiver.replication;

/** Whose doing the end of a session was. */
public enum SessionEndCause {
    /** The agent said BYE of its own accord. */
    AGENT_LEFT,

    /** This server ended it: GOAWAY, drain, a newer session, a limit, or a breach of the protocol. */
    SERVER_ENDED,

    /** Its connections broke, or fell silent. The only cause that speaks against the network. */
    LOST
}
