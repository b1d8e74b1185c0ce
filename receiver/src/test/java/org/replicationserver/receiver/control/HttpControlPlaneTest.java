package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.aws.HttpsStub;
import org.replicationserver.receiver.aws.HttpsStub.Received;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.aws.ImdsStub;
import org.replicationserver.receiver.aws.RenewableCredentials;
import org.replicationserver.receiver.aws.TestCertificates;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.config.ControlSettings;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.control.SnapshotOperations.SnapshotRequest;
import org.replicationserver.receiver.log.LogRecord;
import org.replicationserver.receiver.log.LoggedLines;
import org.replicationserver.receiver.log.TextLayout;
import org.replicationserver.receiver.status.ResourceMetric;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.HttpSigner;

/** The client against a real HTTPS server that misbehaves. */
final class HttpControlPlaneTest {
    private static final AwsSessionCredentials CREDENTIALS =
            AwsSessionCredentials.create("AKIDTEST", "SECRETTEST", "TOKENTEST");
    private static final RenewableCredentials PROVIDER =
            new RenewableCredentials(() -> StaticCredentialsProvider.create(CREDENTIALS), System::nanoTime);
    private static final ReplicationServerInfo SERVER = new ReplicationServerInfo(
            Pin.parse("sha256:" + "a".repeat(64)), null, 1500, "0.1.0", "brp/1", Instant.parse("2026-11-25T08:00:00Z"));
    private static final Duration LONG = Duration.ofMinutes(1);

    private static final TestCertificates CERTIFICATES = new TestCertificates();

    @TempDir
    private Path directory = Path.of("");

    private final HttpsStub stub;

    /** Long, since the machine may be busy; tests of what takes too long make it short. */
    private Duration attemptTimeout = Duration.ofSeconds(10);

    HttpControlPlaneTest() throws Exception {
        stub = new HttpsStub(CERTIFICATES.serverFor("127.0.0.1"));
    }

    @AfterEach
    void stopStub() {
        stub.close();
    }

    private ControlSettings settings(URI endpoint, int attemptsMax) throws Exception {
        return new ControlSettings(
                ControlMode.HTTPS,
                Optional.of(endpoint),
                Optional.of("i-0123456789abcdef0"),
                Duration.ofSeconds(5),
                attemptTimeout,
                Duration.ofSeconds(30),
                attemptsMax,
                20,
                Duration.ofSeconds(60),
                Duration.ofSeconds(10),
                64 << 20);
    }

    private AwsSettings aws() throws Exception {
        return aws(Optional.of(CERTIFICATES.writeCa(directory.resolve("ca.pem"))), CredentialsSource.CHAIN);
    }

    private static AwsSettings aws(Optional<Path> caFile, CredentialsSource credentials) {
        return new AwsSettings(Optional.of("eu-test-1"), false, false, caFile, credentials);
    }

    private HttpControlPlane open(URI endpoint, int attemptsMax) throws Exception {
        return HttpControlPlane.open(settings(endpoint, attemptsMax), aws(), PROVIDER, Clock.systemUTC());
    }

    private static ControlPlaneException failureOf(HttpControlPlane controlPlane) {
        ControlPlaneException failure = catchThrowableOfType(
                ControlPlaneException.class, () -> controlPlane.describeAssociations(SERVER, LONG));
        assertThat(failure).as("the call should have failed").isNotNull();
        return failure;
    }

    @Test
    void requestIsSignedAndSaysWhoAsks() throws Exception {
        stub.otherwise(HttpsStub.json(200, "{\"associations\":[]}"));
        try (HttpControlPlane controlPlane = open(stub.address(), 3)) {
            assertThat(controlPlane.describeAssociations(SERVER, LONG).associations())
                    .isEqualTo(Associations.NONE);
        }
        Received request = stub.received().getFirst();
        assertThat(request.path()).isEqualTo("/DescribeReplicationServerAssociationsForMgn");
        assertThat(request.headers())
                .containsEntry("content-type", "application/json")
                .containsEntry("x-amz-security-token", "TOKENTEST")
                .containsEntry("amz-sdk-request", "attempt=1; max=3");
        assertThat(request.header("authorization"))
                .isEqualTo(signatureOf(request))
                .contains("/eu-test-1/mgn/aws4_request");
        assertThat(new JsonObject(request.body()))
                .isEqualTo(new JsonObject()
                        .put("replicationServerId", "i-0123456789abcdef0")
                        .put("replicationServer", SERVER.toJson()));
    }

    /** What the SDK's signer makes of the request, at the time that the request names. */
    private String signatureOf(Received request) {
        String authorization = request.header("authorization");
        String signedHeaders = authorization.replaceAll(".*SignedHeaders=([^,]*),.*", "$1");
        Instant signed = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'")
                .withZone(ZoneOffset.UTC)
                .parse(request.header("x-amz-date"), Instant::from);
        SdkHttpRequest.Builder again = SdkHttpRequest.builder()
                .method(SdkHttpMethod.POST)
                .uri(stub.address().resolve(request.path()));
        for (Map.Entry<String, String> header : request.headers().entrySet()) {
            boolean isOfTheSigner = header.getKey().matches("x-amz-(date|security-token)");
            if (List.of(signedHeaders.split(";")).contains(header.getKey()) && !isOfTheSigner) {
                again.putHeader(header.getKey(), header.getValue());
            }
        }
        return AwsV4HttpSigner.create()
                .sign(sign -> sign.identity(CREDENTIALS)
                        .request(again.build())
                        .payload(ContentStreamProvider.fromUtf8String(request.body()))
                        .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, "mgn")
                        .putProperty(AwsV4HttpSigner.REGION_NAME, "eu-test-1")
                        .putProperty(HttpSigner.SIGNING_CLOCK, Clock.fixed(signed, ZoneOffset.UTC)))
                .request()
                .firstMatchingHeader("Authorization")
                .orElseThrow();
    }

    private ControlPlaneException failureOf(URI endpoint) throws Exception {
        try (HttpControlPlane controlPlane = open(endpoint, 1)) {
            return failureOf(controlPlane);
        }
    }

    private ControlPlaneException failureOf(HttpsStub.Reply reply) throws Exception {
        stub.otherwise(reply);
        return failureOf(stub.address());
    }

    // --- answers

    @ParameterizedTest
    @CsvSource({
        "400, ValidationException, NOT_VALID",
        "404, ResourceNotFoundException, NOT_FOUND",
        "409, ConflictException, CONFLICT",
        "403, AccessDeniedException, REFUSED_CREDENTIALS",
        "403, UnrecognizedClientException, REFUSED_CREDENTIALS",
        "403, InvalidSignatureException, REFUSED_CREDENTIALS",
        "403, RequestTimeTooSkewed, CLOCK_SKEW",
        "429, ThrottlingException, THROTTLED",
        "400, ThrottlingException, THROTTLED",
        "500, InternalServerException, SERVER_FAULT",
        "503, ServiceUnavailableException, SERVER_FAULT"
    })
    void errorOfTheApiHasItsKindAndItsRequestId(int status, String code, Kind kind) throws Exception {
        ControlPlaneException failure = failureOf(HttpsStub.error(status, code));
        assertThat(failure.kind()).isEqualTo(kind);
        assertThat(failure.requestId()).contains("request-1");
        assertThat(failure).hasMessageContaining(status + " " + code + ": told so");
    }

    @ParameterizedTest
    @CsvSource({"400", "403", "404", "409"})
    void pageOfSomebodyElseIsNoRefusal(int status) throws Exception {
        assertThat(failureOf(HttpsStub.json(status, "<html>nginx</html>")).kind())
                .isEqualTo(Kind.BAD_ANSWER);
    }

    @Test
    void redirectIsAnErrorAndIsNotFollowed() throws Exception {
        String elsewhere = stub.address() + "/elsewhere";
        ControlPlaneException failure = failureOf(HttpsStub.json(307, "", "Location", elsewhere));
        assertThat(failure.kind()).isEqualTo(Kind.BAD_ANSWER);
        assertThat(failure).hasMessageContaining(elsewhere);
        assertThat(stub.received()).hasSize(1);
    }

    @Test
    void answerThatIsCutIsNoAnswer() throws Exception {
        ControlPlaneException failure = failureOf(HttpsStub.truncated("{\"associations\":[]}"));
        assertThat(failure.kind()).isEqualTo(Kind.BAD_ANSWER);
    }

    @ParameterizedTest
    @CsvSource({"''", "[]", "{\"associations\":[]", "null", "true"})
    void answerThatIsNoJsonObjectIsNoAnswer(String body) throws Exception {
        assertThat(failureOf(HttpsStub.json(200, body)).kind()).isEqualTo(Kind.BAD_ANSWER);
    }

    @Test
    void answerLargerThanTheBoundIsNoAnswer() throws Exception {
        String large = "{\"associations\":[],\"x\":\"" + "x".repeat(SignedExchange.ANSWER_BYTES_MAX) + "\"}";
        ControlPlaneException failure = failureOf(HttpsStub.json(200, large));
        assertThat(failure.kind()).isEqualTo(Kind.BAD_ANSWER);
        assertThat(failure).hasMessageContaining("more than 4194304 bytes");
    }

    @Test
    void answerWithoutAListIsNotAsTheApiSays() throws Exception {
        ControlPlaneException failure = failureOf(HttpsStub.json(200, "{}"));
        assertThat(failure.kind()).isEqualTo(Kind.BAD_ANSWER);
        assertThat(failure).hasMessageContaining("associations is missing");
    }

    // --- connections

    @Test
    void connectionThatEndsWithoutAnAnswerIsUnreachable() throws Exception {
        assertThat(failureOf(HttpsStub.hangUp()).kind()).isEqualTo(Kind.UNREACHABLE);
    }

    @Test
    void answerThatNeverComesIsATimeout() throws Exception {
        attemptTimeout = Duration.ofMillis(700);
        ControlPlaneException failure = failureOf(HttpsStub.never());
        assertThat(failure.kind()).isEqualTo(Kind.TIMEOUT);
        assertThat(failure).hasMessageContaining("within 0.7 s");
    }

    @Test
    void answerThatComesByteByByteIsATimeoutToo() throws Exception {
        attemptTimeout = Duration.ofMillis(700);
        assertThat(failureOf(HttpsStub.dripping()).kind()).isEqualTo(Kind.TIMEOUT);
    }

    @Test
    void resetConnectionIsUnreachable() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            CompletableFuture<Void> reset = CompletableFuture.runAsync(() -> {
                try (Socket socket = server.accept()) {
                    socket.setSoLinger(true, 0);
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            assertThat(failureOf(addressOf(server)).kind()).isEqualTo(Kind.UNREACHABLE);
            reset.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void refusedConnectionIsToldAsAPortWhereNothingListens() throws Exception {
        URI nobody;
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = addressOf(server);
        }
        ControlPlaneException failure = failureOf(nobody);
        assertThat(failure.kind()).isEqualTo(Kind.CONNECTION_REFUSED);
        assertThat(failure.sentence()).contains("nothing listens there on TCP " + nobody.getPort());
        assertThat(failure.nextAction()).contains("control.endpoint");
    }

    @Test
    void portOfPlainHttpIsToldAsOneWithoutTls() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            CompletableFuture<Void> answered = CompletableFuture.runAsync(() -> {
                try (Socket socket = server.accept()) {
                    // All of the hello is taken, or the answer would be lost in a reset.
                    assertThat(socket.getInputStream().read(new byte[4096])).isPositive();
                    socket.getOutputStream()
                            .write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            ControlPlaneException failure = failureOf(addressOf(server));
            assertThat(failure.kind()).isEqualTo(Kind.NO_TLS);
            assertThat(failure.sentence()).contains("plain HTTP");
            answered.get(10, TimeUnit.SECONDS);
        }
    }

    private static URI addressOf(ServerSocket server) {
        return URI.create("https://127.0.0.1:" + server.getLocalPort());
    }

    @Test
    void handshakeThatNeverEndsIsATimeout() throws Exception {
        attemptTimeout = Duration.ofMillis(700);
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThat(failureOf(addressOf(server)).kind()).isEqualTo(Kind.TIMEOUT);
        }
    }

    private static ControlPlaneException untrusted(HttpControlPlane controlPlane, HttpsStub shown) {
        ControlPlaneException failure = failureOf(controlPlane);
        assertThat(failure.kind()).isEqualTo(Kind.UNTRUSTED);
        assertThat(failure.sentence()).doesNotContain("PKIX").contains("subject CN=control-plane, issuer CN=test-ca");
        assertThat(shown.received()).as("nothing is said to it").isEmpty();
        return failure;
    }

    private ControlPlaneException untrusted(SSLContext tls) throws Exception {
        try (HttpsStub other = new HttpsStub(tls);
                HttpControlPlane controlPlane = open(other.address(), 1)) {
            return untrusted(controlPlane, other);
        }
    }

    @Test
    void certificateForAnotherHostIsUntrusted() throws Exception {
        ControlPlaneException failure = untrusted(CERTIFICATES.serverFor("127.0.0.2"));
        assertThat(failure.sentence()).contains("it is for another name");
        assertThat(failure.nextAction()).contains("control.endpoint");
    }

    @Test
    void certificateThatHasExpiredIsUntrusted() throws Exception {
        ControlPlaneException failure = untrusted(CERTIFICATES.expiredServerFor("127.0.0.1"));
        assertThat(failure.sentence()).contains("it has expired");
        assertThat(failure.nextAction()).startsWith("Renew the certificate of the control plane");
    }

    @Test
    void certificateThatIsForNoServerIsUntrustedForThatAndNotForItsAuthority() throws Exception {
        ControlPlaneException failure = untrusted(CERTIFICATES.clientAsServerFor("127.0.0.1"));
        assertThat(failure.sentence()).contains("it does not do for a server (Extended key usage");
        assertThat(failure.nextAction()).startsWith("Give the control plane another certificate");
    }

    @Test
    void certificateOfAnotherAuthorityThanThatOfTheFileIsToldWithTheFile() throws Exception {
        ControlPlaneException failure = untrusted(new TestCertificates().serverFor("127.0.0.1"));
        assertThat(failure.sentence())
                .contains("no authority that is trusted here has issued it")
                .endsWith("aws.ca-file has CN=test-ca");
        assertThat(failure.nextAction())
                .contains("add the certificate of CN=test-ca to " + directory.resolve("ca.pem"))
                .contains("start the server again");
    }

    @Test
    void certificateOfAPrivateAuthorityWithoutAFileIsToldToNeedOne() throws Exception {
        AwsSettings aws = aws(Optional.empty(), CredentialsSource.CHAIN);
        try (HttpControlPlane controlPlane =
                HttpControlPlane.open(settings(stub.address(), 1), aws, PROVIDER, Clock.systemUTC())) {
            ControlPlaneException failure = untrusted(controlPlane, stub);
            assertThat(failure.sentence()).endsWith("aws.ca-file is not set");
            assertThat(failure.nextAction())
                    .contains("name a PEM file with the certificate of CN=test-ca in aws.ca-file");
        }
    }

    @Test
    void authorityOfTheFileIsTrustedBesideThoseOfTheJdkAlsoWhenItHasExpired() throws Exception {
        TestCertificates expired = new TestCertificates(Instant.parse("2020-01-01T00:00:00Z"));
        expired.writeCa(directory.resolve("ca.pem"));
        HttpsTrust trust = HttpsTrust.of(Optional.of(directory.resolve("ca.pem")));
        assertThat(trust.getAcceptedIssuers())
                .hasSizeGreaterThan(10)
                .extracting(certificate -> certificate.getSubjectX500Principal().getName())
                .contains("CN=test-ca");
        try (HttpsStub other = new HttpsStub(expired.serverFor("127.0.0.1"))) {
            other.otherwise(HttpsStub.json(200, "{\"associations\":[]}"));
            AwsSettings aws =
                    aws(Optional.of(expired.writeCa(directory.resolve("expired.pem"))), CredentialsSource.CHAIN);
            try (HttpControlPlane controlPlane =
                    HttpControlPlane.open(settings(other.address(), 1), aws, PROVIDER, Clock.systemUTC())) {
                assertThat(controlPlane.describeAssociations(SERVER, LONG).associations())
                        .isEqualTo(Associations.NONE);
            }
        }
    }

    @Test
    void fileWithoutCertificatesIsRefusedBeforeAnythingIsAsked() throws Exception {
        ControlSettings settings = settings(stub.address(), 1);
        AwsSettings aws = aws();
        Files.writeString(aws.caFile().orElseThrow(), "no certificate");
        assertThat(catchThrowable(() -> HttpControlPlane.open(settings, aws, PROVIDER, Clock.systemUTC())))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("aws.ca-file=");
    }

    // --- what to do

    @ParameterizedTest
    @CsvSource({
        "400, ValidationException, versions",
        "404, ResourceNotFoundException, control.replication-server-id",
        "409, ConflictException, contradicts",
        "403, AccessDeniedException, to whom the access key belongs",
        "429, ThrottlingException, Nothing for now",
        "500, InternalServerException, control plane's own logs",
        "504, GatewayTimeoutException, in front of it"
    })
    void errorOfTheApiHasAnActionOfItsOwn(int status, String code, String words) throws Exception {
        ControlPlaneException failure = failureOf(HttpsStub.error(status, code));
        assertThat(failure.sentence())
                .startsWith("the control plane answered " + status)
                .doesNotEndWith(".");
        assertThat(failure.nextAction()).contains(words).endsWith(".");
    }

    @Test
    void answerOfSomebodyElseSendsToTheEndpointAndToProxies() throws Exception {
        for (int status : new int[] {200, 302, 404}) {
            ControlPlaneException failure = failureOf(HttpsStub.json(status, "<html>nginx</html>"));
            assertThat(failure.kind()).isEqualTo(Kind.BAD_ANSWER);
            assertThat(failure.nextAction()).contains("control.endpoint").contains("proxy");
        }
    }

    @Test
    void refusalSaysWhoHasSigned() throws Exception {
        assertThat(failureOf(HttpsStub.error(403, "AccessDeniedException")).sentence())
                .endsWith("the request was signed by what aws.credentials=chain found (access key ...TEST)");
        stub.otherwise(HttpsStub.error(403, "AccessDeniedException"));
        try (ImdsStub imds = new ImdsStub();
                HttpControlPlane controlPlane = ofTheInstance()) {
            assertThat(failureOf(controlPlane).sentence()).contains("the role of the instance (access key ...KEY1)");
            assertThat(imds.requests()).isNotEmpty();
        }
    }

    @Test
    void signatureThatIsSaidToHaveExpiredIsAMatterOfTheClockAlsoIfTheAnswerHasNone() throws Exception {
        String body =
                "{\"code\":\"InvalidSignatureException\",\"message\":\"Signature expired: 20260501T000000Z is now earlier\"}";
        ControlPlaneException failure = failureOf(HttpsStub.json(403, body));
        assertThat(failure.kind()).isEqualTo(Kind.CLOCK_SKEW);
        assertThat(failure.nextAction()).contains("clock");
    }

    // --- the clock

    @ParameterizedTest
    @CsvSource({"600, behind", "-600, ahead of"})
    void wrongClockIsToldWithItsSkewAndNotCorrected(int serverAheadSeconds, String word) throws Exception {
        Clock wrong = Clock.offset(Clock.systemUTC(), Duration.ofSeconds(-serverAheadSeconds));
        stub.otherwise(HttpsStub.error(403, "InvalidSignatureException"));
        try (HttpControlPlane controlPlane =
                HttpControlPlane.open(settings(stub.address(), 3), aws(), PROVIDER, wrong)) {
            ControlPlaneException failure = failureOf(controlPlane);
            assertThat(failure.kind()).isEqualTo(Kind.CLOCK_SKEW);
            // a loaded machine takes its time from the request to the answer
            assertThat(failure.sentence()).containsPattern("the clock here is (59\\d|60\\d) s " + word);
            assertThat(failure.nextAction()).contains("chronyc");
            failureOf(controlPlane);
        }
        assertThat(stub.received())
                .as("no attempt more, and none with another clock")
                .hasSize(2);
        assertThat(stub.received())
                .allSatisfy(request -> assertThat(request.header("x-amz-date"))
                        .startsWith(DateTimeFormatter.ofPattern("yyyyMMdd'T'HH")
                                .withZone(ZoneOffset.UTC)
                                .format(wrong.instant())));
    }

    // --- who asks

    /** Everything that is not set is the instance's. */
    private HttpControlPlane ofTheInstance() throws Exception {
        ControlSettings set = settings(stub.address(), 1);
        ControlSettings settings = new ControlSettings(
                set.mode(),
                set.endpoint(),
                Optional.empty(),
                set.connectTimeout(),
                set.attemptTimeout(),
                set.callTimeout(),
                set.attemptsMax(),
                set.pollWaitSeconds(),
                set.associationsInterval(),
                set.progressInterval(),
                set.outboxBytesMax());
        AwsSettings aws = new AwsSettings(Optional.empty(), false, false, aws().caFile(), CredentialsSource.INSTANCE);
        return HttpControlPlane.open(settings, aws);
    }

    @Test
    void instanceSaysWhoAsksAndWithWhichCredentials() throws Exception {
        stub.otherwise(HttpsStub.json(200, "{\"associations\":[]}"));
        try (ImdsStub imds = new ImdsStub();
                HttpControlPlane controlPlane = ofTheInstance()) {
            controlPlane.describeAssociations(SERVER, LONG);
            controlPlane.describeAssociations(SERVER, LONG);
            assertThat(controlPlane.replicationServerId()).isEqualTo("i-0123456789abcdef0");
            assertThat(imds.requests())
                    .filteredOn(request -> request.contains("instance-id"))
                    .hasSize(1);
        }
        assertThat(new JsonObject(stub.received().getFirst().body()).getString("replicationServerId"))
                .isEqualTo("i-0123456789abcdef0");
        assertThat(stub.received())
                .allMatch(request -> request.header("authorization").contains("Credential=KEY1/")
                        && request.header("authorization").contains("/eu-test-1/mgn/"));
    }

    @Test
    void instanceWithoutMetadataIsToldWithTheFixAndAskedAgain() throws Exception {
        try (ImdsStub imds = new ImdsStub();
                HttpControlPlane controlPlane = ofTheInstance()) {
            imds.answer("placement/region", "<html>");
            ControlPlaneException failure = failureOf(controlPlane);
            assertThat(failure.kind()).isEqualTo(Kind.NO_METADATA);
            assertThat(failure.nextAction()).startsWith("Look what answers").contains("aws.region");
            imds.answer("placement/region", "eu-test-1");
            assertThat(controlPlane.replicationServerId()).isNotEmpty();
        }
    }

    @Test
    void metadataThatBreaksOffIsToldWithTheHopLimitThatAContainerNeeds() throws Exception {
        try (ImdsStub imds = new ImdsStub();
                HttpControlPlane controlPlane = ofTheInstance()) {
            imds.hangUp();
            ControlPlaneException failure = failureOf(controlPlane);
            assertThat(failure.kind()).isEqualTo(Kind.NO_METADATA);
            assertThat(failure.nextAction())
                    .isEqualTo(
                            "Allow IMDSv2 for this instance, and in a container raise its hop limit (HttpPutResponseHopLimit)"
                                    + " to 2, or set aws.region.");
        }
    }

    @Test
    void refusedCredentialsOfTheInstanceAreFetchedAnew() throws Exception {
        try (ImdsStub imds = new ImdsStub();
                HttpControlPlane controlPlane = ofTheInstance()) {
            assertThat(imds.address()).isNotNull();
            stub.otherwise(HttpsStub.error(403, "UnrecognizedClientException"));
            assertThat(failureOf(controlPlane).kind()).isEqualTo(Kind.REFUSED_CREDENTIALS);
            stub.otherwise(HttpsStub.json(200, "{\"associations\":[]}"));
            assertThat(controlPlane.awaitAttempt(LONG)).isTrue();
            controlPlane.describeAssociations(SERVER, LONG);
        }
        assertThat(stub.received().getFirst().header("authorization")).contains("Credential=KEY1/");
        assertThat(stub.received().getLast().header("authorization")).contains("Credential=KEY2/");
    }

    @Test
    void instanceWithoutARoleIsToldWithTheFix() throws Exception {
        try (ImdsStub imds = new ImdsStub();
                HttpControlPlane controlPlane = ofTheInstance()) {
            imds.answer("iam/security-credentials/", "another-role");
            ControlPlaneException failure = failureOf(controlPlane);
            assertThat(failure.kind()).isEqualTo(Kind.NO_CREDENTIALS);
            assertThat(failure.nextAction()).contains("role");
        }
        assertThat(stub.received()).isEmpty();
    }

    // --- attempts

    @Test
    void transientFaultsAreTriedAgainUnderOneInvocationId() throws Exception {
        stub.then(HttpsStub.error(500, "InternalServerException"))
                .then(HttpsStub.truncated("{"))
                .otherwise(HttpsStub.json(200, "{\"associations\":[]}"));
        try (HttpControlPlane controlPlane = open(stub.address(), 3)) {
            controlPlane.describeAssociations(SERVER, LONG);
            assertThat(controlPlane.status().failingSince()).isNull();
        }
        assertThat(stub.received())
                .extracting(request -> request.header("amz-sdk-request"))
                .containsExactly("attempt=1; max=3", "attempt=2; max=3", "attempt=3; max=3");
        assertThat(stub.received())
                .extracting(request -> request.header("amz-sdk-invocation-id"))
                .containsOnly(stub.received().getFirst().header("amz-sdk-invocation-id"));
    }

    @Test
    void pollAfterALostAnswerDoesNotWait() throws Exception {
        stub.then(HttpsStub.truncated("{")).otherwise(HttpsStub.json(200, "{\"commands\":[]}"));
        try (HttpControlPlane controlPlane = open(stub.address(), 3)) {
            controlPlane.getCommands(20, 16);
            controlPlane.getCommands(20, 16);
        }
        assertThat(stub.received())
                .extracting(request -> new JsonObject(request.body()).getInteger("waitSeconds"))
                .as("lost, again, and the next poll")
                .containsExactly(20, 0, 20);
    }

    @Test
    void attemptsAreBounded() throws Exception {
        stub.otherwise(HttpsStub.error(503, "ServiceUnavailableException"));
        try (HttpControlPlane controlPlane = open(stub.address(), 3)) {
            assertThat(failureOf(controlPlane).kind()).isEqualTo(Kind.SERVER_FAULT);
        }
        assertThat(stub.received()).hasSize(3);
    }

    @ParameterizedTest
    @CsvSource({"400, ValidationException", "403, AccessDeniedException", "404, ResourceNotFoundException"})
    void whatWouldBeRefusedAgainIsNotTriedAgain(int status, String code) throws Exception {
        stub.otherwise(HttpsStub.error(status, code));
        try (HttpControlPlane controlPlane = open(stub.address(), 3)) {
            failureOf(controlPlane);
        }
        assertThat(stub.received()).hasSize(1);
    }

    @Test
    void retryAfterIsWaitedFor() throws Exception {
        stub.then(HttpsStub.error(429, "ThrottlingException", "Retry-After", "2"))
                .otherwise(HttpsStub.json(200, "{\"associations\":[]}"));
        try (HttpControlPlane controlPlane = open(stub.address(), 3)) {
            long begun = System.nanoTime();
            controlPlane.describeAssociations(SERVER, LONG);
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isGreaterThanOrEqualTo(Duration.ofSeconds(2));
        }
        assertThat(stub.received()).hasSize(2);
    }

    @Test
    void retryAfterBeyondTheCapIsLeftToTheCaller() throws Exception {
        stub.otherwise(HttpsStub.error(503, "ServiceUnavailableException", "Retry-After", "3600"));
        try (HttpControlPlane controlPlane = open(stub.address(), 3)) {
            assertThat(failureOf(controlPlane).retryAfter()).contains(Duration.ofHours(1));
        }
        assertThat(stub.received()).hasSize(1);
    }

    @Test
    void callEndsWithItsTimeAlthoughAttemptsAreLeft() throws Exception {
        attemptTimeout = Duration.ofMillis(700);
        stub.otherwise(HttpsStub.never());
        try (HttpControlPlane controlPlane = open(stub.address(), 10)) {
            long begun = System.nanoTime();
            ControlPlaneException failure = catchThrowableOfType(
                    ControlPlaneException.class,
                    () -> controlPlane.describeAssociations(SERVER, Duration.ofSeconds(1)));
            assertThat(failure.kind()).isEqualTo(Kind.TIMEOUT);
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(5));
        }
    }

    @Test
    void interruptEndsACallAtOnce() throws Exception {
        stub.otherwise(HttpsStub.never());
        try (HttpControlPlane controlPlane = open(stub.address(), 1)) {
            CompletableFuture<Throwable> end = new CompletableFuture<>();
            Thread caller =
                    Thread.ofVirtual().start(() -> end.complete(catchThrowable(() -> controlPlane.getCommands(20, 1))));
            await().until(() -> stub.received().size() == 1);
            caller.interrupt();
            assertThat(end.get(5, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
            assertThat(controlPlane.status())
                    .as("says nothing of the control plane")
                    .isEqualTo(ControlPlaneStatus.NOTHING_YET);
        }
    }

    @Test
    void closingEndsCallsThatAreUnderWay() throws Exception {
        stub.otherwise(HttpsStub.never());
        HttpControlPlane controlPlane = open(stub.address(), 3);
        CompletableFuture<Throwable> end = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> end.complete(catchThrowable(() -> controlPlane.getCommands(20, 1))));
        await().until(() -> stub.received().size() == 1);
        controlPlane.close();
        assertThat(end.get(5, TimeUnit.SECONDS))
                .isInstanceOfSatisfying(
                        ControlPlaneException.class, e -> assertThat(e.kind()).isEqualTo(Kind.CLOSED));
        assertThat(failureOf(controlPlane).kind()).isEqualTo(Kind.CLOSED);
    }

    // --- the circuit

    @Test
    void callsAreNotEvenTriedAfterThreeThatFailedAndAProbeBringsThemBack() throws Exception {
        stub.otherwise(HttpsStub.error(500, "InternalServerException"));
        try (HttpControlPlane controlPlane = open(stub.address(), 1)) {
            for (int i = 0; i < Circuit.FAILURES_TO_OPEN; i++) {
                assertThat(failureOf(controlPlane).kind()).isEqualTo(Kind.SERVER_FAULT);
            }
            assertThat(failureOf(controlPlane).kind()).isEqualTo(Kind.CIRCUIT_OPEN);
            assertThat(stub.received()).hasSize(Circuit.FAILURES_TO_OPEN);
            ControlPlaneStatus status = controlPlane.status();
            assertThat(status.failingSince()).isNotNull();
            assertThat(status.failedCalls()).isEqualTo(3);
            assertThat(Objects.requireNonNull(status.lastFailure()).requestId()).isEqualTo("request-1");

            stub.otherwise(HttpsStub.json(200, "{\"commands\":[]}"));
            assertThat(controlPlane.awaitAttempt(LONG)).isTrue();
            assertThat(controlPlane.getCommands(20, 16)).isEmpty();
            assertThat(new JsonObject(stub.received().getLast().body()).getInteger("waitSeconds"))
                    .as("a probe does not wait for commands")
                    .isZero();
            assertThat(controlPlane.status().failingSince()).isNull();
            controlPlane.getCommands(20, 16);
            assertThat(new JsonObject(stub.received().getLast().body()).getInteger("waitSeconds"))
                    .isEqualTo(20);
        }
    }

    @Test
    void timeThatOneAttemptIsAskedForIsKeptByAllCalls() throws Exception {
        stub.then(HttpsStub.error(429, "ThrottlingException", "Retry-After", "20"))
                .otherwise(HttpsStub.json(200, "{\"commands\":[]}"));
        try (HttpControlPlane controlPlane = open(stub.address(), 3)) {
            CompletableFuture<Throwable> end = new CompletableFuture<>();
            Thread throttled =
                    Thread.ofVirtual().start(() -> end.complete(catchThrowable(() -> controlPlane.send(report()))));
            await().until(() -> stub.received().size() == 1);
            await().until(() -> catchThrowable(() -> controlPlane.getCommands(0, 16)) != null);
            int received = stub.received().size();
            assertThat(failureOf(controlPlane))
                    .satisfies(failure -> assertThat(failure.kind()).isEqualTo(Kind.CIRCUIT_OPEN))
                    .hasMessageContaining("the control plane asked for time");
            assertThat(stub.received()).hasSize(received);
            assertThat(end).as("is on its way to its next attempt").isNotDone();
            throttled.interrupt();
            assertThat(end.get(10, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
        }
    }

    private static SentReport report() {
        return new SentReport(
                "0".repeat(32), 7, Report.agentDisconnected(Instant.EPOCH, "s-1", 1L << 60, "CONNECTION_RESET"));
    }

    @Test
    void refusalsOfContentDoNotOpenTheCircuit() throws Exception {
        stub.otherwise(HttpsStub.error(400, "ValidationException"));
        try (HttpControlPlane controlPlane = open(stub.address(), 1)) {
            for (int i = 0; i < 2 * Circuit.FAILURES_TO_OPEN; i++) {
                assertThat(failureOf(controlPlane).kind()).isEqualTo(Kind.NOT_VALID);
            }
            assertThat(controlPlane.status().lastAnswered()).isNotNull();
        }
    }

    // --- bodies of other operations

    @Test
    void everyOperationHasTheBodyOfTheApi() throws Exception {
        try (HttpControlPlane controlPlane = open(stub.address(), 1)) {
            Instant moment = Instant.parse("2026-11-25T08:00:05.250Z");
            controlPlane.sendProgress("s-1", moment, new JsonObject().put("dataReplicationState", "INITIAL_SYNC"));
            controlPlane.sendMetrics(new ClientMetrics(
                    moment, 3, List.of(new ResourceMetric("cpu_used_ratio", "None", 0.25, Map.of("a", "b")))));
            controlPlane.sendLogs(new ClientLogs(
                    4, List.of(new LogRecord(moment, "WARN", "logger", "thread", "event", Map.of("k", "v"), "trace"))));
            controlPlane.send(new SentReport(
                    "0".repeat(32), 7, Report.agentDisconnected(moment, "s-1", 1L << 60, "CONNECTION_RESET")));
        }
        String id = "\"replicationServerId\":\"i-0123456789abcdef0\"}";
        assertThat(stub.received())
                .extracting(request -> request.path() + " " + request.body())
                .containsExactly(
                        "/NotifyAgentReplicationProgressForMgn {\"observedDateTime\":\"2026-11-25T08:00:05.250Z\","
                                + "\"sourceServerId\":\"s-1\",\"cause\":\"PERIODIC\","
                                + "\"dataReplicationInfo\":{\"dataReplicationState\":\"INITIAL_SYNC\"}," + id,
                        "/SendClientMetricsForMgn {\"sampledDateTime\":\"2026-11-25T08:00:05.250Z\",\"dropped\":3,"
                                + "\"metrics\":[{\"name\":\"cpu_used_ratio\",\"unit\":\"None\",\"value\":0.25,"
                                + "\"dimensions\":{\"a\":\"b\"}}]," + id,
                        "/SendClientLogsForMgn {\"dropped\":4,\"records\":[{\"dateTime\":\"2026-11-25T08:00:05.250Z\","
                                + "\"level\":\"WARN\",\"logger\":\"logger\",\"event\":\"event\","
                                + "\"attributes\":{\"k\":\"v\"},\"exception\":\"trace\"}]," + id,
                        "/NotifyAgentDisconnectedForMgn {\"sourceServerId\":\"s-1\",\"generation\":"
                                + "\"1152921504606846976\",\"reason\":\"CONNECTION_RESET\",\"event\":{\"outboxId\":\""
                                + "0".repeat(32) + "\",\"sequence\":7,"
                                + "\"observedDateTime\":\"2026-11-25T08:00:05.250Z\"}," + id);
    }

    @Test
    void secretsAreNeverLoggedNorTold() throws Exception {
        Logger root = (Logger) LoggerFactory.getLogger("org.replicationserver.receiver.control");
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        lines.start();
        root.addAppender(lines);
        root.setLevel(Level.TRACE);
        try {
            stub.then(HttpsStub.error(403, "InvalidSignatureException"))
                    .then(HttpsStub.error(500, "InternalServerException"))
                    .then(HttpsStub.hangUp())
                    .otherwise(HttpsStub.json(200, "{\"associations\":[]}"));
            List<String> told = new ArrayList<>();
            try (HttpControlPlane controlPlane = open(stub.address(), 3)) {
                told.add(failureOf(controlPlane).toString());
                controlPlane.describeAssociations(SERVER, LONG);
                told.add(controlPlane.status().toString());
            }
            lines.list.forEach(line -> told.add(TextLayout.textOf(line)));
            assertThat(lines.list).as("attempts and calls").hasSizeGreaterThan(4);
            assertThat(told).noneMatch(text -> text.contains("SECRETTEST") || text.contains("TOKENTEST"));
            assertThat(lines.list)
                    .extracting(TextLayout::textOf)
                    .anyMatch(text -> text.contains("requestId=request-1"));
        } finally {
            root.detachAppender(lines);
            root.setLevel(null);
        }
    }

    @Test
    void malformedRequestForASnapshotIsToldOnceAndTakesNoOtherWithIt() throws Exception {
        stub.otherwise(HttpsStub.json(
                200,
                "{\"requests\":[{\"snapshotRequestId\":\"r-1\",\"sourceServerId\":\"s-1\"},7,{\"sourceServerId\":\"s-2\"},"
                        + "{\"snapshotRequestId\":\"r-3\",\"sourceServerId\":\"s 3\"},"
                        + "{\"snapshotRequestId\":\"r-4\",\"sourceServerId\":\"s-4\"}]}"));
        try (HttpControlPlane controlPlane = open(stub.address(), 1);
                LoggedLines lines = LoggedLines.of(HttpControlPlane.class.getName())) {
            for (int i = 0; i < 2; i++) {
                assertThat(controlPlane.snapshotRequests())
                        .containsExactly(new SnapshotRequest("r-1", "s-1"), new SnapshotRequest("r-4", "s-4"));
            }
            assertThat(lines.texts())
                    .filteredOn(line -> line.startsWith("WARN "))
                    .singleElement()
                    .asString()
                    .contains("requests for snapshots are malformed and not served")
                    .contains("requests[1]: no object; requests[2]: snapshotRequestId is missing")
                    .contains("requests[3]: sourceServerId=s 3; allowed: ");
        }
    }
}
