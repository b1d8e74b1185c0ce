package org.replicationserver.receiver.server;

/** The server cannot start; the message is one line for the operator. */
public final class ServerStartException extends Exception {
    private static final long serialVersionUID = 1;

    public ServerStartException(String message, Throwable cause) {
        super(message, cause);
    }
}
