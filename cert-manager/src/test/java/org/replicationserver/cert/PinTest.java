package org.replicationserver.cert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.KeyPair;
import java.util.Base64;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PinTest {
    private static final String HEX = "00ff".repeat(16);
    private static final String BASE64 =
            Base64.getEncoder().encodeToString(HexFormat.of().parseHex(HEX));

    @Test
    void bothTextFormsAreTheSamePin() {
        Pin fromHex = Pin.parse("sha256:" + HEX);
        Pin fromBase64 = Pin.parse("sha256/" + BASE64);
        assertThat(fromBase64).isEqualTo(fromHex).hasSameHashCodeAs(fromHex).hasToString("sha256:" + HEX);
    }

    @Test
    void pinsOfDifferentKeysDiffer() throws Exception {
        assertThat(TestIdentities.server().pin())
                .isNotEqualTo(TestIdentities.server().pin());
    }

    @Test
    void theSameKeyInAnotherCertificateHasTheSamePin() throws Exception {
        Identity identity = TestIdentities.server();
        KeyPair keyPair = new KeyPair(identity.certificate().getPublicKey(), identity.privateKey());
        assertThat(Pin.of(TestIdentities.serverIssuer().issue(keyPair))).isEqualTo(identity.pin());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "sha256:",
                "sha256:00",
                "sha256:00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF",
                "sha1:00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff",
                "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff",
                " sha256:00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff",
                "sha256:00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff\n",
                "sha256/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8",
                "sha256/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP9=",
                "sha256/AP8A_wD_AP8A_wD_AP8A_wD_AP8A_wD_AP8A_wD_AP8=",
            })
    void anyOtherTextIsRefusedWithWhatIsAllowed(String text) {
        assertThatThrownBy(() -> Pin.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("sha256:<64 lowercase hexadecimal digits>")
                .hasMessageContaining("sha256/<base64 of 32 bytes>");
    }

    @Test
    void aRefusedTextIsNotQuoted() {
        assertThatThrownBy(() -> Pin.parse("MIGHAgEAMBMGByqGSM49"))
                .hasMessageContaining("length=20")
                .hasMessageNotContaining("MIGH");
    }
}
