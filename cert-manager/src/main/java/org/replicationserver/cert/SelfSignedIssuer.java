package org.replicationserver.cert;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.bc.BcX509ExtensionUtils;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** Issues certificates that their own ECDSA key signs, for sides that are known by pins. Any thread. */
public final class SelfSignedIssuer implements CertificateIssuer {
    /** A peer whose clock is behind must not find the certificate in its future. */
    private static final Duration NOT_BEFORE_MARGIN = Duration.ofMinutes(5);

    private static final int SERIAL_BITS = 128;
    private static final String SIGNATURE_ALGORITHM = "SHA256withECDSA";

    private final CertificateProfile profile;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();

    public SelfSignedIssuer(CertificateProfile profile, Clock clock) {
        this.profile = profile;
        this.clock = clock;
    }

    @Override
    public X509Certificate issue(KeyPair keyPair) throws CertificateException {
        try {
            return toCertificate(sign(keyPair));
        } catch (IOException | NoSuchAlgorithmException | OperatorCreationException e) {
            throw new CertificateException("cannot issue a self-signed certificate: role=" + profile.role(), e);
        }
    }

    private X509CertificateHolder sign(KeyPair keyPair)
            throws IOException, NoSuchAlgorithmException, OperatorCreationException {
        SubjectPublicKeyInfo keyInfo =
                SubjectPublicKeyInfo.getInstance(keyPair.getPublic().getEncoded());
        X500Name name = subject();
        Instant now = clock.instant();
        X509v3CertificateBuilder builder = new X509v3CertificateBuilder(
                name,
                serial(),
                Date.from(now.minus(NOT_BEFORE_MARGIN)),
                Date.from(now.plus(profile.validity())),
                name,
                keyInfo);
        addExtensions(builder, keyInfo);
        return builder.build(new JcaContentSignerBuilder(SIGNATURE_ALGORITHM).build(keyPair.getPrivate()));
    }

    /** By the builder and not by a parsed text, so that a comma in an id stays a comma. */
    private X500Name subject() {
        return new X500NameBuilder(BCStyle.INSTANCE)
                .addRDN(BCStyle.CN, profile.commonName())
                .build();
    }

    private BigInteger serial() {
        return new BigInteger(SERIAL_BITS, random).max(BigInteger.ONE);
    }

    private void addExtensions(X509v3CertificateBuilder builder, SubjectPublicKeyInfo keyInfo) throws IOException {
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
        builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
        builder.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(keyPurpose()));
        builder.addExtension(
                Extension.subjectKeyIdentifier, false, new BcX509ExtensionUtils().createSubjectKeyIdentifier(keyInfo));
    }

    private KeyPurposeId keyPurpose() {
        return switch (profile.role()) {
            case SERVER -> KeyPurposeId.id_kp_serverAuth;
            case AGENT -> KeyPurposeId.id_kp_clientAuth;
        };
    }

    private static X509Certificate toCertificate(X509CertificateHolder holder)
            throws CertificateException, IOException {
        return (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(holder.getEncoded()));
    }
}
