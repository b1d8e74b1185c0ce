package org.replicationserver.receiver.aws;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.CaFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trusts what the JDK trusts and the certificates of {@code aws.ca-file}, by the JDK's own rules, host names included. A refusal
 * carries the certificate that was shown, which the JDK's does not. Any thread.
 */
public final class HttpsTrust extends X509ExtendedTrustManager {
    private static final Logger LOG = LoggerFactory.getLogger(HttpsTrust.class);

    private final X509ExtendedTrustManager rules;
    private final @Nullable CaFile file;

    private HttpsTrust(X509ExtendedTrustManager rules, @Nullable CaFile file) {
        this.rules = rules;
        this.file = file;
    }

    /**
     * Reads the file, if there is one.
     *
     * @throws IOException with a sentence for the operator when it cannot be used
     */
    public static HttpsTrust of(Optional<Path> caFile) throws IOException {
        if (caFile.isEmpty()) {
            return new HttpsTrust(rulesOver(null), null);
        }
        CaFile file = CaFile.read(caFile.get());
        file.warnings(Instant.now())
                .forEach(warning ->
                        LOG.atWarn().addKeyValue("cause", warning).log("certificate of aws.ca-file is not valid now"));
        return new HttpsTrust(rulesOver(storeOf(file)), file);
    }

    /** Null where {@code aws.ca-file} is not set. */
    public @Nullable CaFile file() {
        return file;
    }

    private static KeyStore storeOf(CaFile file) throws IOException {
        List<X509Certificate> trusted = new ArrayList<>(file.certificates());
        trusted.addAll(List.of(rulesOver(null).getAcceptedIssuers()));
        try {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            for (int i = 0; i < trusted.size(); i++) {
                store.setCertificateEntry("ca-" + i, trusted.get(i));
            }
            return store;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("the JDK cannot hold certificates", e);
        }
    }

    /** @param store null is what the JDK trusts */
    private static X509ExtendedTrustManager rulesOver(@Nullable KeyStore store) {
        try {
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(store);
            for (TrustManager manager : factory.getTrustManagers()) {
                if (manager instanceof X509ExtendedTrustManager extended) {
                    return extended;
                }
            }
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("the JDK has no rules of trust", e);
        }
        throw new IllegalStateException("the JDK has no rules of trust for X.509");
    }

    private interface Check {
        void run() throws CertificateException;
    }

    private static void check(X509Certificate[] chain, Check check) throws CertificateException {
        try {
            check.run();
        } catch (CertificateException e) {
            throw chain.length == 0 ? e : new RefusedCertificateException(chain[0], e);
        }
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        check(chain, () -> rules.checkServerTrusted(chain, authType, socket));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        check(chain, () -> rules.checkServerTrusted(chain, authType, engine));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        check(chain, () -> rules.checkServerTrusted(chain, authType));
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        rules.checkClientTrusted(chain, authType, socket);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        rules.checkClientTrusted(chain, authType, engine);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        rules.checkClientTrusted(chain, authType);
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return rules.getAcceptedIssuers();
    }
}
