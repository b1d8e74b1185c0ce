package org.replicationserver.receiver.server;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells the operator at the start that agents refuse the server's certificate, or will before long. */
final class CertificateExpiry {
    private static final Logger LOG = LoggerFactory.getLogger(CertificateExpiry.class);
    private static final Duration TOLD_BEFORE = Duration.ofDays(30);

    private CertificateExpiry() {}

    /** The same key in a new certificate, because the pin that all agents have is the key's. */
    static void tell(Instant notAfter, Instant now, Path certDirectory) {
        Duration left = Duration.between(now, notAfter);
        String remedy = "make a new server.cert.pem for the same server.key.pem, as the README says, and start again:";
        if (!left.isPositive()) {
            LOG.error(
                    "the server's certificate has expired, agents refuse it; {} cert.directory={} notAfter={} daysLeft={}",
                    remedy,
                    certDirectory,
                    notAfter,
                    left.toDays());
        } else if (left.compareTo(TOLD_BEFORE) <= 0) {
            LOG.warn(
                    "the server's certificate expires soon, agents will refuse it; {} cert.directory={} notAfter={} daysLeft={}",
                    remedy,
                    certDirectory,
                    notAfter,
                    left.toDays());
        }
    }
}
