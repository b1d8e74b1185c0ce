package org.replicationserver.receiver.listener;

import io.netty.handler.ssl.OpenSslCertificateException;
import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Gives BoringSSL the reason of a refusal, so that the peer sees the alert that the JDK's engine would send. Any thread.
 *
 * <p>Netty turns a {@link CertificateException} that it does not know into {@code internal_error}; the codes below end as {@code
 * certificate_unknown} and {@code certificate_expired}.
 */
final class AlertingTrustManager extends X509ExtendedTrustManager {
    /** X509_V_ERR_CERT_HAS_EXPIRED: alert 45. */
    private static final int CERT_HAS_EXPIRED = 10;

    /** X509_V_ERR_PERMITTED_VIOLATION: one of those that BoringSSL tells as alert 46. A mismatch of names would be 42. */
    private static final int CERTIFICATE_UNKNOWN = 47;

    private final X509ExtendedTrustManager pins;

    AlertingTrustManager(X509ExtendedTrustManager pins) {
        this.pins = pins;
    }

    private interface Check {
        void run() throws CertificateException;
    }

    private static void alerting(Check check) throws CertificateException {
        try {
            check.run();
        } catch (CertificateExpiredException | CertificateNotYetValidException e) {
            throw new OpenSslCertificateException(e.getMessage(), e, CERT_HAS_EXPIRED);
        } catch (CertificateException e) {
            throw new OpenSslCertificateException(e.getMessage(), e, CERTIFICATE_UNKNOWN);
        }
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        alerting(() -> pins.checkClientTrusted(chain, authType));
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        alerting(() -> pins.checkClientTrusted(chain, authType, socket));
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        alerting(() -> pins.checkClientTrusted(chain, authType, engine));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        alerting(() -> pins.checkServerTrusted(chain, authType));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        alerting(() -> pins.checkServerTrusted(chain, authType, socket));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        alerting(() -> pins.checkServerTrusted(chain, authType, engine));
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return pins.getAcceptedIssuers();
    }
}
