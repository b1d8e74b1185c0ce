package org.replicationserver.cert;

import java.security.cert.X509Certificate;
import java.util.Optional;

/**
 * Turns the certificate of an agent into the source server it speaks for. Any thread.
 *
 * <p>Says nothing about possession of the key: ask only about certificates that a handshake has proven.
 */
public final class PeerIdentity {
    private final PinRegistry registry;

    public PeerIdentity(PinRegistry registry) {
        this.registry = registry;
    }

    /** Empty if the pin is not assigned, or no longer: it may have been withdrawn since the handshake. */
    public Optional<String> sourceServerOf(X509Certificate certificate) {
        return registry.sourceServerOf(Pin.of(certificate));
    }
}
