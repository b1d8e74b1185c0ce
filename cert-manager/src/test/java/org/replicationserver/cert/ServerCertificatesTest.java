package org.replicationserver.cert;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.X509ExtendedKeyManager;
import org.junit.jupiter.api.Test;

class ServerCertificatesTest {
    @Test
    void listenersHearOfTheNewIdentityWhenItIsAlreadyCurrent() throws Exception {
        ServerCertificates certificates = new ServerCertificates(TestIdentities.server());
        List<Identity> heard = new ArrayList<>();
        List<Identity> currentThen = new ArrayList<>();
        certificates.onChange(heard::add);
        certificates.onChange(_ -> currentThen.add(certificates.current()));
        Identity next = TestIdentities.server();
        certificates.replace(next);
        assertThat(heard).containsExactly(next);
        assertThat(currentThen).containsExactly(next);
    }

    @Test
    void aKeyManagerStaysWithTheIdentityItWasMadeFor() throws Exception {
        Identity first = TestIdentities.server();
        ServerCertificates certificates = new ServerCertificates(first);
        X509ExtendedKeyManager before = certificates.keyManager();
        Identity next = TestIdentities.server();
        certificates.replace(next);
        assertThat(before.chooseEngineServerAlias("EC", null, null))
                .isEqualTo(first.pin().toString());
        assertThat(certificates.keyManager().chooseEngineServerAlias("EC", null, null))
                .isEqualTo(next.pin().toString());
    }
}
