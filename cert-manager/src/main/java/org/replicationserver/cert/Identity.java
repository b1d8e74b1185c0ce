package org.replicationserver.cert;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import javax.net.ssl.X509ExtendedKeyManager;

/**
 * The private key of one side and the certificate that shows its public half. Immutable, any thread.
 *
 * <p>Not a record, because a record would print the key.
 */
public final class Identity {
    private static final String CURVE = "secp256r1";
    private static final byte[] PROBE = "does the key fit the certificate".getBytes(StandardCharsets.US_ASCII);

    private final PrivateKey privateKey;
    private final X509Certificate certificate;
    private final Pin pin;

    Identity(PrivateKey privateKey, X509Certificate certificate) {
        this.privateKey = privateKey;
        this.certificate = certificate;
        this.pin = Pin.of(certificate);
    }

    /** Makes a new ECDSA P-256 key and has it certified. Nothing is kept anywhere. */
    public static Identity create(CertificateIssuer issuer) throws CertificateException {
        KeyPair keyPair = newKeyPair();
        return of(keyPair.getPrivate(), issuer.issue(keyPair));
    }

    /** Refuses a key that does not fit the certificate, and a kind of key that every peer would refuse. */
    static Identity of(PrivateKey privateKey, X509Certificate certificate) throws CertificateException {
        if (!KeyStrength.isAccepted(certificate.getPublicKey())) {
            throw new CertificateException("no peer accepts a key of this kind, only: " + KeyStrength.ALLOWED);
        }
        if (!fits(privateKey, certificate.getPublicKey())) {
            throw new CertificateException("the key does not fit the certificate");
        }
        return new Identity(privateKey, certificate);
    }

    public X509Certificate certificate() {
        return certificate;
    }

    public Pin pin() {
        return pin;
    }

    public Instant notAfter() {
        return certificate.getNotAfter().toInstant();
    }

    /** For the TLS context of this side; it always shows this identity and never another. */
    public X509ExtendedKeyManager keyManager() {
        return new IdentityKeyManager(this);
    }

    PrivateKey privateKey() {
        return privateKey;
    }

    private static KeyPair newKeyPair() throws CertificateException {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec(CURVE));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new CertificateException("cannot make a key: curve=" + CURVE, e);
        }
    }

    private static boolean fits(PrivateKey privateKey, PublicKey publicKey) {
        try {
            Signature signature = Signature.getInstance(probeAlgorithm(publicKey));
            signature.initSign(privateKey);
            signature.update(PROBE);
            byte[] signed = signature.sign();
            signature.initVerify(publicKey);
            signature.update(PROBE);
            return signature.verify(signed);
        } catch (GeneralSecurityException _) {
            // Another algorithm or curve than the certificate's: the same answer as another key.
            return false;
        }
    }

    private static String probeAlgorithm(PublicKey publicKey) {
        return switch (publicKey.getAlgorithm()) {
            case "EC" -> "SHA256withECDSA";
            case "RSA" -> "SHA256withRSA";
            default -> publicKey.getAlgorithm();
        };
    }

    @Override
    public String toString() {
        return "Identity[pin=" + pin + ", notAfter=" + notAfter() + "]";
    }
}
