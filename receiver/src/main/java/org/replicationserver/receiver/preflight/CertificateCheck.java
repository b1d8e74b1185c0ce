package org.replicationserver.receiver.preflight;

import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.IdentityStore;
import org.replicationserver.receiver.config.ConfiguredDirectory;
import org.replicationserver.receiver.config.ServerConfig;

/** Whether the server starts with its key and certificate, and how long agents will accept the certificate. */
final class CertificateCheck implements PreflightCheck {
    static final String NAME = "certificate";

    private static final Duration TOLD_BEFORE = Duration.ofDays(30);
    private static final String FIX =
            "Make a new server.cert.pem for the same server.key.pem, as the README says, and start the server again.";

    private final ServerConfig config;
    private final Clock clock;

    CertificateCheck(ServerConfig config, Clock clock) {
        this.config = config;
        this.clock = clock;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Finding look() {
        try {
            return new IdentityStore(config.certDirectory())
                    .find(ServerConfig.IDENTITY)
                    .map(identity -> judged(identity.certificate()))
                    .orElseGet(() -> Finding.skip(config.certDirectory()
                            + " has no key and no certificate yet; the server makes them when it first starts"));
        } catch (CertificateStoreException e) {
            return Finding.misconfigured(
                    ConfiguredDirectory.CERT.cannotBeUsed(config, e),
                    "Mend the file, or restore it from a backup: the server does not start with it so. If permission is denied, run this as"
                            + " the user that the server runs as.");
        }
    }

    private Finding judged(X509Certificate shown) {
        Instant now = clock.instant();
        Instant end = shown.getNotAfter().toInstant();
        long days = Duration.between(shown.getNotBefore().toInstant(), now).toDays();
        String text = config.certDirectory().resolve(ServerConfig.IDENTITY + ".cert.pem") + " is " + days
                + " days old, valid until " + end;
        if (!end.isAfter(now)) {
            return Finding.fail(text + ": agents refuse it", FIX);
        }
        return end.isAfter(now.plus(TOLD_BEFORE)) ? Finding.ok(text) : Finding.warn(text, FIX);
    }
}
