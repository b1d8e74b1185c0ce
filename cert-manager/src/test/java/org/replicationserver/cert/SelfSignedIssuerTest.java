package org.replicationserver.cert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.Security;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.time.Duration;
import javax.security.auth.x500.X500Principal;
import org.junit.jupiter.api.Test;

class SelfSignedIssuerTest {
    private static final String SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
    private static final String CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

    @Test
    void theCertificateIsSignedByItsOwnP256Key() throws Exception {
        X509Certificate certificate = TestIdentities.server().certificate();
        certificate.verify(certificate.getPublicKey());
        assertThat(certificate.getSigAlgName()).isEqualTo("SHA256withECDSA");
        assertThat(((ECPublicKey) certificate.getPublicKey()).getParams().toString())
                .contains("secp256r1");
        assertThat(certificate.getIssuerX500Principal()).isEqualTo(certificate.getSubjectX500Principal());
    }

    @Test
    void itIsNoAuthorityAndOnlySigns() throws Exception {
        X509Certificate certificate = TestIdentities.server().certificate();
        assertThat(certificate.getBasicConstraints()).isEqualTo(-1);
        assertThat(certificate.getKeyUsage())
                .containsExactly(true, false, false, false, false, false, false, false, false);
        assertThat(certificate.getCriticalExtensionOIDs()).containsExactlyInAnyOrder("2.5.29.19", "2.5.29.15");
    }

    @Test
    void theRoleGivesThePurposeAndTheValidity() throws Exception {
        X509Certificate server = TestIdentities.server().certificate();
        assertThat(server.getExtendedKeyUsage()).containsExactly(SERVER_AUTH);
        assertThat(server.getNotAfter().toInstant()).isEqualTo(TestIdentities.NOW.plus(Duration.ofDays(365)));
        X509Certificate agent = TestIdentities.agent("s-1").certificate();
        assertThat(agent.getExtendedKeyUsage()).containsExactly(CLIENT_AUTH);
        assertThat(agent.getNotAfter().toInstant()).isEqualTo(TestIdentities.NOW.plus(Duration.ofDays(3650)));
    }

    @Test
    void itIsValidFromFiveMinutesBack() throws Exception {
        assertThat(TestIdentities.server().certificate().getNotBefore().toInstant())
                .isEqualTo(TestIdentities.NOW.minus(Duration.ofMinutes(5)));
    }

    @Test
    void serialsAreRandomAndPositiveAndOfAtMost128Bits() throws Exception {
        X509Certificate one = TestIdentities.server().certificate();
        X509Certificate other = TestIdentities.server().certificate();
        assertThat(one.getSerialNumber()).isPositive().isNotEqualTo(other.getSerialNumber());
        assertThat(one.getSerialNumber().bitLength()).isBetween(64, 128);
    }

    @Test
    void theNameIsTheIdWhateverCharactersItHas() throws Exception {
        assertThat(TestIdentities.agent("s-1,O=Other+CN=evil").certificate().getSubjectX500Principal())
                .isEqualTo(new X500Principal("CN=\"s-1,O=Other+CN=evil\""));
    }

    @Test
    void aProfileThatCannotBeIssuedIsRefused() {
        CertificateProfile profile = CertificateProfile.ofServer("rs-1");
        assertThatThrownBy(() -> CertificateProfile.ofServer(" ")).hasMessageContaining("common name");
        assertThatThrownBy(() -> CertificateProfile.ofServer("x".repeat(65))).hasMessageContaining("common name");
        assertThatThrownBy(() -> profile.withValidity(Duration.ZERO)).hasMessageContaining("validity");
        assertThatThrownBy(() -> profile.withValidity(Duration.ofDays(3651))).hasMessageContaining("validity");
    }

    @Test
    void bouncyCastleIsNotRegisteredAsAProvider() throws Exception {
        TestIdentities.server();
        assertThat(Security.getProvider("BC")).isNull();
    }
}
