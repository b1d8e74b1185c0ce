package org.replicationserver.receiver.server;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/** Tells the operator at the start that agents refuse the server's certificate, or will before long. */
final class CertificateExpiry {
    private static final Logger LOG = LoggerFactory.getLogger(CertificateExpiry.class);
    private static final Duration TOLD_BEFORE = Duration.ofDays(30);

    private CertificateExpiry() {}

    /** The same key in a new certificate, because the pin that all agents have is the key's. */
    static void tell(Instant notAfter, Instant now, Path certDirectory) {
        Duration left = Duration.between(now, notAfter);
        String remedy = "make a new server.cert.pem for the same server.key.pem, as the README says, and start again";
        if (!left.isPositive()) {
            tell(
                    LOG.atError(),
                    "the server's certificate has expired, agents refuse it; " + remedy,
                    certDirectory,
                    notAfter,
                    left);
        } else if (left.compareTo(TOLD_BEFORE) <= 0) {
            tell(
                    LOG.atWarn(),
                    "the server's certificate expires soon, agents will refuse it; " + remedy,
                    certDirectory,
                    notAfter,
                    left);
        }
    }

    private static void tell(
            LoggingEventBuilder line, String text, Path certDirectory, Instant notAfter, Duration left) {
        line.addKeyValue("cert.directory", certDirectory)
                .addKeyValue("notAfter", notAfter)
                .addKeyValue("daysLeft", left.toDays())
                .log(text);
    }
}
