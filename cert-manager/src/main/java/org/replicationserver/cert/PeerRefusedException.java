package org.replicationserver.cert;

import java.security.cert.CertificateException;

/** Ends the handshake of a peer whose pin, key or chain is not accepted. */
public final class PeerRefusedException extends CertificateException {
    private final RefusalReason reason;

    PeerRefusedException(String message, RefusalReason reason) {
        super(message);
        this.reason = reason;
    }

    public RefusalReason reason() {
        return reason;
    }
}
