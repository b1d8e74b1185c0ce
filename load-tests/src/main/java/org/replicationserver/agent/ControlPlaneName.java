package org.replicationserver.agent;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.security.cert.CertificateException;
import javax.net.ssl.SSLException;
import org.replicationserver.controlplane.ApiClient;
import org.replicationserver.receiver.log.PeerText;

/**
 * A control plane as an agent's operator has named it, for sentences about what goes wrong with it. Pure.
 *
 * @param trust what its certificate is trusted by
 * @param credentials what requests are signed with, without the secret
 */
record ControlPlaneName(URI endpoint, String trust, String credentials) {
    private static final int OK = 200;
    private static final int FORBIDDEN = 403;
    private static final int CAUSES_MAX = 16;

    @Override
    public String toString() {
        return "the control plane at " + endpoint;
    }

    /** There was no answer. */
    String noAnswer(IOException failure) {
        if (failure instanceof HttpTimeoutException) {
            return this + " does not answer: " + TlsFailures.textOf(failure);
        }
        if (failure instanceof SSLException) {
            return this + mistrusted(failure);
        }
        return this + " cannot be reached: "
                + (failure instanceof ConnectException ? unconnected(failure) : TlsFailures.textOf(failure));
    }

    /** The JDK's client mostly gives no reason. */
    private static String unconnected(Throwable failure) {
        Throwable cause = failure;
        for (int i = 0; cause != null && i < CAUSES_MAX; i++, cause = cause.getCause()) {
            if (cause instanceof UnresolvedAddressException) {
                return "its host name is not known";
            }
        }
        return failure.getMessage() == null ? "nobody listens there" : failure.getMessage();
    }

    private String mistrusted(Throwable failure) {
        Throwable cause = failure;
        for (int i = 0; cause != null && i < CAUSES_MAX; i++, cause = cause.getCause()) {
            String text = String.valueOf(cause.getMessage());
            if (text.contains("PKIX")) {
                return " shows a certificate that is not trusted by " + trust + ": " + TlsFailures.textOf(failure);
            }
            if (cause instanceof CertificateException) {
                return " shows a certificate that is not of this name: " + text;
            }
        }
        return " breaks off the TLS handshake: " + TlsFailures.textOf(failure);
    }

    /**
     * What an answer says.
     *
     * @throws LookupException if it is no success
     */
    JsonObject content(String operation, ApiClient.Answer answer) throws LookupException {
        if (answer.status() == OK) {
            return answer.body();
        }
        String message = answer.body().getValue("message") instanceof String text ? text : "";
        String told = this + " refuses " + operation + ": status=" + answer.status() + " "
                + PeerText.value(answer.header("x-amzn-ErrorType")) + " " + PeerText.line(message);
        throw LookupException.failed(
                answer.status() == FORBIDDEN ? told + "; the request was signed with " + credentials : told);
    }
}
