package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.replication.ReplicationSettings;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.testing.FailingDevice;
import org.replicationserver.volume.testing.MemoryDevice;
import org.replicationserver.volume.testing.SlowDevice;

/** Each trouble that a server can see is provoked, and told with its number and what to do. */
@Timeout(120)
final class ExplanationTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int DISK_BYTES = 4 << 20;
    private static final byte[] BLOCK = Images.random(1, 64 * 1024);

    /** Seconds where the product has minutes. */
    private static final ReplicationSettings SETTINGS = new ReplicationSettings(
            Duration.ofMillis(500),
            Duration.ofSeconds(2),
            Duration.ofMillis(500),
            Duration.ofSeconds(1),
            Duration.ofSeconds(2),
            Duration.ofMillis(500),
            3,
            Duration.ofMinutes(10),
            Duration.ofMillis(300),
            Duration.ofMillis(500),
            Duration.ofMillis(500),
            Duration.ofMinutes(10),
            Duration.ofMillis(300),
            Duration.ofSeconds(5),
            85,
            1 << 20);

    @TempDir
    Path directory;

    private final TestDevices devices = TestDevices.inMemory();

    private TestSource source(long... sizesBytes) throws Exception {
        return TestSource.of(directory, "s-1", sizesBytes);
    }

    private InProcessServer serverOf(TestSource source) throws Exception {
        return InProcessServer.start(directory, SETTINGS, List.of(source), devices);
    }

    private static @Nullable JsonObject explanation(InProcessServer server, String code) {
        return explanation(server.info("s-1"), code);
    }

    private static @Nullable JsonObject explanation(JsonObject info, String code) {
        JsonArray all = info.getJsonObject("detail").getJsonArray("explanations");
        for (int i = 0; i < all.size(); i++) {
            if (all.getJsonObject(i).getString("code").equals(code)) {
                return all.getJsonObject(i);
            }
        }
        return null;
    }

    /** Waits until it is told, and has a sentence and what to do. */
    private static JsonObject awaitExplanation(InProcessServer server, String code) {
        Awaitility.await()
                .atMost(PATIENCE)
                .failFast(() -> {})
                .untilAsserted(() -> assertThat(explanation(server, code))
                        .as("%s in %s", code, server.info("s-1").encode())
                        .isNotNull());
        JsonObject told = Objects.requireNonNull(explanation(server, code));
        assertThat(told.getString("sentence")).isNotBlank().doesNotContain("{");
        assertThat(told.getString("nextAction")).isNotBlank();
        return told;
    }

    private static @Nullable String error(InProcessServer server) {
        JsonObject error = server.info("s-1").getJsonObject("dataReplicationError");
        return error == null ? null : error.getString("error");
    }

    private static RawAgent sending(InProcessServer server, TestSource source) throws Exception {
        RawAgent agent = RawAgent.connect(server.endpoint(), source, 1);
        agent.openNextEpoch();
        agent.sendDurably(0, 0, BLOCK);
        return agent;
    }

    @Test
    void agentThatNeverConnectsIsTold() throws Exception {
        try (InProcessServer server = serverOf(source(DISK_BYTES))) {
            awaitExplanation(server, "AGENT_NEVER_CONNECTED");
            assertThat(error(server)).isEqualTo("FAILED_TO_CONNECT_AGENT_TO_REPLICATION_SERVER");
        }
    }

    @Test
    void agentThatIsGoneIsTold() throws Exception {
        TestSource source = source(DISK_BYTES);
        try (InProcessServer server = serverOf(source);
                RawAgent agent = sending(server, source)) {
            agent.control().cut();
            JsonObject told = awaitExplanation(server, "AGENT_NOT_SEEN");
            assertThat(told.getString("sentence")).contains("connection closed");
            assertThat(error(server)).isEqualTo("AGENT_NOT_SEEN");
            assertThat(server.info("s-1").getString("dataReplicationState")).isEqualTo("DISCONNECTED");
        }
    }

    @Test
    void sessionsThatKeepBreakingAreAnUnstableNetwork() throws Exception {
        TestSource source = source(DISK_BYTES);
        try (InProcessServer server = serverOf(source);
                NetworkProxy network = NetworkProxy.to(server.endpoint().port())) {
            Endpoint throughNetwork =
                    new Endpoint(network.port(), server.endpoint().pin());
            for (int i = 0; i < 3; i++) {
                try (RawAgent agent = RawAgent.connect(throughNetwork, source, 1)) {
                    network.cut();
                    agent.control().ended().join();
                }
            }
            JsonObject told = awaitExplanation(server, "UNSTABLE_NETWORK");
            assertThat(told.getJsonObject("facts").getLong("disconnects")).isEqualTo(3);
        }
    }

    @Test
    void strangerThatTriesIsToldByItsPin() throws Exception {
        AgentKey stranger = Identities.agent(directory, "s-1");
        try (InProcessServer server = serverOf(source(DISK_BYTES))) {
            assertThatThrownBy(() ->
                            RawConnection.open(server.endpoint(), stranger).await(FrameType.WELCOME))
                    .isInstanceOfAny(IOException.class, AssertionError.class);
            JsonObject told = awaitExplanation(server, "AGENT_PIN_UNKNOWN");
            assertThat(told.getString("sentence")).contains(stranger.pin());
            assertThat(error(server)).isEqualTo("FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT");
        }
    }

    /** As a middlebox that opens TLS looks to the agent. */
    @Test
    void peerThatRefusesOurCertificateIsTold() throws Exception {
        TestSource source = source(DISK_BYTES);
        try (InProcessServer server = serverOf(source)) {
            Pin another = Pin.parse("sha256:" + "ab".repeat(32));
            assertThatThrownBy(() ->
                            RawConnection.open(new Endpoint(server.endpoint().port(), another), source.key()))
                    .isInstanceOf(IOException.class);
            awaitExplanation(server, "SERVER_PIN_REJECTED");
            assertThat(error(server)).isEqualTo("FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT");
        }
    }

    @Test
    void sessionThatSendsNothingIsTold() throws Exception {
        TestSource source = source(DISK_BYTES);
        try (InProcessServer server = serverOf(source);
                RawAgent _ = RawAgent.connect(server.endpoint(), source, 1)) {
            awaitExplanation(server, "NO_FIRST_BYTE");
            assertThat(error(server)).isEqualTo("FAILED_TO_START_DATA_TRANSFER");
        }
    }

    @Test
    void volumeThatDoesNotAppearIsTold() throws Exception {
        TestSource source = source(DISK_BYTES);
        devices.missing(source.volume(0).volumeId());
        try (InProcessServer server = serverOf(source)) {
            JsonObject told = awaitExplanation(server, "VOLUME_MISSING");
            assertThat(told.getString("sentence"))
                    .contains(source.volume(0).volumeId())
                    .contains("ENOENT");
            assertThat(error(server)).isEqualTo("FAILED_TO_ATTACH_STAGING_DISKS");
        }
    }

    @Test
    void volumeThatFailsIsToldWithTheErrno() throws Exception {
        TestSource source = source(DISK_BYTES);
        devices.behind(source.volume(0).volumeId(), device -> new FailingDevice(device).failWrite(1, Errno.EIO));
        try (InProcessServer server = serverOf(source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            agent.openNextEpoch();
            agent.send(0, 0, BLOCK);
            assertThat(awaitExplanation(server, "VOLUME_FAILED").getString("sentence"))
                    .contains("EIO");
        }
    }

    @Test
    void diskThatIsTooSmallIsTold() throws Exception {
        try (InProcessServer server = serverOf(source(512 * 1024))) {
            awaitExplanation(server, "DISK_TOO_SMALL");
            assertThat(error(server)).isEqualTo("UNSUPPORTED_VM_CONFIGURATION");
        }
    }

    @Test
    void diskOfAnotherSizeIsTold() throws Exception {
        TestSource source = source(DISK_BYTES);
        VolumeAssignment volume = source.volume(0);
        TestSource grown = new TestSource(
                source.key(),
                List.of(new VolumeAssignment(
                        volume.volumeId(), volume.deviceName(), volume.path(), 2L * DISK_BYTES, false)),
                source.pins());
        try (InProcessServer server = serverOf(source);
                RawAgent agent = RawAgent.greet(server.endpoint(), grown, 1, null)) {
            agent.control().awaitError(ErrorCode.RANGE);
            awaitExplanation(server, "DISK_SIZE_DIFFERS");
            assertThat(error(server)).isEqualTo("UNSUPPORTED_VM_CONFIGURATION");
        }
    }

    @Test
    void deviceThatDoesNotAnswerStallsAndIsNamed() throws Exception {
        TestSource source = source(DISK_BYTES);
        SlowDevice stuck = new SlowDevice(new MemoryDevice(DISK_BYTES));
        devices.behind(source.volume(0).volumeId(), device -> stuck);
        try (InProcessServer server = serverOf(source);
                RawAgent agent = sending(server, source)) {
            stuck.holdWrites();
            agent.send(0, 0, BLOCK);
            JsonObject told = awaitExplanation(server, "STALLED");
            assertThat(server.info("s-1").getString("dataReplicationState")).isEqualTo("STALLED");
            assertThat(told.getString("sentence")).contains("volume");
            stuck.releaseWrites();
            Awaitility.await()
                    .atMost(PATIENCE)
                    .until(() -> !server.info("s-1")
                            .getString("dataReplicationState")
                            .equals("STALLED"));
        }
    }

    @Test
    void sourceThatWritesFasterThanItIsReplicatedDoesNotConverge() throws Exception {
        TestSource source = source(8L * DISK_BYTES);
        try (InProcessServer server = serverOf(source);
                RawAgent agent = RawAgent.connectReporting(server.endpoint(), source, 1)) {
            agent.openNextEpoch();
            long backlogBytes = 64 * 1024;
            JsonObject told = null;
            JsonObject error = null;
            for (long until = System.nanoTime() + PATIENCE.toNanos(); told == null && System.nanoTime() - until < 0; ) {
                agent.sendDurably(0, 0, BLOCK);
                backlogBytes = backlogBytes + 64 * 1024;
                agent.control()
                        .send(
                                FrameType.SOURCE_STATUS,
                                new SourceStatus(
                                        List.of(new SourceStatus.Volume(0, backlogBytes)),
                                        new SourceStatus.Waits(0, 0, 0)));
                JsonObject info = server.info("s-1");
                told = explanation(info, "NOT_CONVERGING");
                error = told == null ? null : info.getJsonObject("dataReplicationError");
                agent.control().poll(Duration.ofMillis(100)); // not more frames than are allowed
            }
            JsonObject facts = Objects.requireNonNull(told).getJsonObject("facts");
            assertThat(facts.getLong("arrivingBytesPerSecond")).isGreaterThan(facts.getLong("durableBytesPerSecond"));
            assertThat(Objects.requireNonNull(error).getString("error")).isEqualTo("NOT_CONVERGING");
        }
    }

    @Test
    void clonedAgentsMakeVolumesInconsistent() throws Exception {
        TestSource source = source(DISK_BYTES);
        try (InProcessServer server = serverOf(source)) {
            for (int i = 0; i < 8; i++) {
                try (RawConnection agent = RawConnection.open(server.endpoint(), source.key())) {
                    agent.send(
                            FrameType.HELLO,
                            new Hello(
                                    List.of(1),
                                    List.of(),
                                    "s-1",
                                    Integer.toString(i % 2).repeat(32),
                                    1,
                                    source.disks(),
                                    null));
                    agent.poll(Duration.ofSeconds(10));
                }
            }
            awaitExplanation(server, "DUPLICATE_AGENT");
            assertThat(server.info("s-1").getJsonObject("detail").getJsonArray("inconsistentVolumes"))
                    .contains(source.volume(0).volumeId());
        }
    }
}
