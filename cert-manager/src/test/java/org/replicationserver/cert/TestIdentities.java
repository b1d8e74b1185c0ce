package org.replicationserver.cert;

import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.ECGenParameterSpec;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Date;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** Identities by what is particular about them, all issued at one fixed moment. */
final class TestIdentities {
    static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");
    static final Clock CLOCK = Clock.fixed(NOW, ZoneOffset.UTC);

    private TestIdentities() {}

    static CertificateIssuer serverIssuer() {
        return new SelfSignedIssuer(CertificateProfile.ofServer("rs-0a1b2c"), CLOCK);
    }

    static Identity server() throws CertificateException {
        return Identity.create(serverIssuer());
    }

    static Identity agent(String sourceServerId) throws CertificateException {
        return Identity.create(new SelfSignedIssuer(CertificateProfile.ofAgent(sourceServerId), CLOCK));
    }

    /** Valid from five minutes before now until the given time after now. */
    static Identity agentValidFor(Duration validity) throws CertificateException {
        return Identity.create(
                new SelfSignedIssuer(CertificateProfile.ofAgent("s-1").withValidity(validity), CLOCK));
    }

    static Identity withRsaKey(int bits) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(bits);
        return signedBy("SHA256withRSA", generator.generateKeyPair());
    }

    static Identity withCurve(String curve) throws Exception {
        return signedBy("SHA512withECDSA", keyPair("EC", new ECGenParameterSpec(curve)));
    }

    static Identity withEdwardsKey(String algorithm) throws Exception {
        return signedBy(algorithm, KeyPairGenerator.getInstance(algorithm).generateKeyPair());
    }

    private static KeyPair keyPair(String algorithm, AlgorithmParameterSpec parameters)
            throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
        generator.initialize(parameters);
        return generator.generateKeyPair();
    }

    /** Goes past the checks of {@link Identity#of}, since a peer makes its own key as it likes. */
    private static Identity signedBy(String signatureAlgorithm, KeyPair keyPair) throws Exception {
        X500Name name = new X500Name("CN=made by the peer");
        X509v3CertificateBuilder builder = new X509v3CertificateBuilder(
                name,
                BigInteger.ONE,
                Date.from(NOW.minusSeconds(60)),
                Date.from(NOW.plusSeconds(3600)),
                name,
                SubjectPublicKeyInfo.getInstance(keyPair.getPublic().getEncoded()));
        byte[] encoded = builder.build(new JcaContentSignerBuilder(signatureAlgorithm).build(keyPair.getPrivate()))
                .getEncoded();
        X509Certificate certificate = (X509Certificate)
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(encoded));
        return new Identity(keyPair.getPrivate(), certificate);
    }
}
