package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.List;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSession;
import org.junit.jupiter.api.Test;
import org.replicationserver.controlplane.AccessKey.Role;
import org.replicationserver.controlplane.ApiClient.Answer;

/** Who may call the simulator: TLS, signatures, keys and clocks. */
final class SimulatorSignaturesTest extends SimulatorWorld {
    SimulatorSignaturesTest() throws IOException {}

    @Test
    void aClientThatDoesNotTrustTheAuthorityCannotConnect() throws Exception {
        try (ControlPlaneSimulator other = ControlPlaneSimulator.start();
                ApiClient mistrusting = new ApiClient(
                        simulator.endpoint(),
                        other.authority(),
                        "us-east-1",
                        simulator.accessKeys().issue(Role.AGENT),
                        Clock.systemUTC(),
                        TIMEOUT)) {
            assertThatThrownBy(() -> mistrusting.call("GetChannelCommandsForMgn", new JsonObject()))
                    .isInstanceOf(SSLHandshakeException.class);
        }
    }

    @Test
    void theCertificateIsOfTheNamesThatWereAskedFor() throws Exception {
        SimulatorOptions options = SimulatorOptions.forTests().withNames(List.of("control-plane.example", "192.0.2.7"));
        try (ControlPlaneSimulator named = ControlPlaneSimulator.start(options);
                HttpClient plain = HttpClient.newBuilder()
                        .sslContext(ApiClient.trusting(named.authority()))
                        .build()) {
            HttpRequest any = HttpRequest.newBuilder(named.endpoint()).build();
            SSLSession session = plain.send(any, HttpResponse.BodyHandlers.discarding())
                    .sslSession()
                    .orElseThrow();
            X509Certificate certificate = (X509Certificate) session.getPeerCertificates()[0];
            assertThat(certificate.getSubjectAlternativeNames().stream().map(name -> String.valueOf(name.get(1))))
                    .containsExactlyInAnyOrder(
                            "localhost", "127.0.0.1", "0:0:0:0:0:0:0:1", "control-plane.example", "192.0.2.7");
        }
    }

    @Test
    void aRequestWithoutASignatureIsRefused() throws Exception {
        HttpRequest.Builder unsigned = HttpRequest.newBuilder(
                        simulator.endpoint().resolve("/GetChannelCommandsForMgn"))
                .POST(HttpRequest.BodyPublishers.ofString("{}"));
        assertRefused(server.send(unsigned), ErrorCode.INVALID_SIGNATURE);
    }

    @Test
    void aBodyThatWasChangedAfterSigningIsRefused() throws Exception {
        HttpRequest.Builder changed = server.sign(
                        "GetChannelCommandsForMgn", pollOf(SERVER, 0).toBuffer().getBytes())
                .POST(HttpRequest.BodyPublishers.ofString(pollOf(SERVER, 1).encode()));
        assertRefused(server.send(changed), ErrorCode.INVALID_SIGNATURE);
    }

    @Test
    void anAmazonHeaderThatIsNotSignedIsRefused() throws Exception {
        HttpRequest.Builder added = server.sign(
                        "GetChannelCommandsForMgn", pollOf(SERVER, 0).toBuffer().getBytes())
                .setHeader("X-Amz-Target", "elsewhere");
        assertRefused(server.send(added), ErrorCode.INVALID_SIGNATURE);
    }

    @Test
    void anotherRegionIsRefused() throws Exception {
        AccessKey key = simulator.accessKeys().issue(Role.REPLICATION_SERVER);
        try (ApiClient elsewhere = new ApiClient(
                simulator.endpoint(), simulator.authority(), "eu-west-1", key, Clock.systemUTC(), TIMEOUT)) {
            Answer answer = elsewhere.call("GetChannelCommandsForMgn", pollOf(SERVER, 0));
            assertRefused(answer, ErrorCode.INVALID_SIGNATURE);
            assertThat(answer.body().getString("message")).contains("eu-west-1", "us-east-1");
        }
    }

    @Test
    void anAccessKeyThatIsNotKnownOrWasRevokedIsRefused() throws Exception {
        AccessKey key = simulator.accessKeys().issue(Role.REPLICATION_SERVER);
        try (ApiClient known = client(key)) {
            assertThat(known.call("GetChannelCommandsForMgn", pollOf(SERVER, 0)).status())
                    .isEqualTo(200);
            simulator.accessKeys().revoke(key);
            assertRefused(known.call("GetChannelCommandsForMgn", pollOf(SERVER, 0)), ErrorCode.UNRECOGNIZED_CLIENT);
        }
    }

    @Test
    void aWrongSecretAndAWrongTokenAreRefused() throws Exception {
        AccessKey key = simulator.accessKeys().issueTemporary(Role.REPLICATION_SERVER, Duration.ofHours(1));
        AccessKey otherSecret =
                new AccessKey(key.accessKeyId(), "secret", key.sessionToken(), key.expiration(), key.role());
        try (ApiClient wrong = client(otherSecret)) {
            assertRefused(wrong.call("GetChannelCommandsForMgn", pollOf(SERVER, 0)), ErrorCode.INVALID_SIGNATURE);
        }
        AccessKey noToken = new AccessKey(key.accessKeyId(), key.secretAccessKey(), null, null, key.role());
        try (ApiClient wrong = client(noToken)) {
            assertRefused(wrong.call("GetChannelCommandsForMgn", pollOf(SERVER, 0)), ErrorCode.UNRECOGNIZED_CLIENT);
        }
    }

    @Test
    void credentialsThatHaveEndedAreRefused() throws Exception {
        AccessKey key = simulator.accessKeys().issueTemporary(Role.REPLICATION_SERVER, Duration.ZERO);
        try (ApiClient ended = client(key)) {
            assertRefused(ended.call("GetChannelCommandsForMgn", pollOf(SERVER, 0)), ErrorCode.UNRECOGNIZED_CLIENT);
        }
    }

    @Test
    void clocksMayDifferByFiveMinutes() throws Exception {
        AccessKey key = simulator.accessKeys().issue(Role.REPLICATION_SERVER);
        Clock late = Clock.offset(Clock.systemUTC(), Duration.ofSeconds(-290));
        try (ApiClient nearly = client(key, late, TIMEOUT)) {
            assertThat(nearly.call("GetChannelCommandsForMgn", pollOf(SERVER, 0))
                            .status())
                    .isEqualTo(200);
        }
        Clock tooLate = Clock.offset(Clock.systemUTC(), Duration.ofSeconds(-310));
        try (ApiClient skewed = client(key, tooLate, TIMEOUT)) {
            assertRefused(
                    skewed.call("GetChannelCommandsForMgn", pollOf(SERVER, 0)), ErrorCode.REQUEST_TIME_TOO_SKEWED);
        }
    }

    @Test
    void aShiftedClockIsToldInDateSoThatAClientCanCorrectIt() throws Exception {
        simulator.shiftClock(Duration.ofMinutes(30));
        Answer skewed = server.call("GetChannelCommandsForMgn", pollOf(SERVER, 0));
        assertRefused(skewed, ErrorCode.REQUEST_TIME_TOO_SKEWED);
        Instant told = DateTimeFormatter.RFC_1123_DATE_TIME.parse(skewed.header("Date"), Instant::from);
        AccessKey key = simulator.accessKeys().issue(Role.REPLICATION_SERVER);
        Clock corrected = Clock.offset(Clock.systemUTC(), Duration.between(Instant.now(), told));
        try (ApiClient correcting = client(key, corrected, TIMEOUT)) {
            assertThat(correcting
                            .call("GetChannelCommandsForMgn", pollOf(SERVER, 0))
                            .status())
                    .isEqualTo(200);
        }
    }

    @Test
    void agentsMayNotCallWhatServersCallAndTheOtherWayRound() throws Exception {
        assertRefused(agent.call("GetChannelCommandsForMgn", pollOf(SERVER, 0)), ErrorCode.ACCESS_DENIED);
        assertRefused(
                server.call("GetAgentRuntimeConfigurationForMgn", new JsonObject().put("sourceServerId", SOURCE)),
                ErrorCode.ACCESS_DENIED);
    }
}
