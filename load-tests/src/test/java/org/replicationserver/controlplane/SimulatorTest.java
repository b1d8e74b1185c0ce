package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.controlplane.AccessKey.Role;
import org.replicationserver.controlplane.ApiClient.Answer;

/** What the simulator promises, over HTTPS and signed by the SDK's signer. */
final class SimulatorTest {
    private static final String SERVER = "i-0123456789abcdef0";
    private static final String OTHER_SERVER = "i-0fedcba9876543210";
    private static final String SOURCE = "s-0123456789abcdef0";
    private static final String PIN = "sha256:" + "a1".repeat(32);
    private static final String NEXT_PIN = "sha256:" + "b2".repeat(32);
    private static final String OUTBOX = "0123456789abcdef".repeat(2);
    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final long MIB = 1024 * 1024;

    private ControlPlaneSimulator simulator;
    private ApiClient server;
    private ApiClient agent;
    private long sequence;

    SimulatorTest() throws IOException {
        simulator = ControlPlaneSimulator.start();
        server = client(simulator.accessKeys().issueTemporary(Role.REPLICATION_SERVER, Duration.ofHours(1)));
        agent = client(simulator.accessKeys().issue(Role.AGENT));
    }

    @BeforeEach
    void registerAgent() throws Exception {
        assertThat(register(PIN).status()).isEqualTo(200);
    }

    @AfterEach
    void close() {
        server.close();
        agent.close();
        simulator.close();
    }

    private ApiClient client(AccessKey key) {
        return client(key, Clock.systemUTC(), TIMEOUT);
    }

    private ApiClient client(AccessKey key, Clock clock, Duration timeout) {
        return new ApiClient(simulator.endpoint(), simulator.authority(), "us-east-1", key, clock, timeout);
    }

    private Answer register(String pin) throws IOException, InterruptedException {
        JsonObject disk = new JsonObject().put("deviceName", "/dev/sda").put("sizeBytes", 8 * MIB);
        return agent.call(
                "RegisterAgentForMgn",
                new JsonObject()
                        .put("sourceServerId", SOURCE)
                        .put("agentPin", pin)
                        .put("disks", new JsonArray().add(disk)));
    }

    private static JsonObject self(String pin) {
        return new JsonObject()
                .put("pins", new JsonObject().put("current", pin))
                .put("port", 1500)
                .put("softwareVersion", "0.1.0")
                .put("protocolVersion", "brp/1")
                .put("startedDateTime", "2026-11-25T08:00:00Z");
    }

    private static JsonObject of(String serverId) {
        return new JsonObject().put("replicationServerId", serverId);
    }

    private JsonObject describe(String serverId) throws IOException, InterruptedException {
        Answer answer = server.call(
                "DescribeReplicationServerAssociationsForMgn", of(serverId).put("replicationServer", self(NEXT_PIN)));
        assertThat(answer.status()).as(answer.body().encode()).isEqualTo(200);
        return answer.body();
    }

    private static JsonObject pollOf(String serverId, int waitSeconds) {
        return of(serverId).put("waitSeconds", waitSeconds).put("maxCommands", 16);
    }

    private List<String> poll(String serverId, int waitSeconds) throws IOException, InterruptedException {
        return commandIds(server.call("GetChannelCommandsForMgn", pollOf(serverId, waitSeconds)));
    }

    private static List<String> commandIds(Answer answer) {
        assertThat(answer.status()).as(answer.body().encode()).isEqualTo(200);
        return answer.body().getJsonArray("commands").stream()
                .map(command -> ((JsonObject) command).getString("commandId"))
                .toList();
    }

    private static JsonObject event(long number) {
        return new JsonObject()
                .put("outboxId", OUTBOX)
                .put("sequence", number)
                .put("observedDateTime", Instant.now().toString());
    }

    private JsonObject durable(String serverId) {
        return of(serverId).put("event", event(++sequence));
    }

    private Answer sendResult(String serverId, String commandId, String status)
            throws IOException, InterruptedException {
        JsonObject result = durable(serverId).put("commandId", commandId).put("status", status);
        if (status.equals("SUCCEEDED")) {
            result.put("output", new JsonObject().put("replicationServer", self(NEXT_PIN)));
        }
        return server.call("SendChannelCommandResultForMgn", result);
    }

    private JsonObject connected(long number) {
        return of(SERVER)
                .put("event", event(number))
                .put("sourceServerId", SOURCE)
                .put("remoteAddress", "198.51.100.7")
                .put("generation", String.valueOf(number))
                .put("streams", 5);
    }

    private static JsonObject info(String state) {
        JsonObject disk = new JsonObject()
                .put("deviceName", "/dev/sda")
                .put("totalStorageBytes", 8 * MIB)
                .put("replicatedStorageBytes", MIB)
                .put("rescannedStorageBytes", 0)
                .put("backloggedStorageBytes", 7 * MIB);
        JsonObject detail = new JsonObject()
                .put("backloggedBytes", 7 * MIB)
                .put("agentConnected", true)
                .put("agentSinceDateTime", "2026-11-24T08:00:00Z")
                .put("backlogKnown", true)
                .put("rates", new JsonArray())
                .put("lagAttribution", new JsonArray())
                .put("explanations", new JsonArray())
                .put("inconsistentVolumes", new JsonArray());
        return new JsonObject()
                .put("dataReplicationState", state)
                .put("replicatedDisks", new JsonArray().add(disk))
                .put(
                        "dataReplicationInitiation",
                        new JsonObject()
                                .put("startDateTime", "2026-11-25T08:00:00Z")
                                .put("steps", new JsonArray()))
                .put("replicatorId", SERVER)
                .put("detail", detail);
    }

    private static JsonObject record(String epoch, String... volumeIds) {
        JsonArray volumes = new JsonArray();
        for (String volumeId : volumeIds) {
            volumes.add(new JsonObject().put("volumeId", volumeId).put("dataGen", "c3".repeat(16)));
        }
        return new JsonObject()
                .put("generation", "3")
                .put("writtenGeneration", "3")
                .put("committedEpoch", epoch)
                .put("previousEpoch", "0")
                .put("committedFuzzy", false)
                .put("volumes", volumes);
    }

    private JsonObject committed(String serverId, String epoch, String... volumeIds) {
        return durable(serverId)
                .put("sourceServerId", SOURCE)
                .put("cause", "COMMITTED")
                .put("dataReplicationInfo", info("CONTINUOUS"))
                .put("record", record(epoch, volumeIds));
    }

    private String assign(String serverId, boolean fresh) {
        return simulator.fleet().assign(SOURCE, serverId, List.of(new VolumeTarget("/dev/sda", "vol-1", null, fresh)));
    }

    private JsonObject agentConfiguration() throws IOException, InterruptedException {
        Answer answer =
                agent.call("GetAgentRuntimeConfigurationForMgn", new JsonObject().put("sourceServerId", SOURCE));
        assertThat(answer.status()).isEqualTo(200);
        return answer.body();
    }

    private void assertNoViolations() {
        assertThat(simulator.violations()).isEmpty();
    }

    // Signatures.

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

    private static void assertRefused(Answer answer, ErrorCode error) {
        assertThat(answer.body().getString("code")).as(answer.body().encode()).isEqualTo(error.code());
        assertThat(answer.status()).isEqualTo(error.status());
        assertThat(answer.header("x-amzn-ErrorType")).isEqualTo(error.code());
        assertThat(answer.header("x-amzn-RequestId")).isNotEmpty();
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

    // The contract.

    @Test
    void aRequestThatIsNotAsTheDocumentSaysIsAnsweredAndKept() throws Exception {
        Answer answer = server.call("GetChannelCommandsForMgn", pollOf(SERVER, 21));
        assertRefused(answer, ErrorCode.VALIDATION);
        assertThat(answer.body().getString("message")).contains("/waitSeconds", "allowed: integer, from 0 to 20");
        assertThat(simulator.violations())
                .singleElement()
                .extracting(ContractViolation::operation, ContractViolation::place)
                .containsExactly("GetChannelCommandsForMgn", "/waitSeconds");
    }

    @Test
    void whatIsNoRequestAtAllIsAnsweredAndKept() throws Exception {
        assertRefused(server.send(server.sign("GetChannelCommandsForMgn", new byte[] {'['})), ErrorCode.VALIDATION);
        assertRefused(
                server.send(server.sign("GetChannelCommandsForMgn", new byte[5 * (int) MIB])), ErrorCode.VALIDATION);
        assertRefused(server.call("MakeCoffee", new JsonObject()), ErrorCode.VALIDATION);
        assertThat(simulator.violations()).hasSize(3);
    }

    @Test
    void retriesOfACallCanBeToldApart() throws Exception {
        String invocationId = UUID.randomUUID().toString();
        byte[] body = pollOf(SERVER, 0).toBuffer().getBytes();
        for (int attempt = 1; attempt <= 2; attempt++) {
            server.send(server.sign("GetChannelCommandsForMgn", body)
                    .setHeader("amz-sdk-invocation-id", invocationId)
                    .setHeader("amz-sdk-request", "attempt=" + attempt + "; max=3"));
        }
        assertThat(simulator.exchanges("GetChannelCommandsForMgn"))
                .allSatisfy(exchange -> assertThat(exchange.invocationId()).isEqualTo(invocationId))
                .extracting(Exchange::attempt)
                .containsExactly("attempt=1; max=3", "attempt=2; max=3");
    }

    @Test
    void answersMayHaveMembersThatNobodyKnowsYet() throws Exception {
        assign(SERVER, true);
        simulator.addUnknownMembers(true);
        JsonObject described = describe(SERVER);
        JsonObject disk = described
                .getJsonArray("associations")
                .getJsonObject(0)
                .getJsonArray("disks")
                .getJsonObject(0);
        assertThat(described.fieldNames()).contains(UnknownMembers.NAME);
        assertThat(disk.fieldNames()).contains(UnknownMembers.NAME, "volumeId");
        assertNoViolations();
    }

    // Pairing.

    @Test
    void anAgentLearnsItsServerOnceThatHasAnsweredThePairing() throws Exception {
        assertThat(describe(SERVER)).isEqualTo(new JsonObject().put("associations", new JsonArray()));
        assertThat(agentConfiguration()).isEqualTo(new JsonObject().put("desiredState", "STARTED"));

        String commandId = assign(SERVER, true);
        JsonObject association = describe(SERVER).getJsonArray("associations").getJsonObject(0);
        assertThat(association.getJsonArray("agentPins")).containsExactly(PIN);
        assertThat(association.getJsonArray("disks").getJsonObject(0))
                .isEqualTo(new JsonObject()
                        .put("deviceName", "/dev/sda")
                        .put("sizeBytes", 8 * MIB)
                        .put("volumeId", "vol-1")
                        .put("fresh", true));
        Answer commands = server.call("GetChannelCommandsForMgn", pollOf(SERVER, 20));
        JsonObject command = commands.body().getJsonArray("commands").getJsonObject(0);
        assertThat(command.getString("commandId")).isEqualTo(commandId);
        assertThat(command.getString("type")).isEqualTo("PAIR_SOURCE_SERVER");
        assertThat(command.getJsonObject("parameters").getJsonObject("association"))
                .isEqualTo(association);
        assertThat(agentConfiguration().containsKey("replicationServer")).isFalse();

        assertThat(sendResult(SERVER, commandId, "SUCCEEDED").status()).isEqualTo(200);
        assertThat(agentConfiguration().getJsonObject("replicationServer"))
                .isEqualTo(of(SERVER)
                        .put("address", "127.0.0.1")
                        .put("port", 1500)
                        .put("pins", new JsonObject().put("current", NEXT_PIN)));
        simulator.fleet().setAddress(SERVER, "rs.example");
        assertThat(agentConfiguration().getJsonObject("replicationServer").getString("address"))
                .isEqualTo("rs.example");
        assertNoViolations();
    }

    @Test
    void aPairingThatFailedGivesTheAgentNoServer() throws Exception {
        describe(SERVER);
        sendResult(SERVER, assign(SERVER, true), "FAILED");
        assertThat(agentConfiguration().containsKey("replicationServer")).isFalse();
    }

    @Test
    void anotherKeyThanTheRegisteredOneIsRefusedAndChangesNothing() throws Exception {
        sendResult(SERVER, assign(SERVER, true), "SUCCEEDED");
        Answer answer = register(NEXT_PIN);
        assertRefused(answer, ErrorCode.CONFLICT);
        assertThat(answer.body().getString("message")).contains(SOURCE, NEXT_PIN, "another key");
        assertThat(describe(SERVER)
                        .getJsonArray("associations")
                        .getJsonObject(0)
                        .getJsonArray("agentPins"))
                .containsExactly(PIN);
        assertThat(register(PIN).status()).as("the same agent once more").isEqualTo(200);
        assertNoViolations();
    }

    @Test
    void aNewKeyOfTheAgentIsPairedBesideTheFormerOne() throws Exception {
        sendResult(SERVER, assign(SERVER, true), "SUCCEEDED");
        simulator.fleet().registerAgent(SOURCE, NEXT_PIN, List.of(new SourceDisk("/dev/sda", 8 * MIB)));
        assertThat(register(NEXT_PIN).status()).isEqualTo(200);
        JsonObject association = describe(SERVER).getJsonArray("associations").getJsonObject(0);
        assertThat(association.getJsonArray("agentPins")).containsExactly(PIN, NEXT_PIN);
        assertThat(simulator.fleet().commands(SERVER).getFirst().command().getString("type"))
                .isEqualTo("PAIR_SOURCE_SERVER");
        assertNoViolations();
    }

    @Test
    void disksThatTheAgentRegistersAnewAreAssignedOnlyWhenSomebodyDoesIt() throws Exception {
        assign(SERVER, true);
        JsonObject before = describe(SERVER);
        simulator.fleet().registerAgent(SOURCE, PIN, List.of(new SourceDisk("/dev/sdb", 16 * MIB)));
        assertThat(describe(SERVER)).isEqualTo(before);
    }

    @Test
    void aReplacementGetsTheRecordAndTheOldOneIsUnpaired() throws Exception {
        sendResult(SERVER, assign(SERVER, true), "SUCCEEDED");
        server.call("NotifyAgentReplicationProgressForMgn", committed(SERVER, "41", "vol-1"));
        server.call("NotifyAgentReplicationProgressForMgn", committed(SERVER, "42", "vol-1"));

        simulator.fleet().move(SOURCE, OTHER_SERVER);
        assertThat(agentConfiguration().containsKey("replicationServer")).isFalse();
        JsonObject association =
                describe(OTHER_SERVER).getJsonArray("associations").getJsonObject(0);
        assertThat(association.getJsonObject("record")).isEqualTo(record("42", "vol-1"));
        assertThat(association.getJsonArray("disks").getJsonObject(0).getBoolean("fresh"))
                .isFalse();
        assertThat(describe(SERVER).getJsonArray("associations")).isEmpty();
        assertThat(simulator.fleet().commands(SERVER).getFirst().command().getString("type"))
                .isEqualTo("UNPAIR_SOURCE_SERVER");

        // What the old one still has to say is taken, but its record is too late.
        assertThat(server.call("NotifyAgentReplicationProgressForMgn", committed(SERVER, "43", "vol-1"))
                        .status())
                .isEqualTo(200);
        assertThat(simulator.fleet().sourceServer(SOURCE).record()).isEqualTo(record("42", "vol-1"));
        assertNoViolations();
    }

    @Test
    void aVolumeThatIsNewHasNoRecordAndOneThatWasWrittenIsFreshNoMore() throws Exception {
        assign(SERVER, true);
        server.call("NotifyAgentReplicationProgressForMgn", committed(SERVER, "42", "vol-1"));
        JsonObject association = describe(SERVER).getJsonArray("associations").getJsonObject(0);
        assertThat(association.getJsonArray("disks").getJsonObject(0).getBoolean("fresh"))
                .isFalse();

        simulator.fleet().assign(SOURCE, SERVER, List.of(new VolumeTarget("/dev/sda", "vol-1", null, true)));
        association = describe(SERVER).getJsonArray("associations").getJsonObject(0);
        assertThat(association.getJsonObject("record").getJsonArray("volumes")).isEmpty();
    }

    @Test
    void anAssignmentOfADiskThatTheAgentDoesNotHaveIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> simulator
                        .fleet()
                        .assign(SOURCE, SERVER, List.of(new VolumeTarget("/dev/sdz", "vol-1", null, true))))
                .withMessageContaining("/dev/sda");
    }

    // Commands.

    @Test
    void aCommandThatComesWhileAPollWaitsIsDeliveredAtOnce() throws Exception {
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            CompletableFuture<List<String>> waiting = CompletableFuture.supplyAsync(() -> pollQuietly(20), executor);
            await().until(() -> !simulator.fleet().replicationServers().isEmpty());
            String commandId = simulator.fleet().issue(SERVER, "DRAIN_SERVER", null);
            assertThat(waiting.get(5, TimeUnit.SECONDS)).containsExactly(commandId);
        }
        assertNoViolations();
    }

    private List<String> pollQuietly(int waitSeconds) {
        try {
            return poll(SERVER, waitSeconds);
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aCommandComesAgainAtTheEndOfEachWaitUntilItsResultHasCome() throws Exception {
        String first = simulator.fleet().issue(SERVER, "DRAIN_SERVER", null);
        String second = simulator.fleet().issue(SERVER, "COLLECT_LOGS", null);
        assertThat(poll(SERVER, 20)).containsExactly(first, second);
        // Not at once again, though there is no result: that would be a loop without a pause.
        long began = System.nanoTime();
        assertThat(poll(SERVER, 1)).containsExactly(first, second);
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofMillis(900));
        sendResult(SERVER, first, "SUCCEEDED");
        assertThat(poll(SERVER, 0)).containsExactly(second);
        assertThat(simulator.fleet().command(first).status()).isEqualTo("SUCCEEDED");
        assertThat(simulator.fleet().command(first).deliveries()).isEqualTo(2);
        assertThat(simulator.fleet().command(second).deliveries()).isEqualTo(3);
    }

    @Test
    void theFirstResultOfACommandIsTheResult() throws Exception {
        String commandId = simulator.fleet().issue(SERVER, "DRAIN_SERVER", null);
        sendResult(SERVER, commandId, "FAILED");
        assertThat(sendResult(SERVER, commandId, "SUCCEEDED").status()).isEqualTo(200);
        assertThat(simulator.fleet().command(commandId).status()).isEqualTo("FAILED");
        assertRefused(sendResult(SERVER, "c-unknown", "FAILED"), ErrorCode.RESOURCE_NOT_FOUND);
    }

    @Test
    void aSecondPollEndsTheFirst() throws Exception {
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            CompletableFuture<List<String>> first = CompletableFuture.supplyAsync(() -> pollQuietly(20), executor);
            await().until(() -> !simulator.fleet().replicationServers().isEmpty());
            String commandId;
            CompletableFuture<List<String>> second = CompletableFuture.supplyAsync(() -> pollQuietly(20), executor);
            assertThat(first.get(5, TimeUnit.SECONDS)).isEmpty();
            commandId = simulator.fleet().issue(SERVER, "DRAIN_SERVER", null);
            assertThat(second.get(5, TimeUnit.SECONDS)).containsExactly(commandId);
        }
    }

    @Test
    void commandsThatAreWrongAreOnlySentOnPurpose() throws Exception {
        JsonObject wrong = new JsonObject().put("type", "REOPEN_VOLUME");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> simulator.fleet().issue(SERVER, wrong))
                .withMessageContaining("/parameters");
        String commandId = simulator.fleet().issueUnchecked(SERVER, wrong);
        assertThat(poll(SERVER, 0)).containsExactly(commandId);
        assertNoViolations();
    }

    @Test
    void whatIsWantedIsToldByCommandAndByAssociation() throws Exception {
        assign(SERVER, true);
        simulator.fleet().issue(SERVER, "PAUSE_REPLICATION", SOURCE);
        JsonObject bandwidth = new JsonObject().put("bandwidthThrottling", 50);
        simulator
                .fleet()
                .issue(
                        SERVER,
                        new JsonObject()
                                .put("type", "SET_BANDWIDTH")
                                .put("parameters", new JsonObject().put("bandwidth", bandwidth)));
        JsonObject described = describe(SERVER);
        assertThat(described.getJsonObject("bandwidth")).isEqualTo(bandwidth);
        assertThat(described.getJsonArray("associations").getJsonObject(0).getString("desiredState"))
                .isEqualTo("PAUSED");
        assertThat(agentConfiguration().getString("desiredState")).isEqualTo("PAUSED");
        assertNoViolations();
    }

    @Test
    void aCommandWhoseIdIsTakenHasNoEffect() throws Exception {
        assign(SERVER, true);
        JsonObject pause = new JsonObject()
                .put("commandId", "mine")
                .put("type", "PAUSE_REPLICATION")
                .put("sourceServerId", SOURCE);
        simulator.fleet().issue(SERVER, pause);
        List<JsonObject> others = List.of(
                pause.copy().put("type", "START_REPLICATION"),
                pause.copy().put("type", "UNPAIR_SOURCE_SERVER"),
                pause.copy()
                        .put("type", "SET_BANDWIDTH")
                        .put(
                                "parameters",
                                new JsonObject().put("bandwidth", new JsonObject().put("bandwidthThrottling", 5))));
        JsonObject before = describe(SERVER);
        for (JsonObject other : others) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> simulator.fleet().issue(SERVER, other))
                    .withMessage("commandId: mine is taken; allowed: a new one");
        }
        assertThat(describe(SERVER)).isEqualTo(before);
    }

    @Test
    void anIdThatAnOperatorHasTakenIsNotDrawnAgain() {
        JsonObject collect = new JsonObject().put("type", "COLLECT_LOGS");
        for (int i = 1; i < 20; i++) {
            simulator.fleet().issue(SERVER, collect.copy().put("commandId", "c-" + i));
        }
        assertThat(assign(SERVER, true)).isEqualTo("c-20");
    }

    @Test
    void commandsWithoutAResultAreBounded() {
        for (int i = 0; i < 1024; i++) {
            simulator.fleet().issue(SERVER, "COLLECT_LOGS", null);
        }
        assertThatIllegalStateException()
                .isThrownBy(() -> simulator.fleet().issue(SERVER, "COLLECT_LOGS", null))
                .withMessageContaining("allowed: 1024");
        assertThatIllegalStateException().isThrownBy(() -> assign(SERVER, true));
        assertThat(simulator.fleet().sourceServer(SOURCE).replicationServerId())
                .as("what cannot be told is not done")
                .isNull();
    }

    // Durable messages.

    @Test
    void eachDurableMessageIsTakenOnce() throws Exception {
        for (long number : new long[] {1, 2, 2, 3}) {
            JsonObject message = connected(number);
            message.getJsonObject("event").put("observedDateTime", "2026-11-25T08:00:00Z");
            assertThat(server.call("NotifyAgentConnectedForMgn", message).status())
                    .isEqualTo(200);
        }
        assertThat(simulator.fleet().messages())
                .extracting(ReceivedMessage::sequence)
                .containsExactly(1L, 2L, 3L);
        assertThat(simulator.fleet().irregularities()).isEmpty();
        assertNoViolations();
    }

    @Test
    void whatIsUnusualInTheOrderIsNoted() throws Exception {
        for (long number : new long[] {1, 2, 5, 1, 5}) {
            server.call("NotifyAgentConnectedForMgn", connected(number));
        }
        assertThat(simulator.fleet().irregularities())
                .extracting(Irregularity::kind)
                .containsExactly(
                        Irregularity.Kind.GAP,
                        Irregularity.Kind.CHANGED,
                        Irregularity.Kind.BACK,
                        Irregularity.Kind.CHANGED);
        assertThat(simulator.fleet().messagesTotal()).isEqualTo(3);
    }

    @Test
    void aMessageAboutAnUnknownSourceServerIsRefusedAndLeavesNoGap() throws Exception {
        server.call("NotifyAgentConnectedForMgn", connected(1));
        assertRefused(
                server.call("NotifyAgentConnectedForMgn", connected(2).put("sourceServerId", "s-unknown")),
                ErrorCode.RESOURCE_NOT_FOUND);
        server.call("NotifyAgentConnectedForMgn", connected(3));
        assertThat(simulator.fleet().messages())
                .extracting(ReceivedMessage::sequence)
                .containsExactly(1L, 3L);
        assertThat(simulator.fleet().irregularities()).isEmpty();
    }

    private JsonObject changed(String previous, String state) {
        return durable(SERVER)
                .put("sourceServerId", SOURCE)
                .put("previousState", previous)
                .put("dataReplicationInfo", info(state));
    }

    @Test
    void changesOfStateAreAHistoryWithoutHoles() throws Exception {
        assign(SERVER, true);
        server.call("UpdateAgentReplicationProcessStateForMgn", changed("STOPPED", "INITIATING"));
        server.call("UpdateAgentReplicationProcessStateForMgn", changed("INITIATING", "INITIAL_SYNC"));
        assertThat(simulator.fleet().irregularities()).isEmpty();
        server.call("UpdateAgentReplicationProcessStateForMgn", changed("BACKLOG", "CONTINUOUS"));
        assertThat(simulator.fleet().sourceServer(SOURCE).stateChanges())
                .extracting(StateChange::state)
                .containsExactly("INITIATING", "INITIAL_SYNC", "CONTINUOUS");
        assertThat(simulator.fleet().irregularities())
                .extracting(Irregularity::kind)
                .containsExactly(Irregularity.Kind.STATE);
        assertThat(simulator.fleet().sourceServer(SOURCE).state()).isEqualTo("CONTINUOUS");
    }

    @Test
    void theNewestProgressWinsWhateverComesLate() throws Exception {
        assign(SERVER, true);
        JsonObject periodic = of(SERVER).put("sourceServerId", SOURCE).put("cause", "PERIODIC");
        JsonObject newer = periodic.copy()
                .put("observedDateTime", "2026-11-25T09:00:00Z")
                .put("dataReplicationInfo", info("CONTINUOUS"));
        JsonObject older = periodic.copy()
                .put("observedDateTime", "2026-11-25T08:00:00Z")
                .put("dataReplicationInfo", info("INITIAL_SYNC"));
        server.call("NotifyAgentReplicationProgressForMgn", newer);
        server.call("NotifyAgentReplicationProgressForMgn", older);
        assertThat(simulator.fleet().sourceServer(SOURCE).state()).isEqualTo("CONTINUOUS");
        assertThat(simulator.fleet().periodicProgressTotal()).isEqualTo(2);
        assertThat(simulator.fleet().messages()).isEmpty();
        assertNoViolations();
    }

    @Test
    void metricsAndLogsAreKept() throws Exception {
        JsonObject metric =
                new JsonObject().put("name", "cpu").put("unit", "Percent").put("value", 12.5);
        server.call(
                "SendClientMetricsForMgn",
                of(SERVER)
                        .put("sampledDateTime", "2026-11-25T08:00:00Z")
                        .put("dropped", 0)
                        .put("metrics", new JsonArray().add(metric)));
        JsonObject logged = new JsonObject()
                .put("dateTime", "2026-11-25T08:00:00Z")
                .put("level", "INFO")
                .put("logger", "x")
                .put("event", "session opened")
                .put("attributes", new JsonObject());
        server.call("SendClientLogsForMgn", of(SERVER).put("dropped", 3).put("records", new JsonArray().add(logged)));
        assertThat(simulator.fleet().metrics())
                .extracting(one -> one.getDouble("value"))
                .containsExactly(12.5);
        assertThat(simulator.fleet().logs())
                .extracting(one -> one.getString("event"))
                .containsExactly("session opened");
        assertNoViolations();
    }

    // Snapshots.

    @Test
    void aSnapshotGroupIsRegisteredOnceAndTakesACredit() throws Exception {
        assign(SERVER, true);
        JsonObject ofSource = of(SERVER).put("sourceServerId", SOURCE);
        simulator.fleet().setSnapshotCredits(SOURCE, 1);
        JsonObject start = ofSource.copy().put("snapshotGroupId", "sg-1");
        Answer started = server.call("StartSnapshotGroupForMgn", start);
        assertThat(started.body().getJsonObject("tags").fieldNames()).contains("AWSApplicationMigrationServiceManaged");
        assertThat(server.call("StartSnapshotGroupForMgn", start).body()).isEqualTo(started.body());
        assertThat(server.call("GetAgentSnapshotCreditsForMgn", ofSource).body().getInteger("credits"))
                .isZero();
        assertRefused(
                server.call("StartSnapshotGroupForMgn", ofSource.copy().put("snapshotGroupId", "sg-2")),
                ErrorCode.CONFLICT);

        JsonObject snapshot = new JsonObject()
                .put("volumeId", "vol-1")
                .put("deviceName", "/dev/sda")
                .put("snapshotId", "snap-1");
        JsonObject group =
                start.copy().put("epoch", "42").put("consistent", true).put("snapshots", new JsonArray().add(snapshot));
        for (long number : List.of(1L, 1L, 2L)) {
            assertThat(server.call(
                                    "BatchCreateVolumeSnapshotGroupForMgn",
                                    group.copy().put("event", event(number)))
                            .status())
                    .isEqualTo(200);
        }
        assertThat(simulator.fleet().snapshotGroups()).containsExactly(group);
        assertThat(simulator.fleet().announcedSnapshotGroups()).containsExactly("sg-1");
        assertRefused(
                server.call(
                        "BatchCreateVolumeSnapshotGroupForMgn",
                        group.copy().put("consistent", false).put("event", event(3))),
                ErrorCode.CONFLICT);
        assertNoViolations();
    }

    @Test
    void aRequestForASnapshotStaysUntilItIsDeletedByTheServerThatServesIt() throws Exception {
        assign(SERVER, true);
        String requestId = simulator.fleet().requestSnapshot(SOURCE);
        JsonObject deletion = of(OTHER_SERVER).put("snapshotRequestIds", new JsonArray().add(requestId));
        assertThat(server.call("BatchDeleteSnapshotRequestForMgn", deletion)
                        .body()
                        .getJsonArray("failures"))
                .hasSize(1);
        assertThat(server.call("DescribeSnapshotRequestsForMgn", of(SERVER))
                        .body()
                        .getJsonArray("requests"))
                .hasSize(1);
        for (int i = 0; i < 2; i++) {
            deletion.put("replicationServerId", SERVER);
            assertThat(server.call("BatchDeleteSnapshotRequestForMgn", deletion)
                            .body()
                            .getJsonArray("failures"))
                    .isEmpty();
        }
        assertThat(server.call("DescribeSnapshotRequestsForMgn", of(SERVER))
                        .body()
                        .getJsonArray("requests"))
                .isEmpty();
        assertNoViolations();
    }

    // Faults.

    private static final String CONNECTED = "NotifyAgentConnectedForMgn";

    @ParameterizedTest
    @EnumSource(ErrorCode.class)
    void anErrorCanBeInjectedSoManyTimes(ErrorCode error) throws Exception {
        simulator.faults().inject(Fault.error(error).on(CONNECTED).times(2).retryAfter(7));
        for (int i = 0; i < 2; i++) {
            Answer answer = server.call(CONNECTED, connected(1));
            assertRefused(answer, error);
            assertThat(answer.header("Retry-After")).isEqualTo("7");
        }
        assertThat(server.call(CONNECTED, connected(1)).status()).isEqualTo(200);
        assertThat(simulator.fleet().messagesTotal()).isEqualTo(1);
        assertThat(simulator.exchanges(CONNECTED))
                .extracting(Exchange::status)
                .containsExactly(error.status(), error.status(), 200);
        assertNoViolations();
    }

    @Test
    void aFaultHoldsForOneOperationOrAllUntilItIsCleared() throws Exception {
        simulator.faults().inject(Fault.error(ErrorCode.INTERNAL_SERVER).on(CONNECTED));
        describe(SERVER);
        assertRefused(server.call(CONNECTED, connected(1)), ErrorCode.INTERNAL_SERVER);
        simulator.faults().clear();
        assertThat(server.call(CONNECTED, connected(1)).status()).isEqualTo(200);
        simulator.faults().inject(Fault.error(ErrorCode.SERVICE_UNAVAILABLE));
        assertRefused(server.call(CONNECTED, connected(1)), ErrorCode.SERVICE_UNAVAILABLE);
        assertRefused(register(PIN), ErrorCode.SERVICE_UNAVAILABLE);
    }

    private static void assertTaken(ControlPlaneSimulator simulator, long messages) {
        await().until(() -> simulator.fleet().messagesTotal() == messages);
    }

    @Test
    void anAnswerThatHangsNeverComesAndTheRequestIsNotTaken() throws Exception {
        simulator.faults().inject(Fault.of(Fault.Kind.HANG).times(1));
        AccessKey key = simulator.accessKeys().issue(Role.REPLICATION_SERVER);
        try (ApiClient impatient = client(key, Clock.systemUTC(), Duration.ofMillis(300))) {
            assertThatThrownBy(() -> impatient.call(CONNECTED, connected(1))).isInstanceOf(HttpTimeoutException.class);
        }
        assertTaken(simulator, 0);
    }

    @Test
    void anAnswerThatIsDelayedComesLate() throws Exception {
        simulator.faults().inject(Fault.delay(Duration.ofMillis(300)).times(1));
        long began = System.nanoTime();
        assertThat(server.call(CONNECTED, connected(1)).status()).isEqualTo(200);
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofMillis(290));
    }

    @Test
    void aResetConnectionIsResetAndTheRequestIsNotTaken() {
        simulator.faults().inject(Fault.of(Fault.Kind.RESET).times(1));
        assertThatIOException()
                .isThrownBy(() -> server.call(CONNECTED, connected(1)))
                .havingRootCause()
                .withMessage("Connection reset");
        assertTaken(simulator, 0);
    }

    @ParameterizedTest
    @EnumSource(
            value = Fault.Kind.class,
            names = {"LOSE_ANSWER", "TRUNCATE_ANSWER"})
    void aRequestWhoseAnswerIsLostOrCutIsTaken(Fault.Kind kind) throws Exception {
        simulator.faults().inject(Fault.of(kind).times(1));
        assertThatIOException().isThrownBy(() -> server.call(CONNECTED, connected(1)));
        assertTaken(simulator, 1);
        assertThat(server.call(CONNECTED, connected(1)).status()).isEqualTo(200);
        assertTaken(simulator, 1);
        assertThat(simulator.exchanges(CONNECTED)).extracting(Exchange::fault).containsExactly(kind, null);
    }

    @Test
    void aGarbledAnswerIsNoJson() throws Exception {
        simulator.faults().inject(Fault.of(Fault.Kind.GARBLE_ANSWER).times(1));
        Answer answer = server.call(CONNECTED, connected(1));
        assertThat(answer.header("Content-Type")).isEqualTo("text/html");
        assertTaken(simulator, 1);
    }

    @Test
    void aControlPlaneThatIsDownRefusesConnectionsAndForgetsNothing() throws Exception {
        String commandId = simulator.fleet().issue(SERVER, "DRAIN_SERVER", null);
        simulator.goDown();
        assertThatThrownBy(() -> poll(SERVER, 0)).isInstanceOf(ConnectException.class);
        simulator.comeUp();
        assertThat(poll(SERVER, 0)).containsExactly(commandId);
    }
}
