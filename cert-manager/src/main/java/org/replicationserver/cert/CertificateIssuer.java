package org.replicationserver.cert;

import java.security.KeyPair;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;

/**
 * Gives a certificate for a key. Any thread.
 *
 * <p>An interface of its own because who signs differs by deployment, while making, keeping and pinning the key does
 * not.
 */
@FunctionalInterface
public interface CertificateIssuer {
    /**
     * The private half is for the holder's own signature (on a self-signed certificate or on a request for one); an
     * issuer neither keeps it nor sends it anywhere.
     */
    X509Certificate issue(KeyPair keyPair) throws CertificateException;
}
