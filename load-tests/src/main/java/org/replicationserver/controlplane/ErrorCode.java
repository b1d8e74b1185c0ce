package org.replicationserver.controlplane;

/** The errors of the control API. */
public enum ErrorCode {
    VALIDATION(400, "ValidationException"),
    ACCESS_DENIED(403, "AccessDeniedException"),
    INVALID_SIGNATURE(403, "InvalidSignatureException"),
    REQUEST_TIME_TOO_SKEWED(403, "RequestTimeTooSkewed"),
    UNRECOGNIZED_CLIENT(403, "UnrecognizedClientException"),
    RESOURCE_NOT_FOUND(404, "ResourceNotFoundException"),
    CONFLICT(409, "ConflictException"),
    THROTTLING(429, "ThrottlingException"),
    INTERNAL_SERVER(500, "InternalServerException"),
    SERVICE_UNAVAILABLE(503, "ServiceUnavailableException");

    private final int status;
    private final String code;

    ErrorCode(int status, String code) {
        this.status = status;
        this.code = code;
    }

    int status() {
        return status;
    }

    /** As it is on the wire. */
    public String code() {
        return code;
    }
}
