package org.replicationserver.fuzz;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Set;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.PemFiles;
import org.replicationserver.cert.Pin;
import org.replicationserver.cert.PinnedTrustManager;
import org.replicationserver.receiver.config.CaFile;

/**
 * Certificates, keys and pins. The first byte of an input chooses: a peer's certificate in DER, as a handshake hands it over; the PEM
 * files of an identity, the key's after a NUL; the text of a pin; the file of {@code aws.ca-file}.
 *
 * <p>Rules: files are refused with a line that names the file; a peer's certificate is refused or has the pin that is asked for; a pin
 * has one text.
 */
final class Certificates implements FuzzTarget {
    private static final int LINE_CHARS_MAX = 4096;
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2028-01-01T00:00:00Z"), ZoneOffset.UTC);

    private final ScratchFile certificate;
    private final ScratchFile key;
    private final ScratchFile pin;
    private final ScratchFile authorities;

    Certificates(Path directory) {
        certificate = new ScratchFile(directory, "identity.cert.pem");
        key = new ScratchFile(directory, "identity.key.pem");
        pin = new ScratchFile(directory, "identity.pin");
        authorities = new ScratchFile(directory, "authorities.pem");
    }

    @Override
    public void run(byte[] input) throws IOException {
        if (input.length == 0) {
            return;
        }
        byte[] bytes = Arrays.copyOfRange(input, 1, input.length);
        switch (Byte.toUnsignedInt(input[0]) % 4) {
            case 0 -> peer(bytes);
            case 1 -> identity(bytes);
            case 2 -> pin(bytes);
            default -> authorities(bytes);
        }
    }

    private static void peer(byte[] der) {
        X509Certificate peer;
        try {
            peer = (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
        } catch (CertificateException e) {
            return; // the handshake's to refuse
        }
        Pin pinned = Pin.of(peer);
        PinnedTrustManager strangers = PinnedTrustManager.forAgent(Set::of, CLOCK, refusal -> {});
        Rules.require(isRefused(strangers, peer), "a certificate whose pin is not asked for is refused");
        isRefused(PinnedTrustManager.forAgent(() -> Set.of(pinned), CLOCK, refusal -> {}), peer);
    }

    private static boolean isRefused(PinnedTrustManager manager, X509Certificate peer) {
        try {
            manager.checkServerTrusted(new X509Certificate[] {peer}, "UNKNOWN");
            return false;
        } catch (CertificateException e) {
            Rules.requireLine(e.getMessage(), LINE_CHARS_MAX);
            return true;
        }
    }

    private void identity(byte[] bytes) throws IOException {
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        Path certificatePath = certificate.with(Arrays.copyOf(bytes, end));
        Path keyPath = key.with(Arrays.copyOfRange(bytes, Math.min(end + 1, bytes.length), bytes.length));
        Files.setPosixFilePermissions(keyPath, PosixFilePermissions.fromString("rw-------"));
        try {
            Identity identity = PemFiles.readIdentity(keyPath, certificatePath);
            Rules.requireSame(identity.pin(), Pin.of(identity.certificate()), "an identity's pin is its certificate's");
        } catch (CertificateStoreException e) {
            requireRefusal(e);
        }
    }

    private void pin(byte[] bytes) throws IOException {
        try {
            Pin read = PemFiles.readPin(pin.with(bytes));
            Rules.requireSame(read, Pin.parse(read.toString()), "a pin is the same when it is read again");
            String text = new String(bytes, StandardCharsets.US_ASCII).strip();
            Rules.require(
                    text.equals(read.toString()) || text.startsWith("sha256/"),
                    "a pin has one text in hexadecimal digits");
        } catch (CertificateStoreException e) {
            requireRefusal(e);
        }
    }

    private static void requireRefusal(CertificateStoreException refusal) {
        Rules.requireLine(refusal.getMessage(), LINE_CHARS_MAX);
    }

    private void authorities(byte[] bytes) throws IOException {
        Path file = authorities.with(bytes);
        CaFile read;
        try {
            read = CaFile.read(file);
        } catch (IOException e) {
            Rules.requireLine(e.getMessage(), LINE_CHARS_MAX);
            return;
        }
        Rules.require(!read.certificates().isEmpty(), "a file of authorities has one");
        read.warnings(CLOCK.instant()).forEach(line -> Rules.requireLine(line, LINE_CHARS_MAX));
    }
}
