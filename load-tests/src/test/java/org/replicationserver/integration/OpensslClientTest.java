package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Identities;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.listener.TlsEngine;

/**
 * What {@code openssl s_client} sees of the server. Both engines answer the same, with two differences that they cannot help: only
 * the JDK's tells a wrong ALPN by an alert, and it has one alert for whatever is wrong with a certificate.
 */
@Timeout(180)
final class OpensslClientTest {
    private static final String ALPN = "brp/1";
    private static final String BOTH_VERSIONS = "tls.protocols=TLSv1.2,TLSv1.3";
    private static final String NEW_TLS_1_2 =
            "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES(128-GCM-SHA256|256-GCM-SHA384)\\R";
    private static final String NEW_TLS_1_3 = "New, TLSv1.3, Cipher is TLS_AES_(128_GCM_SHA256|256_GCM_SHA384)\\R";
    private static final String ANY_ALERT = "SSL alert number";
    private static final String HANDSHAKE_FAILURE = ANY_ALERT + " 40";
    private static final String CERTIFICATE_EXPIRED = ANY_ALERT + " 45";
    private static final String CERTIFICATE_UNKNOWN = ANY_ALERT + " 46";
    private static final String PROTOCOL_VERSION = ANY_ALERT + " 70";
    private static final String NO_RENEGOTIATION = ANY_ALERT + " 100";
    private static final String CERTIFICATE_REQUIRED = ANY_ALERT + " 116";
    private static final String NO_APPLICATION_PROTOCOL = ANY_ALERT + " 120";

    private static final Pattern GRAVE = Pattern.compile("^\\S+ (WARN|ERROR) ");

    @TempDir
    Path directory;

    @BeforeEach
    void opensslIsInstalled() throws Exception {
        Commands.assumeInstalled("openssl");
    }

    private InProcessServer serverOf(TlsEngine engine, TestSource source, String... settings) throws Exception {
        String[] all = Arrays.copyOf(settings, settings.length + 1);
        all[settings.length] = "tls.engine=" + engine.name().toLowerCase(Locale.ROOT);
        return InProcessServer.start(directory, List.of(source), TestDevices.inMemory(), all);
    }

    /** What the JDK's engine reads once in a process, other tests of this one may have made it read before. */
    private ServerProcess.Plan processOf(TlsEngine engine) {
        return ServerProcess.in(directory)
                .jvm("-XX:MaxDirectMemorySize=384m") // or it warns
                .set("tls.engine=" + engine.name().toLowerCase(Locale.ROOT));
    }

    private TestSource source() throws Exception {
        return TestSource.of(directory, "s-1", 4 << 20);
    }

    private static OpensslClient client(InProcessServer server) {
        return OpensslClient.to(server.endpoint());
    }

    /** The connection is refused: the client reads the alert, and never a byte of the application. */
    private static void assertRefused(String output, String alert) {
        assertThat(output).contains(alert).doesNotContain(OpensslClient.ANSWER);
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void rightCertificateGetsTls12WithEcdheAndGcm(TlsEngine engine) throws Exception {
        TestSource source = source();
        try (InProcessServer server = serverOf(engine, source)) {
            assertThat(client(server).as(source.key()).alpn(ALPN).run())
                    .contains("Protocol  : TLSv1.2")
                    .containsPattern(NEW_TLS_1_2)
                    .contains("ALPN protocol: brp/1")
                    .contains("Secure Renegotiation IS supported")
                    .contains("Compression: NONE")
                    .contains(OpensslClient.ANSWER)
                    .doesNotContain(ANY_ALERT);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void cipherWithoutEcdheOrWithoutAeadIsRefused(TlsEngine engine) throws Exception {
        TestSource source = source();
        try (InProcessServer server = serverOf(engine, source)) {
            for (String cipher :
                    List.of("ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256")) {
                String output = client(server)
                        .as(source.key())
                        .alpn(ALPN)
                        .with("-tls1_2", "-cipher", cipher)
                        .run();
                assertRefused(output, HANDSHAKE_FAILURE);
            }
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
        String outsideItsDates = engine == TlsEngine.JDK ? CERTIFICATE_UNKNOWN : CERTIFICATE_EXPIRED;
        try (InProcessServer server = serverOf(engine, source)) {
            assertRefused(client(server).as(stranger).alpn(ALPN).run(), CERTIFICATE_UNKNOWN);
            assertRefused(client(server).as(expired).alpn(ALPN).run(), outsideItsDates);
            assertRefused(client(server).as(early).alpn(ALPN).run(), outsideItsDates);
            assertRefused(client(server).alpn(ALPN).run(), HANDSHAKE_FAILURE);
            assertThat(server.count("replication_connections_accepted")).isZero();
            assertThat(client(server).as(tolerated).alpn(ALPN).run())
                    .contains(OpensslClient.ANSWER)
                    .doesNotContain(ANY_ALERT);
            for (String reason : List.of("NOT_PINNED", "EXPIRED", "NOT_YET_VALID")) {
                assertThat(server.count("replication_certificates_refused", "reason", reason))
                        .as(reason)
                        .isEqualTo(1);
            }
            assertThat(server.count("replication_connections_accepted")).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void strangerIsCountedOnceAndToldByItsPinInOneLine(TlsEngine engine) throws Exception {
        AgentKey stranger = Identities.agent(directory, "s-1");
        try (LogCapture log = LogCapture.begin();
                InProcessServer server = serverOf(engine, source())) {
            log.clear();
            client(server).as(stranger).alpn(ALPN).run();
            Awaitility.await().until(() -> server.count("replication_handshakes_failed") == 1);
            assertThat(log.lines())
                    .singleElement()
                    .asString()
                    .contains("handshake failed: cause=peer refused: reason=NOT_PINNED pin=" + stranger.pin());
        }
    }

    /** Nothing at all, and the begin of a record that never ends. */
    @ParameterizedTest
    @CsvSource({"JDK, ''", "JDK, 160301", "OPENSSL, ''", "OPENSSL, 1603010200"})
    void handshakeThatIsTooSlowIsClosedWithoutAByte(TlsEngine engine, String begun) throws Exception {
        TestSource source = source();
        try (InProcessServer server = InProcessServer.onImages(
                        directory,
                        List.of(source),
                        "tls.engine=" + engine.name().toLowerCase(Locale.ROOT),
                        "tls.handshake-timeout-seconds=0.5");
                Socket slow = new Socket()) {
            slow.connect(server.endpoint().socketAddress());
            slow.getOutputStream().write(HexFormat.of().parseHex(begun));
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                assertThat(agent.welcome().generation()).as("others are served").isEqualTo(1);
                assertThat(slow.getInputStream().read()).isEqualTo(-1);
            }
            Awaitility.await()
                    .until(() -> server.count("replication_handshakes_failed")
                                    + server.count("replication_connections_probed")
                            == 1);
        }
    }

    /** With TLS 1.3 the client's handshake has succeeded when the alert comes; it has sent its line already. */
    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void wrongCertificatesGetTheirAlertAndNoByteWithTls13(TlsEngine engine) throws Exception {
        AgentKey stranger = Identities.agent(directory, "s-1");
        TestSource source = source();
        try (InProcessServer server = serverOf(engine, source, BOTH_VERSIONS)) {
            assertRefused(client(server).as(stranger).alpn(ALPN).run(), CERTIFICATE_UNKNOWN);
            assertRefused(client(server).alpn(ALPN).run(), CERTIFICATE_REQUIRED);
            assertThat(server.count("replication_connections_accepted")).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"JDK, TLSv1.2", "JDK, 'TLSv1.2,TLSv1.3'", "OPENSSL, TLSv1.2", "OPENSSL, 'TLSv1.2,TLSv1.3'"})
    void wrongOrNoAlpnIsClosedBeforeAByte(TlsEngine engine, String protocols) throws Exception {
        TestSource source = source();
        try (InProcessServer server = serverOf(engine, source, "tls.protocols=" + protocols)) {
            String wrong = client(server).as(source.key()).alpn("http/1.1").run();
            assertRefused(wrong, engine == TlsEngine.JDK ? NO_APPLICATION_PROTOCOL : "No ALPN negotiated");
            assertRefused(client(server).as(source.key()).run(), "No ALPN negotiated");
            assertThat(server.count("replication_connections_without_alpn")).isEqualTo(engine == TlsEngine.JDK ? 1 : 2);
            assertThat(server.count("replication_connections_accepted")).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void onlyTheVersionsThatAreEnabledAreSpoken(TlsEngine engine) throws Exception {
        TestSource source = source();
        try (InProcessServer server = serverOf(engine, source)) {
            assertRefused(
                    client(server).as(source.key()).alpn(ALPN).with("-tls1_3").run(), PROTOCOL_VERSION);
            String old = client(server)
                    .as(source.key())
                    .alpn(ALPN)
                    .with("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
                    .run();
            assertRefused(old, PROTOCOL_VERSION);
        }
        try (InProcessServer server = serverOf(engine, source, BOTH_VERSIONS)) {
            assertThat(client(server).as(source.key()).alpn(ALPN).run())
                    .containsPattern(NEW_TLS_1_3)
                    .contains("ALPN protocol: brp/1")
                    .contains(OpensslClient.ANSWER)
                    .doesNotContain(ANY_ALERT);
            assertThat(client(server)
                            .as(source.key())
                            .alpn(ALPN)
                            .with("-tls1_2")
                            .run())
                    .containsPattern(NEW_TLS_1_2)
                    .contains(OpensslClient.ANSWER);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "JDK, TLSv1.2, -tls1_2",
        "JDK, 'TLSv1.2,TLSv1.3', -tls1_2",
        "JDK, 'TLSv1.2,TLSv1.3', -tls1_3",
        "OPENSSL, TLSv1.2, -tls1_2",
        "OPENSSL, 'TLSv1.2,TLSv1.3', -tls1_2",
        "OPENSSL, 'TLSv1.2,TLSv1.3', -tls1_3"
    })
    void noSessionIsResumed(TlsEngine engine, String protocols, String version) throws Exception {
        TestSource source = source();
        Path saved = directory.resolve("session");
        try (ServerProcess server =
                processOf(engine).set("tls.protocols=" + protocols).start(source)) {
            String first = OpensslClient.to(server.endpoint())
                    .as(source.key())
                    .alpn(ALPN)
                    .with(version, "-sess_out", saved.toString())
                    .run();
            assertThat(first)
                    .contains("New, ", OpensslClient.ANSWER)
                    .doesNotContain("TLS session ticket:", "New Session Ticket arrived");
            // Only the JDK's engine names its sessions of TLS 1.2 by an id, which is all that a client is ever given.
            boolean hasId = engine == TlsEngine.JDK && version.equals("-tls1_2");
            assertThat(Files.exists(saved)).as("something to offer").isEqualTo(hasId);
            if (hasId) {
                String offering = OpensslClient.to(server.endpoint())
                        .as(source.key())
                        .alpn(ALPN)
                        .with(version, "-sess_in", saved.toString())
                        .run();
                assertThat(offering).contains("New, ", OpensslClient.ANSWER).doesNotContain("Reused, ");
            }
            String again = OpensslClient.to(server.endpoint())
                    .as(source.key())
                    .alpn(ALPN)
                    .with(version, "-reconnect")
                    .run();
            assertThat(again).doesNotContain("Reused, ").containsPattern("(?s)(New, .*){6}");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void renegotiationIsRefusedAndIsNoFaultOfTheServer(TlsEngine engine) throws Exception {
        TestSource source = source();
        try (ServerProcess server = processOf(engine).start(source)) {
            String output = OpensslClient.to(server.endpoint())
                    .as(source.key())
                    .alpn(ALPN)
                    .with("-tls1_2")
                    .typing("R")
                    .run();
            assertThat(output).contains("RENEGOTIATING");
            assertRefused(output, engine == TlsEngine.JDK ? HANDSHAKE_FAILURE : NO_RENEGOTIATION);
            server.sigterm();
            server.awaitEnd();
            List<String> grave = server.logSinceStart()
                    .lines()
                    .filter(line -> GRAVE.matcher(line).find())
                    .toList();
            // BoringSSL answers and goes on, the JDK's engine ends the connection.
            assertThat(grave)
                    .hasSize(engine == TlsEngine.JDK ? 1 : 0)
                    .allMatch(line -> line.contains("connection broke: source=s-1 "));
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
