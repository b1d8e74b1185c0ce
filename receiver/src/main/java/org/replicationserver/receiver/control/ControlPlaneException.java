package org.replicationserver.receiver.control;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A call of the control plane has failed. The message is a sentence for people: what happened, and what to do. It holds nothing of
 * credentials.
 */
public final class ControlPlaneException extends Exception {
    private static final long serialVersionUID = 1;

    /** Why a call failed, as far as that changes what to do. */
    public enum Kind {
        /** No connection: the name is not known, nobody answers or refuses, or the connection broke. */
        UNREACHABLE(true),
        /** Connected to somebody who cannot prove to be the control plane. */
        UNTRUSTED(false),
        /** No whole answer in time. */
        TIMEOUT(true),
        /** Too many requests. */
        THROTTLED(true),
        /** The region or the id of this server is not known yet, since the instance metadata does not tell it. */
        NO_METADATA(false),
        /** There are no credentials to sign with. */
        NO_CREDENTIALS(false),
        /** The control plane does not accept the credentials, or they may not do this. */
        REFUSED_CREDENTIALS(false),
        /** The clocks differ by more than signatures allow. */
        CLOCK_SKEW(false),
        /** The request is not as the control plane wants it; the same again would be refused again. */
        NOT_VALID(false),
        /** What the request is about is not known. */
        NOT_FOUND(false),
        /** The request contradicts what the control plane knows. */
        CONFLICT(false),
        /** A failure of the control plane. */
        SERVER_FAULT(true),
        /** An answer that is none of the API: no JSON, cut off, too large, a redirect. */
        BAD_ANSWER(true),
        /** Not tried: the control plane asked for time, or too many calls in a row have failed, and the next is not due. */
        CIRCUIT_OPEN(false),
        /** The client is closed. */
        CLOSED(false);

        private final boolean transientFault;

        Kind(boolean transientFault) {
            this.transientFault = transientFault;
        }

        /** Whether the same request may do better in a moment. */
        boolean isTransient() {
            return transientFault;
        }

        /** Whether the control plane has looked at this request and will never take it. */
        public boolean isRefusal() {
            return this == NOT_VALID || this == NOT_FOUND || this == CONFLICT;
        }
    }

    private final Kind kind;
    private final @Nullable String requestId;
    private final @Nullable Duration retryAfter;

    ControlPlaneException(Kind kind, String message) {
        this(kind, message, null, null, null);
    }

    ControlPlaneException(Kind kind, String message, @Nullable Throwable cause) {
        this(kind, message, null, null, cause);
    }

    ControlPlaneException(
            Kind kind,
            String message,
            @Nullable String requestId,
            @Nullable Duration retryAfter,
            @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
        this.requestId = requestId;
        this.retryAfter = retryAfter;
    }

    /** What happened and what to do, for people. */
    public String sentence() {
        return String.valueOf(getMessage());
    }

    public Kind kind() {
        return kind;
    }

    /** What the control plane calls the request, if there was an answer at all. */
    public Optional<String> requestId() {
        return Optional.ofNullable(requestId);
    }

    /** When to come again, if the control plane said so. */
    public Optional<Duration> retryAfter() {
        return Optional.ofNullable(retryAfter);
    }
}
