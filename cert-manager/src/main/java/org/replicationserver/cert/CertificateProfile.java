package org.replicationserver.cert;

import java.time.Duration;

/**
 * What a certificate shall say about its holder. Immutable, any thread.
 *
 * @param commonName the server's id, or the source server's id of an agent; for people who read the certificate, no
 *     check looks at it
 * @param validity from the moment of issue
 */
public record CertificateProfile(CertificateRole role, String commonName, Duration validity) {
    /** The upper bound of X.520 for a common name. */
    private static final int COMMON_NAME_CHARS_MAX = 64;

    private static final Duration VALIDITY_MAX = Duration.ofDays(3650);

    public CertificateProfile {
        if (commonName.isBlank() || commonName.length() > COMMON_NAME_CHARS_MAX) {
            throw new IllegalArgumentException("common name: length=" + commonName.length() + "; allowed: 1 to "
                    + COMMON_NAME_CHARS_MAX + " characters, not blank");
        }
        if (!validity.isPositive() || validity.compareTo(VALIDITY_MAX) > 0) {
            throw new IllegalArgumentException(
                    "validity: " + validity + "; allowed: above zero, at most " + VALIDITY_MAX.toDays() + " days");
        }
    }

    public static CertificateProfile ofServer(String serverId) {
        return new CertificateProfile(CertificateRole.SERVER, serverId, CertificateRole.SERVER.validityDefault());
    }

    public static CertificateProfile ofAgent(String sourceServerId) {
        return new CertificateProfile(CertificateRole.AGENT, sourceServerId, CertificateRole.AGENT.validityDefault());
    }

    public CertificateProfile withValidity(Duration newValidity) {
        return new CertificateProfile(role, commonName, newValidity);
    }
}
