package org.replicationserver.cert;

import java.time.Duration;

/** The side of the connection that a certificate is for. */
public enum CertificateRole {
    SERVER(Duration.ofDays(365)),
    /** Lives longer than the server's, because a migration's source machine is rarely visited. */
    AGENT(Duration.ofDays(3650));

    private final Duration validityDefault;

    CertificateRole(Duration validityDefault) {
        this.validityDefault = validityDefault;
    }

    public Duration validityDefault() {
        return validityDefault;
    }
}
