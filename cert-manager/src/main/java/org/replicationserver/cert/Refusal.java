package org.replicationserver.cert;

import java.security.cert.CertPathValidatorException;
import java.security.cert.CertPathValidatorException.BasicReason;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;

/**
 * One refused handshake. Immutable, any thread.
 *
 * @param pin of the peer's leaf certificate
 * @param detail facts of the case; never text that the peer chose
 */
public record Refusal(RefusalReason reason, Pin pin, String detail) {
    /**
     * The exception that ends the handshake. For the dates it is a class of the JDK, with a cause of the JDK: tcnative
     * chooses the alert by the class, the JDK's client by the cause. (The JDK's server sends certificate_unknown for
     * every exception.)
     */
    CertificateException toException() {
        return switch (reason) {
            case EXPIRED -> because(BasicReason.EXPIRED, new CertificateExpiredException(message()));
            case NOT_YET_VALID -> because(BasicReason.NOT_YET_VALID, new CertificateNotYetValidException(message()));
            case CHAIN_TOO_LONG, NOT_PINNED, WEAK_KEY -> new PeerRefusedException(message(), reason);
        };
    }

    private CertificateException because(BasicReason basicReason, CertificateException exception) {
        exception.initCause(new CertPathValidatorException(message(), null, null, -1, basicReason));
        return exception;
    }

    private String message() {
        return "peer refused: reason=" + reason + " pin=" + pin + " " + detail;
    }
}
