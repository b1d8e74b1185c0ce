package org.replicationserver.receiver.replication;

/** Why a TLS handshake with a peer failed that is no known agent. */
public enum HandshakeFault {
    /** The peer's certificate is pinned for no source server, or is outside its dates. */
    AGENT_PIN_UNKNOWN,

    /**
     * The peer sent the alert unknown_ca, bad_certificate or certificate_unknown right after it saw this server's certificate: it holds
     * another pin, or somebody between intercepts TLS.
     */
    SERVER_PIN_REJECTED
}
