package org.replicationserver.controlplane;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Objects;
import javax.net.ssl.X509ExtendedKeyManager;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.util.IPAddress;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.IdentityStore;

/**
 * The certificate that clients trust, and the one that this issues for the server's names. Immutable, any thread.
 *
 * <p>Clients know a control plane by its name and an authority, not by a pin: that is why this makes certificates of its own.
 */
final class ServerTls {
    /** Of the authority's files in a directory. */
    static final String AUTHORITY_NAME = "control-plane-ca";

    private static final Duration NOT_BEFORE_MARGIN = Duration.ofMinutes(5);
    private static final Duration AUTHORITY_VALIDITY = Duration.ofDays(3650);
    private static final Duration SERVER_VALIDITY = Duration.ofDays(30);
    private static final int SERIAL_BITS = 128;
    private static final String SIGNATURE_ALGORITHM = "SHA256withECDSA";
    private static final List<String> LOCAL_NAMES = List.of("localhost", "127.0.0.1", "::1");

    private final X509Certificate authority;
    private final X509ExtendedKeyManager keys;

    private ServerTls(Identity authority, List<String> names) throws CertificateException {
        this.authority = authority.certificate();
        this.keys = Identity.create(keyPair -> issueServer(authority, keyPair, names))
                .keyManager();
    }

    /** Everything new, nothing kept. */
    static ServerTls create(List<String> names) throws CertificateException {
        return new ServerTls(Identity.create(ServerTls::issueAuthority), names);
    }

    /** With the authority that is kept in a directory, or is made there. */
    static ServerTls create(Path directory, List<String> names) throws CertificateException, CertificateStoreException {
        return new ServerTls(
                new IdentityStore(directory).loadOrCreate(AUTHORITY_NAME, ServerTls::issueAuthority), names);
    }

    X509Certificate authority() {
        return authority;
    }

    X509ExtendedKeyManager keys() {
        return keys;
    }

    private static X509Certificate issueAuthority(KeyPair keyPair) throws CertificateException {
        X500Name name = name("Control plane simulator CA");
        return issue(keyPair.getPrivate(), name, name, keyPair, AUTHORITY_VALIDITY, builder -> {
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
            builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
        });
    }

    private static X509Certificate issueServer(Identity authority, KeyPair keyPair, List<String> names)
            throws CertificateException {
        // The key manager shows its one key under the pin.
        PrivateKey authorityKey =
                authority.keyManager().getPrivateKey(authority.pin().toString());
        return issue(
                Objects.requireNonNull(authorityKey),
                name("Control plane simulator CA"),
                name("Control plane simulator"),
                keyPair,
                SERVER_VALIDITY,
                builder -> {
                    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
                    builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
                    builder.addExtension(
                            Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_serverAuth));
                    builder.addExtension(Extension.subjectAlternativeName, false, alternativeNames(names));
                });
    }

    private static GeneralNames alternativeNames(List<String> names) {
        List<String> all = new ArrayList<>(LOCAL_NAMES);
        all.addAll(names);
        return new GeneralNames(all.stream()
                .distinct()
                .map(name ->
                        new GeneralName(IPAddress.isValid(name) ? GeneralName.iPAddress : GeneralName.dNSName, name))
                .toArray(GeneralName[]::new));
    }

    private static X500Name name(String commonName) {
        return new X500NameBuilder(BCStyle.INSTANCE)
                .addRDN(BCStyle.CN, commonName)
                .build();
    }

    private interface Extensions {
        void add(X509v3CertificateBuilder builder) throws IOException;
    }

    private static X509Certificate issue(
            PrivateKey signingKey,
            X500Name issuer,
            X500Name subject,
            KeyPair keyPair,
            Duration validity,
            Extensions extensions)
            throws CertificateException {
        Instant now = Instant.now();
        X509v3CertificateBuilder builder = new X509v3CertificateBuilder(
                issuer,
                new BigInteger(SERIAL_BITS, new SecureRandom()).max(BigInteger.ONE),
                Date.from(now.minus(NOT_BEFORE_MARGIN)),
                Date.from(now.plus(validity)),
                subject,
                SubjectPublicKeyInfo.getInstance(keyPair.getPublic().getEncoded()));
        try {
            extensions.add(builder);
            byte[] encoded = builder.build(new JcaContentSignerBuilder(SIGNATURE_ALGORITHM).build(signingKey))
                    .getEncoded();
            return (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(encoded));
        } catch (IOException | OperatorCreationException e) {
            throw new CertificateException("cannot issue a certificate: subject=" + subject, e);
        }
    }
}
