package org.replicationserver.receiver.preflight;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.aws.HttpsConnections;
import org.replicationserver.receiver.aws.HttpsStub;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.aws.ImdsStub;
import org.replicationserver.receiver.aws.InstanceMetadata;
import org.replicationserver.receiver.aws.TestCertificates;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.preflight.Finding.Verdict;

/** Services on port 443, the instance's metadata and the clock, as checks see them. */
final class ServiceChecksTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(2);

    @TempDir
    private Path directory = Path.of("");

    private final TestCertificates certificates = new TestCertificates();
    private HttpsStub stub;
    private HttpsTrust trust;
    private HttpsConnections connections;

    @BeforeEach
    void start() throws Exception {
        stub = new HttpsStub(certificates.serverFor("127.0.0.1"));
        trust = HttpsTrust.of(Optional.of(certificates.writeCa(directory.resolve("ca.pem"))));
        connections = new HttpsConnections(trust, TIMEOUT, TIMEOUT);
    }

    @AfterEach
    void stop() {
        stub.close();
    }

    private Finding endpoint(URI address) {
        return new EndpointCheck("service", address, connections, trust).look();
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 301, 403, 404, 500})
    void anyAnswerProvesTheWayAndTheIssuerIsNamed(int status) {
        stub.otherwise(HttpsStub.json(status, ""));
        assertThat(endpoint(stub.address()))
                .isEqualTo(Finding.ok(stub.address() + " answers (" + status + "), its certificate is by CN=test-ca"));
    }

    @Test
    void certificateThatIsNotTrustedIsToldWithItsIssuer() throws Exception {
        try (HttpsStub other = new HttpsStub(new TestCertificates().serverFor("127.0.0.1"))) {
            Finding finding = endpoint(other.address());
            assertThat(finding.verdict()).isEqualTo(Verdict.FAIL);
            assertThat(finding.text()).contains("is not accepted").contains("issuer CN=test-ca");
            assertThat(finding.fix()).contains("something on the way opens TLS");
        }
    }

    @Test
    void nameThatIsNotKnownAPortThatIsClosedAndSilenceAreToldApart() throws Exception {
        assertThat(endpoint(URI.create("https://no-such-host.invalid")).text()).startsWith("DNS does not know");
        URI closed = stub.address();
        stub.close();
        assertThat(endpoint(closed).text()).startsWith("cannot reach " + closed);
        try (ServerSocket silent = new ServerSocket(0)) {
            URI address = URI.create("https://127.0.0.1:" + silent.getLocalPort());
            assertThat(endpoint(address).text()).startsWith("no answer in time from " + address);
        }
    }

    @ParameterizedTest
    @CsvSource({"0, OK", "20, OK", "-20, OK", "60, WARN", "-60, WARN", "400, FAIL", "-400, FAIL"})
    void clockIsJudgedByTheTimeOfTheService(long secondsAhead, Verdict verdict) {
        Clock clock = Clock.offset(Clock.systemUTC(), Duration.ofSeconds(secondsAhead));
        Finding finding = new ClockCheck(stub.address(), connections, clock).look();
        assertThat(finding.verdict()).as(finding.text()).isEqualTo(verdict);
        if (Math.abs(secondsAhead) >= 60) {
            assertThat(finding.text()).contains(secondsAhead > 0 ? "s ahead of" : "s behind");
            assertThat(finding.fix()).contains("Set the clock");
        }
    }

    @Test
    void clockThatNobodyCanBeComparedWithIsNotJudged() {
        URI closed = stub.address();
        stub.close();
        assertThat(new ClockCheck(closed, connections, Clock.systemUTC()).look().verdict())
                .isEqualTo(Verdict.SKIP);
    }

    @Test
    void metadataIsNeededOnlyWhereSomethingComesFromIt() throws Exception {
        URI nobody;
        try (ImdsStub imds = new ImdsStub();
                InstanceMetadata metadata = new InstanceMetadata(imds.address())) {
            imds.answer("placement/availability-zone", "eu-test-1a");
            assertThat(new MetadataCheck(metadata, true).look())
                    .isEqualTo(Finding.ok("instance i-0123456789abcdef0 in eu-test-1, zone eu-test-1a"));
            nobody = imds.address();
        }
        try (InstanceMetadata metadata = new InstanceMetadata(nobody)) {
            Finding needed = new MetadataCheck(metadata, true).look();
            assertThat(needed.verdict()).isEqualTo(Verdict.FAIL);
            assertThat(needed.text()).contains(nobody.toString());
            assertThat(new MetadataCheck(metadata, false).look().verdict()).isEqualTo(Verdict.SKIP);
        }
    }

    @Test
    void credentialsAreJudgedByTheirEnd() {
        Instant now = Instant.parse("2026-01-01T00:00:00Z");
        Clock clock = Clock.fixed(now, java.time.ZoneOffset.UTC);
        CredentialsSource source = CredentialsSource.INSTANCE;
        assertThat(new CredentialsCheck(source, () -> new CredentialsCheck.Found("role r", now.plusSeconds(1)), clock)
                        .look()
                        .verdict())
                .isEqualTo(Verdict.OK);
        assertThat(new CredentialsCheck(source, () -> new CredentialsCheck.Found("role r", now), clock)
                        .look()
                        .verdict())
                .isEqualTo(Verdict.FAIL);
        Finding none = new CredentialsCheck(
                        source,
                        () -> {
                            throw new IllegalStateException("the instance has no role");
                        },
                        clock)
                .look();
        assertThat(none.text()).isEqualTo("none: the instance has no role");
        assertThat(none.fix()).contains("role");
    }
}
