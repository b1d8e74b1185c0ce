package org.replicationserver.receiver.listener;

import java.time.Duration;
import java.util.Set;

/**
 * Where and how the server listens.
 *
 * @param address to bind; {@code ::} is both families
 * @param port 1 to 65535, or 0 for any free one
 * @param backlog connections that the kernel keeps before they are accepted
 * @param receiveBufferBytes SO_RCVBUF of each connection
 * @param engine the TLS implementation
 * @param protocols TLSv1.2, TLSv1.3 or both
 * @param handshakeTimeout from accept to the end of the handshake
 */
public record ListenerSettings(
        String address,
        int port,
        int backlog,
        int receiveBufferBytes,
        TlsEngine engine,
        Set<String> protocols,
        Duration handshakeTimeout) {
    public ListenerSettings {
        protocols = Set.copyOf(protocols);
    }
}
