package org.replicationserver.agent;

import org.jspecify.annotations.Nullable;

/** An agent cannot start: a disk, its identity or its memory is not as needed. The message is one line for a person. */
public final class AgentStartException extends Exception {
    private static final long serialVersionUID = 1;

    public AgentStartException(String message) {
        this(message, null);
    }

    public AgentStartException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
