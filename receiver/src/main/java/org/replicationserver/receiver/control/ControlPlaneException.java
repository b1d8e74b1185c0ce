package org.replicationserver.receiver.control;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A call of the control plane has failed. For people it has a sentence, what happened, and another one, what to do. Neither holds
 * anything secret.
 */
public final class ControlPlaneException extends Exception {
    private static final long serialVersionUID = 1;

    /** Why a call failed, as far as that changes what to do. */
    public enum Kind {
        /** DNS does not know the name of the control plane, or of the proxy on the way to it. */
        NAME_UNKNOWN(true),
        /** The host is there and nothing listens on the port. */
        CONNECTION_REFUSED(true),
        /** No connection for another reason: no route, no handshake, or it broke. */
        UNREACHABLE(true),
        /** Connected to somebody who does not speak TLS. */
        NO_TLS(false),
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
    private final String nextAction;
    private final @Nullable String requestId;
    private final @Nullable Duration retryAfter;

    ControlPlaneException(Kind kind, String sentence, String nextAction) {
        this(kind, sentence, nextAction, null, null, null);
    }

    ControlPlaneException(Kind kind, String sentence, String nextAction, @Nullable Throwable cause) {
        this(kind, sentence, nextAction, null, null, cause);
    }

    ControlPlaneException(
            Kind kind,
            String sentence,
            String nextAction,
            @Nullable String requestId,
            @Nullable Duration retryAfter,
            @Nullable Throwable cause) {
        super(sentence, cause);
        this.kind = kind;
        this.nextAction = nextAction;
        this.requestId = requestId;
        this.retryAfter = retryAfter;
    }

    /** What happened, with its numbers; no capital letter, no full stop. */
    public String sentence() {
        return String.valueOf(getMessage());
    }

    /** What to do about it, a whole sentence. */
    public String nextAction() {
        return nextAction;
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
