package org.replicationserver.receiver.server;

/** The server cannot start; the message is one line for the operator. */
public final class ServerStartException extends Exception {
    private static final long serialVersionUID = 1;

    /** What stands in the way. */
    public enum Fault {
        /** Something that another program has, or that this machine does not offer. */
        UNAVAILABLE,
        /** A directory or file that cannot be made, read or written. */
        FILES
    }

    private final Fault fault;

    ServerStartException(Fault fault, String message, Throwable cause) {
        super(message, cause);
        this.fault = fault;
    }

    public Fault fault() {
        return fault;
    }
}
