package org.replicationserver.controlplane;

/** A request that is answered with an error. */
final class ApiException extends Exception {
    private static final long serialVersionUID = 1;

    private final ErrorCode error;

    ApiException(ErrorCode error, String message) {
        super(message);
        this.error = error;
    }

    ErrorCode error() {
        return error;
    }
}
