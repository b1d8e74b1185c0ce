package org.replicationserver.receiver.control;

/** The disk gave an entry of the outbox back, but not as it was written; to read it again is of no use. */
final class DamagedEntryException extends Exception {
    private static final long serialVersionUID = 1;

    DamagedEntryException(String message) {
        super(message);
    }
}
