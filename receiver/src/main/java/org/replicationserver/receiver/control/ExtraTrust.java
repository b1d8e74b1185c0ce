package org.replicationserver.receiver.control;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;

/** Trusts what the JDK trusts, and the certificates of a file. */
final class ExtraTrust {
    private ExtraTrust() {}

    /** @throws IOException with a sentence for the operator when the file cannot be read or holds no certificate */
    static TrustManager[] of(Path caFile) throws IOException {
        try {
            List<Certificate> trusted = new ArrayList<>(certificatesOf(caFile));
            for (TrustManager manager : managersOf(null)) {
                if (manager instanceof X509TrustManager x509) {
                    trusted.addAll(List.of(x509.getAcceptedIssuers()));
                }
            }
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            for (int i = 0; i < trusted.size(); i++) {
                store.setCertificateEntry("ca-" + i, trusted.get(i));
            }
            return managersOf(store);
        } catch (GeneralSecurityException e) {
            throw new IOException(
                    "control.ca-file=" + caFile + " holds what is no PEM certificate: " + e.getMessage(), e);
        }
    }

    private static Collection<? extends Certificate> certificatesOf(Path caFile)
            throws IOException, GeneralSecurityException {
        try (InputStream pem = Files.newInputStream(caFile)) {
            Collection<? extends Certificate> certificates =
                    CertificateFactory.getInstance("X.509").generateCertificates(pem);
            if (certificates.isEmpty()) {
                throw new IOException("control.ca-file=" + caFile + " holds no certificate");
            }
            return certificates;
        }
    }

    /** @param store null is what the JDK trusts */
    private static TrustManager[] managersOf(@Nullable KeyStore store) throws GeneralSecurityException {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }
}
