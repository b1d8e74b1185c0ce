package org.replicationserver.process;

/** A run of the demo or of the bench cannot go on; the message is one line for the person who started it. */
public final class RunException extends Exception {
    public RunException(String message) {
        super(message);
    }

    public RunException(String message, Throwable cause) {
        super(message, cause);
    }
}
