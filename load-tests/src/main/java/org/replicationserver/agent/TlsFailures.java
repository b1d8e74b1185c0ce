package org.replicationserver.agent;

import java.security.cert.CertificateException;
import java.util.Locale;
import javax.net.ssl.SSLException;

/** Tells what can be different next time from what cannot, from what the TLS engines throw. */
final class TlsFailures {
    private static final int CAUSES_MAX = 16;

    private TlsFailures() {}

    static LinkFailure classify(Throwable failure) {
        Throwable cause = failure;
        for (int i = 0; cause != null && i < CAUSES_MAX; i++, cause = cause.getCause()) {
            String text = String.valueOf(cause.getMessage());
            if (cause instanceof CertificateException) {
                return new LinkFailure(LinkFailure.Kind.SERVER_NOT_PINNED, "the server's certificate: " + text);
            }
            if (cause instanceof SSLException && isAlert(text)) {
                return ofAlert(text);
            }
        }
        return LinkFailure.lost(textOf(failure));
    }

    /** The JDK says "Received fatal alert: certificate_unknown", BoringSSL "SSLV3_ALERT_CERTIFICATE_UNKNOWN". */
    private static boolean isAlert(String text) {
        String lower = text.toLowerCase(Locale.ROOT);
        return lower.contains("fatal alert") || lower.contains("_alert_") || lower.contains("application_protocol");
    }

    private static LinkFailure ofAlert(String text) {
        String lower = text.toLowerCase(Locale.ROOT);
        if (lower.contains("application_protocol")) {
            return new LinkFailure(LinkFailure.Kind.NOT_BRP, "the peer does not speak brp/1: " + text);
        }
        if (lower.contains("certificate") || lower.contains("access_denied") || lower.contains("unknown_ca")) {
            return new LinkFailure(LinkFailure.Kind.REFUSED_BY_SERVER, text);
        }
        return LinkFailure.lost(text);
    }

    /** What the outermost says, and the innermost, which knows why. */
    static String textOf(Throwable failure) {
        Throwable cause = failure;
        for (int i = 0; cause.getCause() != null && i < CAUSES_MAX; i++) {
            cause = cause.getCause();
        }
        String text = messageOf(failure);
        String why = messageOf(cause);
        return text.contains(why) ? text : text + ": " + why;
    }

    private static String messageOf(Throwable failure) {
        String text = failure.getMessage();
        return text == null ? failure.getClass().getSimpleName() : text;
    }
}
