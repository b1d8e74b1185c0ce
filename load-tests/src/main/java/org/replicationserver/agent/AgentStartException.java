package org.replicationserver.agent;

/** An agent cannot start: a disk or its identity cannot be used. The message is one line for a person. */
public final class AgentStartException extends Exception {
    private static final long serialVersionUID = 1;

    public AgentStartException(String message, Throwable cause) {
        super(message, cause);
    }
}
