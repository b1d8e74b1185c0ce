package org.replicationserver.receiver.listener;

/** Told what happens to connections before they belong to a session, to count and to log it. Event loop only; must not block. */
public interface ListenerEvents {
    /** An agent has shown a certificate that is assigned to a source server. */
    void accepted(String sourceServerId, String remoteAddress);

    /** A handshake did not succeed: a refused peer, no TLS, or too slow. {@code reason} is text of ours or of the TLS engine. */
    void handshakeFailed(String reason);

    /** A connection ended before its handshake did: a port probe, most likely. */
    void probed();

    /** A handshake succeeded but the ALPN protocol is not ours. */
    void wrongProtocol(String remoteAddress);

    /** A handshake succeeded but the pin was withdrawn meanwhile. */
    void notAssigned(String remoteAddress);
}
