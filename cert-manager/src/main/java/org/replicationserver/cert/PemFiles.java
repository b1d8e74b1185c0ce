package org.replicationserver.cert;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemReader;
import org.bouncycastle.util.io.pem.PemWriter;
import org.jspecify.annotations.Nullable;

/**
 * Reads keys, certificates and pins from files, one per file. Any thread.
 *
 * <p>Errors name the file and never quote what is in it.
 */
public final class PemFiles {
    private static final int FILE_BYTES_MAX = 64 * 1024;
    private static final String KEY_TYPE = "PRIVATE KEY";
    private static final String CERTIFICATE_TYPE = "CERTIFICATE";
    private static final String KEY_ALLOWED =
            "one unencrypted PKCS#8 block, BEGIN PRIVATE KEY (openssl pkcs8 -topk8 -nocrypt makes one)";
    private static final String CERTIFICATE_ALLOWED = "one X.509 block, BEGIN CERTIFICATE, without its issuers";

    private PemFiles() {}

    /** The key of an agent and its certificate. The key file must be for its owner only. */
    public static Identity readIdentity(Path keyPath, Path certificatePath) throws CertificateStoreException {
        X509Certificate certificate = readCertificate(certificatePath);
        PrivateKey key = readKey(keyPath, certificate.getPublicKey().getAlgorithm());
        try {
            return Identity.of(key, certificate);
        } catch (CertificateException e) {
            String allowed = "the private key of " + certificatePath + ", of a kind that peers accept";
            throw new CertificateStoreException(keyPath, String.valueOf(e.getMessage()), allowed, e);
        }
    }

    public static X509Certificate readCertificate(Path path) throws CertificateStoreException {
        byte[] encoded = readOnlyBlock(path, CERTIFICATE_TYPE, CERTIFICATE_ALLOWED);
        try {
            return (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(encoded));
        } catch (CertificateException e) {
            throw new CertificateStoreException(path, "not a certificate", CERTIFICATE_ALLOWED, e);
        }
    }

    /** A pin in either of its text forms; white space around it is ignored. */
    public static Pin readPin(Path path) throws CertificateStoreException {
        try {
            return Pin.parse(readText(path).strip());
        } catch (IllegalArgumentException e) {
            throw new CertificateStoreException(path, "not a pin", "one line, sha256:<64 hexadecimal digits>", e);
        }
    }

    static byte[] toPem(PrivateKey key) {
        return toPem(KEY_TYPE, key.getEncoded());
    }

    static byte[] toPem(X509Certificate certificate) throws CertificateException {
        return toPem(CERTIFICATE_TYPE, certificate.getEncoded());
    }

    private static byte[] toPem(String type, byte[] encoded) {
        StringWriter text = new StringWriter();
        try (PemWriter writer = new PemWriter(text)) {
            writer.writeObject(new PemObject(type, encoded));
        } catch (IOException e) {
            throw new AssertionError("a StringWriter does not fail", e);
        }
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** The algorithm is the certificate's; a key of another one does not fit anyway. */
    private static PrivateKey readKey(Path path, String algorithm) throws CertificateStoreException {
        PrivateFiles.requireOwnerOnlyFile(path);
        byte[] encoded = readOnlyBlock(path, KEY_TYPE, KEY_ALLOWED);
        try {
            return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(encoded));
        } catch (GeneralSecurityException e) {
            throw new CertificateStoreException(path, "not a key of the kind " + algorithm, KEY_ALLOWED, e);
        }
    }

    private static byte[] readOnlyBlock(Path path, String type, String allowed) throws CertificateStoreException {
        String text = readText(path);
        try (PemReader reader = new PemReader(new StringReader(text))) {
            PemObject block = reader.readPemObject();
            if (!isOfType(block, type) || reader.readPemObject() != null) {
                throw new CertificateStoreException(path, "no block, another one, or several", allowed);
            }
            return block.getContent();
        } catch (CertificateStoreException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // The reader throws a DecoderException, which is unchecked, for bad base64.
            throw new CertificateStoreException(path, "cut off, or not PEM", allowed, e);
        }
    }

    private static boolean isOfType(@Nullable PemObject block, String type) {
        return block != null && block.getType().equals(type);
    }

    private static String readText(Path path) throws CertificateStoreException {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(path)) {
            bytes = in.readNBytes(FILE_BYTES_MAX + 1);
        } catch (IOException e) {
            throw new CertificateStoreException(path, "cannot be read", "a file that this process may read", e);
        }
        if (bytes.length > FILE_BYTES_MAX) {
            throw new CertificateStoreException(path, "too large", "at most " + FILE_BYTES_MAX + " bytes");
        }
        return new String(bytes, StandardCharsets.US_ASCII);
    }
}
