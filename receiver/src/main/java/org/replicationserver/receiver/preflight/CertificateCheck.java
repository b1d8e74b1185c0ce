package org.replicationserver.receiver.preflight;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import org.replicationserver.receiver.config.IoReason;

/** How long agents will accept the certificate of this server. */
final class CertificateCheck implements PreflightCheck {
    static final String NAME = "certificate";

    private static final Duration TOLD_BEFORE = Duration.ofDays(30);
    private static final String FIX =
            "Make a new server.cert.pem for the same server.key.pem, as the README says, and start the server again.";

    private final Path certificate;
    private final Clock clock;

    CertificateCheck(Path certDirectory, Clock clock) {
        this.certificate = certDirectory.resolve("server.cert.pem");
        this.clock = clock;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Finding look() {
        if (Files.notExists(certificate)) {
            return Finding.skip(certificate + " is not there yet; the server makes it when it starts");
        }
        try (InputStream pem = Files.newInputStream(certificate)) {
            return judged(
                    (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem));
        } catch (IOException e) {
            return Finding.misconfigured(
                    certificate + " cannot be read: " + IoReason.of(e, certificate.toString()),
                    "Look at cert.directory, and run this as the user that the server runs as.");
        } catch (CertificateException e) {
            return Finding.misconfigured(certificate + " cannot be read: " + e.getMessage(), FIX);
        }
    }

    private Finding judged(X509Certificate shown) {
        Instant now = clock.instant();
        Instant end = shown.getNotAfter().toInstant();
        long days = Duration.between(shown.getNotBefore().toInstant(), now).toDays();
        String text = certificate + " is " + days + " days old, valid until " + end;
        if (!end.isAfter(now)) {
            return Finding.fail(text + ": agents refuse it", FIX);
        }
        return end.isAfter(now.plus(TOLD_BEFORE)) ? Finding.ok(text) : Finding.warn(text, FIX);
    }
}
