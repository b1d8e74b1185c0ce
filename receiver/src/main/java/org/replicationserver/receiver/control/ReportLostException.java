package org.replicationserver.receiver.control;

/** A report could not be kept, and the control plane will learn of it only as a gap in the sequence. */
public final class ReportLostException extends Exception {
    private static final long serialVersionUID = 1;

    ReportLostException(String message) {
        super(message);
    }

    ReportLostException(String message, Throwable cause) {
        super(message, cause);
    }
}
