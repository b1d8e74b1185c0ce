package org.replicationserver.receiver.config;

import java.time.Duration;
import java.util.Set;
import org.replicationserver.receiver.listener.TlsEngine;

/**
 * How TLS is spoken.
 *
 * @param engine the implementation
 * @param protocols TLSv1.2, TLSv1.3 or both
 * @param handshakeTimeout a handshake that takes longer is closed
 * @param certificateDays validity of a certificate that the server makes for itself
 */
public record TlsConfig(TlsEngine engine, Set<String> protocols, Duration handshakeTimeout, int certificateDays) {
    public TlsConfig {
        protocols = Set.copyOf(protocols);
    }
}
