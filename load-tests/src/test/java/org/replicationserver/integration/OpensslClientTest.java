package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.receiver.listener.TlsEngine;

/**
 * What {@code openssl s_client} sees of the server. Both engines answer the same, with one difference that they cannot help: only
 * the JDK's tells a wrong ALPN inside the handshake.
 */
@Timeout(180)
final class OpensslClientTest {
    private static final String ALPN = "brp/1";
    private static final String HANDSHAKE_FAILURE = "SSL alert number 40";
    private static final String CERTIFICATE_EXPIRED = "SSL alert number 45";
    private static final String CERTIFICATE_UNKNOWN = "SSL alert number 46";
    private static final String PROTOCOL_VERSION = "SSL alert number 70";
    private static final String NO_APPLICATION_PROTOCOL = "SSL alert number 120";

    @TempDir
    Path directory;

    @BeforeEach
    void opensslIsInstalled() throws Exception {
        Commands.assumeInstalled("openssl");
    }

    private InProcessServer serverOf(TlsEngine engine, TestSource source, String... more) throws Exception {
        List<String> settings = new ArrayList<>(List.of(more));
        settings.add("tls.engine=" + engine.name().toLowerCase(Locale.ROOT));
        return InProcessServer.start(
                directory, List.of(source), TestDevices.inMemory(), settings.toArray(String[]::new));
    }

    private TestSource source() throws Exception {
        return TestSource.of(directory, "s-1", 4 << 20);
    }

    private static OpensslClient client(InProcessServer server) {
        return OpensslClient.to(server.endpoint());
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void rightCertificateGetsTls12WithEcdheAndGcm(TlsEngine engine) throws Exception {
        TestSource source = source();
        try (InProcessServer server = serverOf(engine, source)) {
            String output = client(server).as(source.key()).alpn(ALPN).run();
            assertThat(output)
                    .contains("Protocol  : TLSv1.2")
                    .containsPattern("Cipher is ECDHE-ECDSA-AES(128-GCM-SHA256|256-GCM-SHA384)")
                    .contains("ALPN protocol: brp/1")
                    .contains("Secure Renegotiation IS supported")
                    .contains("Compression: NONE")
                    .doesNotContain("alert");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void wrongCertificatesGetTheirAlertAndNoByte(TlsEngine engine) throws Exception {
        AgentKey tolerated = Identities.agentExpiredSince(directory, "s-1", Duration.ofMinutes(4));
        AgentKey expired = Identities.agentExpiredSince(directory, "s-1", Duration.ofMinutes(6));
        AgentKey early = Identities.agentValidIn(directory, "s-1", Duration.ofMinutes(6));
        AgentKey stranger = Identities.agent(directory, "s-1");
        TestSource source = source().withKey(tolerated).withKey(expired).withKey(early);
        // The JDK's server side has one alert for whatever its trust manager refuses.
        String outsideItsDates = engine == TlsEngine.JDK ? CERTIFICATE_UNKNOWN : CERTIFICATE_EXPIRED;
        try (InProcessServer server = serverOf(engine, source)) {
            assertThat(client(server).as(stranger).alpn(ALPN).run()).contains(CERTIFICATE_UNKNOWN);
            assertThat(client(server).as(expired).alpn(ALPN).run()).contains(outsideItsDates);
            assertThat(client(server).as(early).alpn(ALPN).run()).contains(outsideItsDates);
            assertThat(client(server).as(tolerated).alpn(ALPN).run())
                    .contains("ALPN protocol: brp/1")
                    .doesNotContain("alert");
            assertThat(client(server).alpn(ALPN).run()).contains(HANDSHAKE_FAILURE);
            assertThat(server.count("replication_certificates_refused", "reason", "NOT_PINNED"))
                    .isEqualTo(1);
            assertThat(server.count("replication_certificates_refused", "reason", "EXPIRED"))
                    .isEqualTo(1);
            assertThat(server.count("replication_certificates_refused", "reason", "NOT_YET_VALID"))
                    .isEqualTo(1);
            assertThat(server.count("replication_connections_accepted")).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void wrongOrNoAlpnIsClosedBeforeAByte(TlsEngine engine) throws Exception {
        TestSource source = source();
        try (InProcessServer server = serverOf(engine, source)) {
            String wrong = client(server).as(source.key()).alpn("http/1.1").run();
            if (engine == TlsEngine.JDK) {
                assertThat(wrong).contains(NO_APPLICATION_PROTOCOL);
            } else {
                assertThat(wrong).contains("No ALPN negotiated");
            }
            assertThat(client(server).as(source.key()).run())
                    .contains("No ALPN negotiated")
                    .contains("closed");
            assertThat(server.count("replication_connections_without_alpn")).isEqualTo(engine == TlsEngine.JDK ? 1 : 2);
            assertThat(server.count("replication_connections_accepted")).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void onlyTheVersionsThatAreEnabledAreSpoken(TlsEngine engine) throws Exception {
        TestSource source = source();
        try (InProcessServer server = serverOf(engine, source)) {
            assertThat(client(server)
                            .as(source.key())
                            .alpn(ALPN)
                            .with("-tls1_3")
                            .run())
                    .contains(PROTOCOL_VERSION);
            assertThat(client(server)
                            .as(source.key())
                            .alpn(ALPN)
                            .with("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
                            .run())
                    .contains(PROTOCOL_VERSION);
        }
        try (InProcessServer server = serverOf(engine, source, "tls.protocols=TLSv1.2,TLSv1.3")) {
            assertThat(client(server).as(source.key()).alpn(ALPN).run())
                    .containsPattern("New, TLSv1.3, Cipher is TLS_AES_(128_GCM_SHA256|256_GCM_SHA384)")
                    .contains("ALPN protocol: brp/1")
                    .doesNotContain("Post-Handshake New Session Ticket");
            AgentKey stranger = Identities.agent(directory, "s-1");
            assertThat(client(server).as(stranger).alpn(ALPN).run()).contains(CERTIFICATE_UNKNOWN);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void noSessionIsResumed(TlsEngine engine) throws Exception {
        TestSource source = source();
        for (String version : List.of("-tls1_2", "-tls1_3")) {
            Path saved = directory.resolve("session" + version);
            try (InProcessServer server = serverOf(engine, source, "tls.protocols=TLSv1.2,TLSv1.3")) {
                String first = client(server)
                        .as(source.key())
                        .alpn(ALPN)
                        .with(version, "-sess_out", saved.toString())
                        .run();
                assertThat(first).contains("New, ").doesNotContain("TLS session ticket:");
                if (Files.exists(saved)) { // with TLS 1.3 there is nothing to save
                    assertThat(client(server)
                                    .as(source.key())
                                    .alpn(ALPN)
                                    .with(version, "-sess_in", saved.toString())
                                    .run())
                            .contains("New, ")
                            .doesNotContain("Reused, ");
                }
                String again = client(server)
                        .as(source.key())
                        .alpn(ALPN)
                        .with(version, "-reconnect")
                        .run();
                assertThat(again.split("New, ", -1)).hasSizeGreaterThanOrEqualTo(6);
                assertThat(again).doesNotContain("Reused, ");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void renegotiationIsRefusedAndIsNoFaultOfTheServer(TlsEngine engine) throws Exception {
        TestSource source = source();
        try (LogCapture log = LogCapture.begin();
                InProcessServer server = serverOf(engine, source)) {
            String output = client(server)
                    .as(source.key())
                    .alpn(ALPN)
                    .with("-tls1_2")
                    .typing("sleep 0.7; echo R; sleep 1; echo Q")
                    .run();
            assertThat(output)
                    .contains("RENEGOTIATING")
                    .containsAnyOf("no renegotiation", "SSL alert number", "closed");
            Awaitility.await().until(() -> server.count("replication_connections") == 0);
            assertThat(log.linesWith("ERROR")).isEmpty();
        }
    }

    @Test
    void portProbeCostsNothingAndLogsNothing() throws Exception {
        TestSource source = source();
        try (LogCapture log = LogCapture.begin();
                InProcessServer server = serverOf(TlsEngine.AUTO, source)) {
            log.clear();
            for (int i = 0; i < 200; i++) {
                try (Socket probe = new Socket()) {
                    probe.connect(server.endpoint().socketAddress());
                }
            }
            Awaitility.await().until(() -> server.count("replication_connections_probed") == 200);
            assertThat(server.count("replication_connections")).isZero();
            assertThat(log.lines()).isEmpty();
        }
    }
}
