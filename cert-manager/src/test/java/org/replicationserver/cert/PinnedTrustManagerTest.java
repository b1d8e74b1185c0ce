package org.replicationserver.cert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class PinnedTrustManagerTest {
    private final PinRegistry registry = new PinRegistry();
    private final List<Refusal> refusals = new ArrayList<>();
    private final PinnedTrustManager ofServer =
            PinnedTrustManager.forServer(registry, TestIdentities.CLOCK, refusals::add);

    @Test
    void itNamesNoIssuers() {
        assertThat(ofServer.getAcceptedIssuers()).isEmpty();
    }

    @Test
    void anEmptyRegistryKnowsNobody() throws Exception {
        assertRefused(RefusalReason.NOT_PINNED, TestIdentities.agent("s-1"));
    }

    @Test
    void managersOfOneSideRefuseEverybodyOnTheOther() throws Exception {
        Identity identity = TestIdentities.agent("s-1");
        registry.replaceAll(Map.of(identity.pin(), "s-1"));
        X509Certificate[] chain = {identity.certificate()};
        ofServer.checkClientTrusted(chain, "EC");
        assertThatThrownBy(() -> ofServer.checkServerTrusted(chain, "EC")).isInstanceOf(PeerRefusedException.class);

        PinnedTrustManager ofAgent =
                PinnedTrustManager.forAgent(() -> Set.of(identity.pin()), TestIdentities.CLOCK, refusals::add);
        ofAgent.checkServerTrusted(chain, "EC");
        assertThatThrownBy(() -> ofAgent.checkClientTrusted(chain, "EC")).isInstanceOf(PeerRefusedException.class);
    }

    @Test
    void theAgentAsksForTheServersPinsEachTime() throws Exception {
        Identity server = TestIdentities.server();
        X509Certificate[] chain = {server.certificate()};
        AtomicReference<Set<Pin>> pins = new AtomicReference<>(Set.of());
        PinnedTrustManager ofAgent = PinnedTrustManager.forAgent(pins::get, TestIdentities.CLOCK, refusals::add);
        assertThatThrownBy(() -> ofAgent.checkServerTrusted(chain, "EC")).isInstanceOf(PeerRefusedException.class);
        pins.set(Set.of(server.pin()));
        ofAgent.checkServerTrusted(chain, "EC");
    }

    @Test
    void aStrangerIsToldNothingButThat() throws Exception {
        assertRefused(RefusalReason.NOT_PINNED, TestIdentities.withRsaKey(1024));
    }

    @Test
    void kindsOfKeysBesideTheAcceptedAreRefusedEvenWhenPinned() throws Exception {
        for (Identity weak : List.of(
                TestIdentities.withRsaKey(2047),
                TestIdentities.withCurve("secp521r1"),
                TestIdentities.withEdwardsKey("Ed448"))) {
            registry.replaceAll(Map.of(weak.pin(), "s-1"));
            assertRefused(RefusalReason.WEAK_KEY, weak);
        }
    }

    @Test
    void refusalsCarryNothingThePeerWrote() throws Exception {
        Identity stranger = TestIdentities.agent("forged name");
        assertRefused(RefusalReason.NOT_PINNED, stranger);
        assertThat(refusals.getFirst().toString()).doesNotContain("forged");
        assertThat(refusals.getFirst().toException()).hasMessageNotContaining("forged");
    }

    @Test
    void anEmptyChainIsNeverAccepted() {
        assertThatThrownBy(() -> ofServer.checkClientTrusted(new X509Certificate[0], "EC"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private void assertRefused(RefusalReason reason, Identity peer) {
        refusals.clear();
        assertThatThrownBy(() -> ofServer.checkClientTrusted(new X509Certificate[] {peer.certificate()}, "EC"))
                .isInstanceOfSatisfying(
                        PeerRefusedException.class, e -> assertThat(e.reason()).isEqualTo(reason));
        assertThat(refusals).extracting(Refusal::reason).containsExactly(reason);
    }
}
