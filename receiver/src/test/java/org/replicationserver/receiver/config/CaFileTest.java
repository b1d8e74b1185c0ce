package org.replicationserver.receiver.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each mistake in the file of aws.ca-file is told with the key, the file, and what is allowed. */
class CaFileTest {
    private static final Instant NOW = Instant.parse("2020-05-01T00:00:00Z");

    @TempDir
    private Path directory = Path.of("");

    /** One that is valid for ten days, the last of which is so many days from now. */
    static X509Certificate certificate(String subject, int daysToItsEnd) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        KeyPair keys = generator.generateKeyPair();
        Instant end = NOW.plus(daysToItsEnd, ChronoUnit.DAYS);
        return new JcaX509CertificateConverter()
                .getCertificate(new JcaX509v3CertificateBuilder(
                                new X500Name(subject),
                                BigInteger.ONE,
                                Date.from(end.minus(10, ChronoUnit.DAYS)),
                                Date.from(end),
                                new X500Name(subject),
                                keys.getPublic())
                        .build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate())));
    }

    static Path write(Path file, Object... parts) throws IOException {
        StringWriter text = new StringWriter();
        try (JcaPEMWriter pem = new JcaPEMWriter(text)) {
            for (Object part : parts) {
                pem.writeObject(part);
            }
        }
        return Files.writeString(file, text.toString());
    }

    private void assertRefused(Path file, String why) {
        assertThat(catchThrowable(() -> CaFile.read(file)))
                .isInstanceOf(IOException.class)
                .hasMessage(
                        "aws.ca-file=" + file + " cannot be used: " + why + "; allowed: a file of PEM certificates");
    }

    private Path file(String text) throws IOException {
        return Files.writeString(directory.resolve("ca.pem"), text);
    }

    @Test
    void fileThatIsMissingIsRefused() {
        assertRefused(directory.resolve("ca.pem"), "no such file or directory");
    }

    @Test
    void directoryIsRefused() {
        assertRefused(directory, "is a directory");
    }

    @Test
    void fileWithoutAnythingIsRefused() throws Exception {
        assertRefused(file(" \n"), "is empty");
    }

    @Test
    void fileThatIsNoPemIsRefused() throws Exception {
        assertRefused(file("{\"ca\": true}"), "is not PEM");
    }

    @Test
    void keyInTheFileIsRefusedByItsKindAndNotShown() throws Exception {
        assertRefused(
                file("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"),
                "holds no certificate, but PRIVATE KEY");
    }

    @Test
    void keyBesideACertificateIsToldInEitherOrder() throws Exception {
        Object key = KeyPairGenerator.getInstance("EC").generateKeyPair().getPrivate();
        for (Object[] parts :
                List.of(new Object[] {certificate("CN=a", 5), key}, new Object[] {key, certificate("CN=a", 5)})) {
            assertRefused(write(directory.resolve("ca.pem"), parts), "holds, beside certificates, EC PRIVATE KEY");
        }
    }

    @Test
    void certificateThatIsDamagedIsRefused() throws Exception {
        assertRefused(
                file("-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n"),
                "holds a certificate that cannot be read");
    }

    @Test
    void fileThatIsTooLargeIsRefused() throws Exception {
        assertRefused(Files.write(directory.resolve("ca.pem"), new byte[CaFile.BYTES_MAX + 1]), "is larger than 4MiB");
    }

    @Test
    void allCertificatesOfTheFileAreTaken() throws Exception {
        Path file = write(directory.resolve("ca.pem"), certificate("CN=a", 5), certificate("CN=b", 5));

        CaFile read = CaFile.read(file);

        assertThat(read.certificates())
                .extracting(one -> one.getSubjectX500Principal().getName())
                .containsExactly("CN=a", "CN=b");
        assertThat(read.warnings(NOW)).isEmpty();
    }

    @Test
    void certificatesThatAreNotValidNowAreToldEachWithItsTime() throws Exception {
        Path file = write(
                directory.resolve("ca.pem"),
                certificate("CN=old", -1),
                certificate("CN=good", 5),
                certificate("CN=young", 20));

        List<String> warnings = CaFile.read(file).warnings(NOW);

        assertThat(warnings)
                .containsExactly(
                        "aws.ca-file=" + file + ": the certificate of CN=old has expired at "
                                + NOW.minus(1, ChronoUnit.DAYS),
                        "aws.ca-file=" + file + ": the certificate of CN=young is not valid before "
                                + NOW.plus(10, ChronoUnit.DAYS));
    }
}
