package org.replicationserver.receiver.aws;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.Date;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/** A certificate authority of its own, and servers with certificates by it. */
public final class TestCertificates {
    private static final AtomicLong SERIALS = new AtomicLong(1);

    private final KeyPair caKeys = newKeys();
    private final X509Certificate ca;

    public TestCertificates() {
        this(Instant.now().plus(1, ChronoUnit.DAYS));
    }

    /** An authority that ends at a moment; what it issues does not. */
    public TestCertificates(Instant end) {
        ca = issue("CN=test-ca", caKeys, "CN=test-ca", caKeys.getPrivate(), null, null, end);
    }

    private static KeyPair newKeys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    private static X509Certificate issue(
            String subject,
            KeyPair keys,
            String issuer,
            PrivateKey issuerKey,
            @Nullable GeneralNames names,
            @Nullable KeyPurposeId purpose,
            Instant end) {
        X509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                new X500Name(issuer),
                BigInteger.valueOf(SERIALS.getAndIncrement()),
                Date.from(end.minus(2, ChronoUnit.DAYS)),
                Date.from(end),
                new X500Name(subject),
                keys.getPublic());
        try {
            if (names == null) {
                builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
            } else {
                builder.addExtension(Extension.subjectAlternativeName, false, names);
            }
            if (purpose != null) {
                builder.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purpose));
            }
            return new JcaX509CertificateConverter()
                    .getCertificate(builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(issuerKey)));
        } catch (IOException | OperatorCreationException | GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    /** The authority's certificate as a PEM file. */
    public Path writeCa(Path file) throws IOException, GeneralSecurityException {
        String base64 = Base64.getMimeEncoder().encodeToString(ca.getEncoded());
        return Files.writeString(file, "-----BEGIN CERTIFICATE-----\n" + base64 + "\n-----END CERTIFICATE-----\n");
    }

    /** TLS of a server whose certificate is for this IP address. */
    public SSLContext serverFor(String ipAddress) throws GeneralSecurityException, IOException {
        return serverFor(
                address(ipAddress), KeyPurposeId.id_kp_serverAuth, Instant.now().plus(1, ChronoUnit.DAYS));
    }

    /** The same for names, which may be wildcards. */
    public SSLContext serverForNames(String... dnsNames) throws GeneralSecurityException, IOException {
        GeneralName[] names = Stream.of(dnsNames)
                .map(name -> new GeneralName(GeneralName.dNSName, name))
                .toArray(GeneralName[]::new);
        return serverFor(
                new GeneralNames(names),
                KeyPurposeId.id_kp_serverAuth,
                Instant.now().plus(1, ChronoUnit.DAYS));
    }

    private static GeneralNames address(String ipAddress) {
        return new GeneralNames(new GeneralName(GeneralName.iPAddress, ipAddress));
    }

    /** The same with a certificate that is for clients only. */
    public SSLContext clientAsServerFor(String ipAddress) throws GeneralSecurityException, IOException {
        return serverFor(
                address(ipAddress), KeyPurposeId.id_kp_clientAuth, Instant.now().plus(1, ChronoUnit.DAYS));
    }

    public SSLContext expiredServerFor(String ipAddress) throws GeneralSecurityException, IOException {
        return serverFor(
                address(ipAddress), KeyPurposeId.id_kp_serverAuth, Instant.now().minus(1, ChronoUnit.DAYS));
    }

    private SSLContext serverFor(GeneralNames names, KeyPurposeId purpose, Instant end)
            throws GeneralSecurityException, IOException {
        KeyPair keys = newKeys();
        X509Certificate certificate =
                issue("CN=control-plane", keys, "CN=test-ca", caKeys.getPrivate(), names, purpose, end);
        char[] password = "test".toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("server", keys.getPrivate(), password, new Certificate[] {certificate, ca});
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(factory.getKeyManagers(), null, null);
        return context;
    }
}
