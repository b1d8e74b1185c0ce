package org.replicationserver.controlplane;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Something that goes wrong with requests.
 *
 * @param operation of which operation; null for all
 * @param error of ERROR: what is answered
 * @param delay of DELAY: how long
 * @param retryAfterSeconds of ERROR: the header; negative for none
 * @param count how often; 0 for until it is cleared
 */
public record Fault(
        Kind kind,
        @Nullable String operation,
        @Nullable ErrorCode error,
        Duration delay,
        int retryAfterSeconds,
        int count) {
    /** What goes wrong. */
    public enum Kind {
        /** The request waits, and is then taken as if nothing had been. */
        DELAY,
        /** The request is not taken and never answered; the connection stays. */
        HANG,
        /** The request is not taken and answered with an error. */
        ERROR,
        /** The request is not taken and its connection reset. */
        RESET,
        /** The request is taken, and its connection closed instead of an answer. */
        LOSE_ANSWER,
        /** The request is taken, and its connection closed in the middle of the answer's body. */
        TRUNCATE_ANSWER,
        /** The request is taken, and answered with a page that is no JSON, as a proxy does. */
        GARBLE_ANSWER
    }

    /** Of all operations, until it is cleared. */
    public static Fault of(Kind kind) {
        return new Fault(kind, null, null, Duration.ZERO, -1, 0);
    }

    /** An error of all operations, until it is cleared. */
    public static Fault error(ErrorCode error) {
        return new Fault(Kind.ERROR, null, error, Duration.ZERO, -1, 0);
    }

    /** A wait of all operations, until it is cleared. */
    public static Fault delay(Duration delay) {
        return new Fault(Kind.DELAY, null, null, delay, -1, 0);
    }

    public Fault on(String newOperation) {
        return new Fault(kind, newOperation, error, delay, retryAfterSeconds, count);
    }

    public Fault times(int newCount) {
        return new Fault(kind, operation, error, delay, retryAfterSeconds, newCount);
    }

    public Fault retryAfter(int seconds) {
        return new Fault(kind, operation, error, delay, seconds, count);
    }

    boolean concerns(String someOperation) {
        return operation == null || operation.equals(someOperation);
    }
}
