package org.replicationserver.agent;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import org.replicationserver.cert.CertificateProfile;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.IdentityStore;
import org.replicationserver.cert.SelfSignedIssuer;

/** The agent's key and certificate in a directory, made where there are none yet. */
public final class AgentIdentity {
    private static final String NAME = "agent";
    private static final int COMMON_NAME_CHARS_MAX = 64;

    private AgentIdentity() {}

    /** Whether there is one, so that {@link #loadOrCreate} makes none. */
    static boolean exists(Path directory) {
        return Files.exists(directory.resolve(NAME + ".key.pem"));
    }

    public static Identity loadOrCreate(Path directory, String sourceServerId) throws CertificateStoreException {
        // For people who read the certificate; no check looks at it.
        String commonName = sourceServerId.substring(0, Math.min(COMMON_NAME_CHARS_MAX, sourceServerId.length()));
        return new IdentityStore(directory)
                .loadOrCreate(NAME, new SelfSignedIssuer(CertificateProfile.ofAgent(commonName), Clock.systemUTC()));
    }
}
