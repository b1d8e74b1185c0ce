package org.replicationserver.receiver.software;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.IoReason;
import org.replicationserver.receiver.software.SoftwareException.Kind;

/**
 * The signature that {@code software.signing-key-file} asks for: Ed25519, 64 bytes, over these four lines of ASCII, each with its line
 * feed. The name and the version are in it, so that nobody can pass one object off as another, or an old one as a new one.
 *
 * <pre>
 * replication-server-software-v1
 * name=NAME
 * version=VERSION          nothing after the = where there is none
 * sha512=HASH              128 lower-case hexadecimal digits
 * </pre>
 *
 * Immutable, any thread.
 */
final class SoftwareSignature {
    static final int BYTES = 64;

    private static final int FILE_BYTES_MAX = 16 * 1024;
    private static final Pattern PEM =
            Pattern.compile("-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\\s]+)-----END PUBLIC KEY-----");

    private final PublicKey key;

    private SoftwareSignature(PublicKey key) {
        this.key = key;
    }

    /** @param file as {@code openssl pkey -pubout} writes it */
    static SoftwareSignature by(Path file) throws SoftwareException {
        try (InputStream in = Files.newInputStream(file)) {
            Matcher pem = PEM.matcher(new String(in.readNBytes(FILE_BYTES_MAX), StandardCharsets.ISO_8859_1));
            if (!pem.find()) {
                throw badKey(file, "it holds no PEM block of a public key", null);
            }
            byte[] encoded = Base64.getMimeDecoder().decode(pem.group(1));
            return new SoftwareSignature(
                    KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded)));
        } catch (IOException e) {
            throw badKey(file, IoReason.of(e, file.toString()), e);
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw badKey(file, "its key is no Ed25519 key", e);
        }
    }

    private static SoftwareException badKey(Path file, String why, @Nullable Throwable cause) {
        return new SoftwareException(
                Kind.DISK,
                "software.signing-key-file=" + file + " cannot be used: " + why
                        + "; allowed: a PEM file with an Ed25519 public key",
                "Name the file that openssl pkey -pubout has made of the key.",
                cause);
    }

    /** What is signed. */
    static byte[] statement(String name, @Nullable SoftwareVersion version, String sha512) {
        return ("replication-server-software-v1\nname=" + name + "\nversion=" + (version == null ? "" : version)
                        + "\nsha512=" + sha512 + "\n")
                .getBytes(StandardCharsets.US_ASCII);
    }

    void verify(FetchRequest request, String sha512, byte[] signature) throws SoftwareException {
        if (signature.length != BYTES || !isBy(statement(request.name(), request.version(), sha512), signature)) {
            throw new SoftwareException(
                    Kind.SIGNATURE_WRONG,
                    "the signature of " + request.words() + " (" + signature.length
                            + " bytes) is not by the key of software.signing-key-file over this name, version and hash",
                    "Ask whoever has the key to sign exactly this name and version, or correct them in what asks for it.");
        }
    }

    private boolean isBy(byte[] statement, byte[] signature) {
        try {
            Signature verifier = Signature.getInstance("Ed25519");
            verifier.initVerify(key);
            verifier.update(statement);
            return verifier.verify(signature);
        } catch (SignatureException e) {
            return false; // no signature at all
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("the JDK has no Ed25519", e);
        }
    }
}
