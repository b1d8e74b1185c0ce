package org.replicationserver.receiver.software;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.software.SoftwareException.Kind;

/** Signatures as {@code openssl} makes them, by the commands that README.md of deploy prints. */
class SoftwareSignatureTest {
    private static final ObjectName OBJECT = new ObjectName("bucket", "a/agent");
    private static final String SHA512 = "a".repeat(128);

    @TempDir
    private Path directory = Path.of("");

    @BeforeEach
    void makeKey() throws Exception {
        openssl("genpkey", "-algorithm", "ed25519", "-out", "signing.key.pem");
        openssl("pkey", "-in", "signing.key.pem", "-pubout", "-out", "signing.pub.pem");
    }

    private void openssl(String... arguments) throws Exception {
        ProcessBuilder openssl = new ProcessBuilder("openssl").directory(directory.toFile());
        openssl.command().addAll(List.of(arguments));
        Process process = openssl.redirectErrorStream(true)
                .redirectOutput(directory.resolve("openssl.log").toFile())
                .start();
        assertThat(process.waitFor())
                .as(Files.readString(directory.resolve("openssl.log")))
                .isZero();
    }

    private byte[] sign(String statement) throws Exception {
        Files.writeString(directory.resolve("statement"), statement);
        openssl("pkeyutl", "-sign", "-rawin", "-inkey", "signing.key.pem", "-in", "statement", "-out", "agent.sig");
        return Files.readAllBytes(directory.resolve("agent.sig"));
    }

    private static String statement(String name, String version, String sha512) {
        return "replication-server-software-v1\nname=" + name + "\nversion=" + version + "\nsha512=" + sha512 + "\n";
    }

    private static FetchRequest request(String name, @Nullable String version) throws SoftwareException {
        return FetchRequest.of(OBJECT, name, version, null, null);
    }

    private SoftwareSignature signature() throws SoftwareException {
        return SoftwareSignature.by(directory.resolve("signing.pub.pem"));
    }

    private @Nullable Kind verify(String name, @Nullable String version, String sha512, byte[] signature) {
        SoftwareException refused = catchThrowableOfType(
                SoftwareException.class, () -> signature().verify(request(name, version), sha512, signature));
        return refused == null ? null : refused.kind();
    }

    @Test
    void signatureOverNameVersionAndHashIsTaken() throws Exception {
        byte[] signature = sign(statement("agent", "1.2", SHA512));

        assertThat(signature).hasSize(SoftwareSignature.BYTES);
        assertThat(verify("agent", "1.2", SHA512, signature)).isNull();
        assertThat(verify("agent", null, SHA512, sign(statement("agent", "", SHA512))))
                .isNull();
    }

    @Test
    void signatureOfSomethingElseIsRefused() throws Exception {
        byte[] signature = sign(statement("agent", "1.2", SHA512));

        assertThat(verify("other", "1.2", SHA512, signature)).as("another name").isEqualTo(Kind.SIGNATURE_WRONG);
        assertThat(verify("agent", "1.3", SHA512, signature))
                .as("another version")
                .isEqualTo(Kind.SIGNATURE_WRONG);
        assertThat(verify("agent", null, SHA512, signature)).as("no version").isEqualTo(Kind.SIGNATURE_WRONG);
        assertThat(verify("agent", "1.2", "b".repeat(128), signature))
                .as("another content")
                .isEqualTo(Kind.SIGNATURE_WRONG);
        signature[3] ^= 1;
        assertThat(verify("agent", "1.2", SHA512, signature)).as("a bit").isEqualTo(Kind.SIGNATURE_WRONG);
        assertThat(verify("agent", "1.2", SHA512, new byte[0])).as("nothing").isEqualTo(Kind.SIGNATURE_WRONG);
    }

    @Test
    void keyOfAnotherKindIsRefusedWithWhatIsAllowed() throws Exception {
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.pem");
        openssl("pkey", "-in", "ec.pem", "-pubout", "-out", "ec.pub.pem");
        Path empty = Files.writeString(directory.resolve("empty.pem"), "");

        assertThat(refusalOf(directory.resolve("ec.pub.pem")))
                .contains("its key is no Ed25519 key", "allowed: a PEM file");
        assertThat(refusalOf(directory.resolve("signing.key.pem"))).contains("holds no PEM block of a public key");
        assertThat(refusalOf(empty)).contains("holds no PEM block of a public key");
        assertThat(refusalOf(directory.resolve("none.pem"))).contains("no such file or directory");
    }

    private static String refusalOf(Path file) {
        SoftwareException refused = catchThrowableOfType(SoftwareException.class, () -> SoftwareSignature.by(file));
        return Objects.requireNonNull(refused.getMessage());
    }

    /** What is signed is what a person would write down by the documentation. */
    @Test
    void statementIsFourLines() {
        assertThat(new String(
                        SoftwareSignature.statement("agent", SoftwareVersion.parse("1.2"), SHA512),
                        StandardCharsets.US_ASCII))
                .isEqualTo(statement("agent", "1.2", SHA512));
    }
}
