package org.replicationserver.agent;

/** Something that happened to the replication, for a person or a log. Immutable. */
public record AgentEvent(Kind kind, String text) {
    /** How much it matters. */
    public enum Kind {
        /** The normal course. */
        STATE,
        /** It goes on, but somebody should look. */
        WARNING
    }

    static AgentEvent state(String text) {
        return new AgentEvent(Kind.STATE, text);
    }

    static AgentEvent warning(String text) {
        return new AgentEvent(Kind.WARNING, text);
    }
}
