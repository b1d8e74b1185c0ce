package org.replicationserver.receiver.protocol;

import org.jspecify.annotations.Nullable;

/** The error codes of section 11 of the specification. */
public enum ErrorCode {
    PROTOCOL(1, true),
    UNSUPPORTED(2, true),
    VERSION(3, true),
    LIMIT(4, true),
    SEQUENCE(5, true),
    STATE(6, true),
    STALE_GENERATION(7, true),
    RANGE(8, true),
    INTEGRITY(9, true),
    EPOCH(10, false),
    VOLUME_FAILED(11, false),
    RATE(12, true),
    FORBIDDEN(13, true),
    SHUTDOWN(14, true),
    PAUSED(15, true);

    private final int code;
    private final boolean fatal;

    ErrorCode(int code, boolean fatal) {
        this.code = code;
        this.fatal = fatal;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** Whether the connection, and with it the session, ends. */
    public boolean isFatal() {
        return fatal;
    }

    /** The constant with this number, or null if this version has none. */
    public static @Nullable ErrorCode of(int code) {
        for (ErrorCode e : values()) {
            if (e.code == code) {
                return e;
            }
        }
        return null;
    }
}
