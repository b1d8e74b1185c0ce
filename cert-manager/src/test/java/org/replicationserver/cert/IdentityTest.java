package org.replicationserver.cert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.cert.CertificateException;
import java.security.interfaces.ECPrivateKey;
import javax.net.ssl.X509ExtendedKeyManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdentityTest {
    @Test
    void theTextShowsThePinAndNotTheKey() throws Exception {
        Identity identity = TestIdentities.server();
        String secret = ((ECPrivateKey) identity.privateKey()).getS().toString();
        assertThat(identity.toString())
                .contains(identity.pin().toString())
                .doesNotContain(secret)
                .doesNotContainIgnoringCase("private");
    }

    @Test
    void aKeyOfAnotherCertificateIsRefused() throws Exception {
        Identity one = TestIdentities.server();
        Identity other = TestIdentities.server();
        assertThatThrownBy(() -> Identity.of(one.privateKey(), other.certificate()))
                .isInstanceOf(CertificateException.class)
                .hasMessageContaining("does not fit");
    }

    @Test
    void aKeyOfAnotherAlgorithmIsRefused() throws Exception {
        Identity one = TestIdentities.withRsaKey(2048);
        Identity other = TestIdentities.server();
        assertThatThrownBy(() -> Identity.of(one.privateKey(), other.certificate()))
                .hasMessageContaining("does not fit");
    }

    @ParameterizedTest
    @ValueSource(strings = {"secp256r1", "secp384r1"})
    void acceptedCurvesMakeAnIdentity(String curve) throws Exception {
        Identity made = TestIdentities.withCurve(curve);
        assertThat(Identity.of(made.privateKey(), made.certificate()).pin()).isEqualTo(made.pin());
    }

    @Test
    void rsaAndEd25519MakeAnIdentity() throws Exception {
        for (Identity made :
                new Identity[] {TestIdentities.withRsaKey(2048), TestIdentities.withEdwardsKey("Ed25519")}) {
            assertThat(Identity.of(made.privateKey(), made.certificate()).pin()).isEqualTo(made.pin());
        }
    }

    @Test
    void aKeyThatEveryPeerRefusesIsRefused() throws Exception {
        Identity weak = TestIdentities.withRsaKey(1024);
        assertThatThrownBy(() -> Identity.of(weak.privateKey(), weak.certificate()))
                .hasMessageContaining("RSA of 2048 bits or more");
    }

    @Test
    void theKeyManagerAnswersOnlyForItsOwnAliasAndAlgorithm() throws Exception {
        Identity identity = TestIdentities.server();
        X509ExtendedKeyManager manager = identity.keyManager();
        String alias = manager.chooseEngineServerAlias("EC", null, null);
        assertThat(alias).isEqualTo(identity.pin().toString());
        assertThat(manager.getCertificateChain(alias)).containsExactly(identity.certificate());
        assertThat(manager.chooseEngineServerAlias("RSA", null, null)).isNull();
        assertThat(manager.getPrivateKey("another")).isNull();
    }
}
