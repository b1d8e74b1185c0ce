package org.replicationserver.cert;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each rule of trust in a handshake of the JDK's own TLS, for both versions. */
class PinnedHandshakeTest {
    private static final Duration VALIDITY = Duration.ofHours(1);

    /** Said here once more, so that a change of the constant is noticed. */
    private static final Duration TOLERANCE = Duration.ofMinutes(5);

    private static final Instant NOT_AFTER = TestIdentities.NOW.plus(VALIDITY);
    private static final Instant NOT_BEFORE = TestIdentities.NOW.minus(Duration.ofMinutes(5));

    private final PinRegistry registry = new PinRegistry();
    private final List<Refusal> refusalsOfServer = new ArrayList<>();
    private final List<Refusal> refusalsOfAgent = new ArrayList<>();
    private Clock serverClock = TestIdentities.CLOCK;
    private Clock agentClock = TestIdentities.CLOCK;
    private Identity server;
    private Identity agent;
    private Set<Pin> serverPins;

    @BeforeEach
    void pinBothSides() throws Exception {
        server = Identity.create(
                new SelfSignedIssuer(CertificateProfile.ofServer("rs-1").withValidity(VALIDITY), TestIdentities.CLOCK));
        agent = TestIdentities.agentValidFor(VALIDITY);
        serverPins = Set.of(server.pin());
        registry.replaceAll(Map.of(agent.pin(), "s-1"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void pinnedSidesConnectAndTheServerKnowsTheSourceServer(String protocol) throws Exception {
        Handshake handshake = handshake(protocol, agent.keyManager());
        assertThat(handshake.isConnected()).isTrue();
        X509Certificate shown =
                (X509Certificate) handshake.serverEngine().getSession().getPeerCertificates()[0];
        assertThat(new PeerIdentity(registry).sourceServerOf(shown)).contains("s-1");
        assertThat(refusalsOfServer).isEmpty();
        assertThat(refusalsOfAgent).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void anAgentThatIsNotPinnedIsRefused(String protocol) throws Exception {
        Identity stranger = TestIdentities.agent("s-1");
        Handshake handshake = handshake(protocol, stranger.keyManager());
        assertRefusedByServer(handshake, RefusalReason.NOT_PINNED, PeerRefusedException.class);
        assertThat(refusalsOfServer.getFirst().pin()).isEqualTo(stranger.pin());
        assertThat(handshake.clientFailure()).hasMessageContaining("certificate_unknown");
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aWithdrawnPinIsRefusedAndANewOneAcceptedWithoutARestart(String protocol) throws Exception {
        Identity next = TestIdentities.agent("s-1");
        SSLContext serverContext = serverContext();
        registry.replaceAll(Map.of(next.pin(), "s-1"));
        assertThat(Handshake.run(protocol, agentContext(agent.keyManager()), serverContext)
                        .isConnected())
                .isFalse();
        assertThat(Handshake.run(protocol, agentContext(next.keyManager()), serverContext)
                        .isConnected())
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aServerThatIsNotPinnedIsRefused(String protocol) throws Exception {
        serverPins = Set.of(TestIdentities.server().pin());
        Handshake handshake = handshake(protocol, agent.keyManager());
        assertRefusedByAgent(handshake, RefusalReason.NOT_PINNED);
        assertThat(handshake.serverFailure()).hasMessageContaining("certificate_unknown");
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void anyServerPinOfTheSetIsAccepted(String protocol) throws Exception {
        serverPins = Set.of(TestIdentities.server().pin(), server.pin());
        assertThat(handshake(protocol, agent.keyManager()).isConnected()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void anAgentWithoutACertificateIsRefused(String protocol) throws Exception {
        Handshake handshake = handshake(protocol, null);
        assertThat(handshake.isConnected()).isFalse();
        assertThat(handshake.serverFailure()).isNotNull();
        assertThat(handshake.clientFailure()).isNotNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void anExpiredAgentIsAcceptedUpToTheTolerance(String protocol) throws Exception {
        serverClock = at(NOT_AFTER.plus(TOLERANCE));
        assertThat(handshake(protocol, agent.keyManager()).isConnected()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void anExpiredAgentIsRefusedBeyondTheTolerance(String protocol) throws Exception {
        serverClock = at(NOT_AFTER.plus(TOLERANCE).plusMillis(1));
        Handshake handshake = handshake(protocol, agent.keyManager());
        assertRefusedByServer(handshake, RefusalReason.EXPIRED, CertificateExpiredException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void anAgentOfTheFutureIsAcceptedUpToTheTolerance(String protocol) throws Exception {
        serverClock = at(NOT_BEFORE.minus(TOLERANCE));
        assertThat(handshake(protocol, agent.keyManager()).isConnected()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void anAgentOfTheFutureIsRefusedBeyondTheTolerance(String protocol) throws Exception {
        serverClock = at(NOT_BEFORE.minus(TOLERANCE).minusMillis(1));
        Handshake handshake = handshake(protocol, agent.keyManager());
        assertRefusedByServer(handshake, RefusalReason.NOT_YET_VALID, CertificateNotYetValidException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void anExpiredServerHearsThatItIsExpired(String protocol) throws Exception {
        agentClock = at(NOT_AFTER.plus(TOLERANCE).plusMillis(1));
        Handshake handshake = handshake(protocol, agent.keyManager());
        assertRefusedByAgent(handshake, RefusalReason.EXPIRED);
        assertThat(handshake.serverFailure()).hasMessageContaining("certificate_expired");
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aChainOfTwoIsAcceptedAndOnlyItsLeafCounts(String protocol) throws Exception {
        Handshake handshake = handshake(protocol, new ChainKeyManager(agent, TestIdentities.server()));
        assertThat(handshake.isConnected()).isTrue();
        registry.replaceAll(Map.of(server.pin(), "s-1"));
        Handshake pinnedIssuer = handshake(protocol, new ChainKeyManager(agent, server));
        assertRefusedByServer(pinnedIssuer, RefusalReason.NOT_PINNED, PeerRefusedException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aChainOfThreeIsRefused(String protocol) throws Exception {
        Identity other = TestIdentities.server();
        Handshake handshake = handshake(protocol, new ChainKeyManager(agent, other, other));
        assertRefusedByServer(handshake, RefusalReason.CHAIN_TOO_LONG, PeerRefusedException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aPinnedButWeakKeyIsRefused(String protocol) throws Exception {
        for (Identity weak : List.of(TestIdentities.withRsaKey(1024), TestIdentities.withCurve("secp521r1"))) {
            refusalsOfServer.clear();
            registry.replaceAll(Map.of(weak.pin(), "s-1"));
            Handshake handshake = handshake(protocol, weak.keyManager());
            assertRefusedByServer(handshake, RefusalReason.WEAK_KEY, PeerRefusedException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void pinnedKeysOfTheOtherKindsAreAccepted(String protocol) throws Exception {
        for (Identity strong : List.of(
                TestIdentities.withRsaKey(2048),
                TestIdentities.withCurve("secp384r1"),
                TestIdentities.withEdwardsKey("Ed25519"))) {
            registry.replaceAll(Map.of(strong.pin(), "s-1"));
            assertThat(handshake(protocol, strong.keyManager()).isConnected())
                    .as(strong.certificate().getPublicKey().getAlgorithm())
                    .isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void pinnedSidesConnectOverSockets(String protocol) throws Exception {
        try (SSLServerSocket listening = (SSLServerSocket) serverContext()
                        .getServerSocketFactory()
                        .createServerSocket(0, 1, InetAddress.getLoopbackAddress());
                ExecutorService serverThread = Executors.newSingleThreadExecutor()) {
            listening.setNeedClientAuth(true);
            listening.setEnabledProtocols(new String[] {protocol});
            listening.setSoTimeout(10_000);
            Future<Integer> received = serverThread.submit(() -> {
                try (SSLSocket accepted = (SSLSocket) listening.accept()) {
                    return accepted.getInputStream().read();
                }
            });
            try (SSLSocket socket = (SSLSocket) agentContext(agent.keyManager())
                    .getSocketFactory()
                    .createSocket(listening.getInetAddress(), listening.getLocalPort())) {
                socket.getOutputStream().write(42);
                assertThat(received.get()).isEqualTo(42);
            }
        }
    }

    private Handshake handshake(String protocol, @Nullable X509ExtendedKeyManager agentKeys) throws Exception {
        return Handshake.run(protocol, agentContext(agentKeys), serverContext());
    }

    private SSLContext serverContext() throws Exception {
        return Handshake.context(
                server.keyManager(), PinnedTrustManager.forServer(registry, serverClock, refusalsOfServer::add));
    }

    private SSLContext agentContext(@Nullable X509ExtendedKeyManager keys) throws Exception {
        return Handshake.context(keys, PinnedTrustManager.forAgent(() -> serverPins, agentClock, refusalsOfAgent::add));
    }

    private void assertRefusedByServer(
            Handshake handshake, RefusalReason reason, Class<? extends CertificateException> thrown) {
        assertThat(handshake.isConnected()).isFalse();
        assertThat(refusalsOfServer).extracting(Refusal::reason).containsExactly(reason);
        assertThat(handshake.serverFailure()).hasCauseInstanceOf(thrown).hasMessageContaining(reason.name());
        assertThat(handshake.clientFailure()).hasMessageContaining("fatal alert");
    }

    private void assertRefusedByAgent(Handshake handshake, RefusalReason reason) {
        assertThat(handshake.isConnected()).isFalse();
        assertThat(refusalsOfAgent).extracting(Refusal::reason).containsExactly(reason);
        assertThat(handshake.clientFailure()).hasMessageContaining(reason.name());
    }

    private static Clock at(Instant instant) {
        return Clock.fixed(instant, ZoneOffset.UTC);
    }
}
