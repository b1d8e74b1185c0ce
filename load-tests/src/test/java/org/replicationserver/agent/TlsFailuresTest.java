package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.security.cert.CertificateException;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;

class TlsFailuresTest {
    private static final String OUTER = "Failed to create SSL connection";

    @Test
    void innermostCauseIsTold() {
        Throwable failure = new IOException(OUTER, new IOException("wrapped", new SSLException("handshake timed out")));
        assertThat(TlsFailures.classify(failure)).isEqualTo(LinkFailure.lost(OUTER + ": handshake timed out"));
        assertThat(TlsFailures.classify(new IOException("alone"))).isEqualTo(LinkFailure.lost("alone"));
        assertThat(TlsFailures.classify(new IOException(OUTER, new IllegalStateException()))
                        .text())
                .isEqualTo(OUTER + ": IllegalStateException");
    }

    @Test
    void alertsOfBothEnginesAreTheServersRefusal() {
        assertThat(kindOf(new SSLHandshakeException("Received fatal alert: certificate_unknown")))
                .isEqualTo(LinkFailure.Kind.REFUSED_BY_SERVER);
        assertThat(kindOf(new SSLException("error:1000:SSLV3_ALERT_CERTIFICATE_UNKNOWN")))
                .isEqualTo(LinkFailure.Kind.REFUSED_BY_SERVER);
        assertThat(kindOf(new SSLException("Received fatal alert: no_application_protocol")))
                .isEqualTo(LinkFailure.Kind.NOT_BRP);
        assertThat(kindOf(new SSLException("Received fatal alert: internal_error")))
                .isEqualTo(LinkFailure.Kind.LOST);
        assertThat(kindOf(new CertificateException("not pinned"))).isEqualTo(LinkFailure.Kind.SERVER_NOT_PINNED);
    }

    private static LinkFailure.Kind kindOf(Throwable cause) {
        return TlsFailures.classify(new IOException(OUTER, cause)).kind();
    }
}
