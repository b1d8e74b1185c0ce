package org.replicationserver.cert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A second opinion on what this module writes. */
class OpenSslTest {
    @TempDir
    private Path temporary;

    private Identity identity;
    private String key;
    private String certificate;

    @BeforeAll
    static void findOpenSsl() {
        assumeTrue(isInstalled(), "openssl is not installed: nobody else has looked at the certificates");
    }

    @BeforeEach
    void makeAStore() throws Exception {
        Path directory = temporary.resolve("certificates");
        CertificateProfile profile = CertificateProfile.ofServer("rs-0a1b2c");
        identity = new IdentityStore(directory)
                .loadOrCreate("server", new SelfSignedIssuer(profile, TestIdentities.CLOCK));
        key = directory.resolve("server.key.pem").toString();
        certificate = directory.resolve("server.cert.pem").toString();
    }

    @Test
    void itReadsTheFieldsOfTheCertificate() throws Exception {
        String text = text(run("x509", "-in", certificate, "-noout", "-text"));
        assertThat(text)
                .contains("Version: 3")
                .contains("Subject: CN = rs-0a1b2c")
                .contains("Issuer: CN = rs-0a1b2c")
                .contains("Signature Algorithm: ecdsa-with-SHA256")
                .contains("ASN1 OID: prime256v1")
                .containsPattern("Basic Constraints: critical\\s+CA:FALSE")
                .containsPattern("Key Usage: critical\\s+Digital Signature\\s")
                .containsPattern("Extended Key Usage: \\s+TLS Web Server Authentication\\s");
    }

    @Test
    void itVerifiesTheSignatureAndThePurpose() throws Exception {
        String verdict = text(run(
                "verify",
                "-CAfile",
                certificate,
                "-check_ss_sig",
                "-attime",
                Long.toString(TestIdentities.NOW.getEpochSecond()),
                "-purpose",
                "sslserver",
                certificate));
        assertThat(verdict).contains(": OK");
    }

    @Test
    void itGetsTheSamePinFromTheCertificateAndFromTheKey() throws Exception {
        byte[] fromKey = run("pkey", "-in", key, "-pubout", "-outform", "DER");
        assertThat(pinOf(fromKey)).isEqualTo(identity.pin());
        String publicKey = text(run("x509", "-in", certificate, "-noout", "-pubkey"));
        byte[] fromCertificate = runWith(publicKey, "pkey", "-pubin", "-outform", "DER");
        assertThat(pinOf(fromCertificate)).isEqualTo(identity.pin());
    }

    @Test
    void aKeyAndACertificateItMadeAreAnIdentity() throws Exception {
        for (String kind : new String[] {"ed25519", "rsa:2048"}) {
            Path directory = temporary;
            Path keyFile = directory.resolve("agent.key");
            Path certificateFile = directory.resolve("agent.crt");
            run(
                    "req",
                    "-x509",
                    "-newkey",
                    kind,
                    "-nodes",
                    "-subj",
                    "/CN=s-1",
                    "-days",
                    "30",
                    "-keyout",
                    keyFile.toString(),
                    "-out",
                    certificateFile.toString());
            Identity agent = PemFiles.readIdentity(keyFile, certificateFile);
            byte[] publicKey = run("pkey", "-in", keyFile.toString(), "-pubout", "-outform", "DER");
            assertThat(agent.pin()).isEqualTo(pinOf(publicKey));
        }
    }

    /** As README.md tells operators whose certificate expires. */
    @Test
    void aCertificateItRenewedWithTheSameKeyKeepsThePin() throws Exception {
        run("req", "-x509", "-key", key, "-subj", "/CN=replication-server", "-days", "365", "-out", certificate);
        Identity renewed = new IdentityStore(temporary.resolve("certificates")).loadOrCreate("server", pair -> {
            throw new AssertionError("there is an identity");
        });
        assertThat(renewed.pin()).isEqualTo(identity.pin());
        assertThat(renewed.certificate().getSerialNumber())
                .isNotEqualTo(identity.certificate().getSerialNumber());
        assertThat(renewed.notAfter()).isAfter(Instant.now().plus(Duration.ofDays(364)));
    }

    private static Pin pinOf(byte[] publicKeyInfo) throws Exception {
        byte[] sha256 = MessageDigest.getInstance("SHA-256").digest(publicKeyInfo);
        return Pin.parse("sha256:" + HexFormat.of().formatHex(sha256));
    }

    private static boolean isInstalled() {
        try {
            return text(run("version")).startsWith("OpenSSL");
        } catch (IOException | InterruptedException _) {
            return false;
        }
    }

    private static String text(byte[] output) {
        return new String(output, StandardCharsets.UTF_8);
    }

    private static byte[] run(String... arguments) throws IOException, InterruptedException {
        return runWith("", arguments);
    }

    private static byte[] runWith(String input, String... arguments) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(new ArrayList<>(List.of("openssl")));
        builder.command().addAll(List.of(arguments));
        Process process = builder.redirectError(ProcessBuilder.Redirect.DISCARD).start();
        try (OutputStream stdin = process.getOutputStream()) {
            stdin.write(input.getBytes(StandardCharsets.US_ASCII));
        }
        byte[] output = process.getInputStream().readAllBytes();
        assertThat(process.waitFor())
                .as("openssl %s: %s", arguments[0], text(output))
                .isZero();
        return output;
    }
}
