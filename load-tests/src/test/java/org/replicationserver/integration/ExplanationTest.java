package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.cert.Pin;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.Identities;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawConnection;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.testing.FailingDevice;
import org.replicationserver.volume.testing.MemoryDevice;
import org.replicationserver.volume.testing.SlowDevice;

/** Each trouble that a server can see is provoked, and told with its number and what to do. */
@Timeout(120)
final class ExplanationTest {
    private static final Duration PATIENCE = Explanations.PATIENCE;
    private static final int DISK_BYTES = 4 << 20;
    private static final byte[] BLOCK = Images.random(1, 64 * 1024);

    @TempDir
    Path directory;

    private final TestDevices devices = TestDevices.inMemory();

    private TestSource source(long... sizesBytes) throws Exception {
        return TestSource.of(directory, "s-1", sizesBytes);
    }

    private InProcessServer serverOf(TestSource source) throws Exception {
        return InProcessServer.start(directory, Explanations.SETTINGS, List.of(source), devices);
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
            Explanations.await(server, "AGENT_NEVER_CONNECTED");
            assertThat(Explanations.error(server)).isEqualTo("FAILED_TO_CONNECT_AGENT_TO_REPLICATION_SERVER");
        }
    }

    @Test
    void agentThatIsGoneIsTold() throws Exception {
        TestSource source = source(DISK_BYTES);
        try (InProcessServer server = serverOf(source);
                RawAgent agent = sending(server, source)) {
            agent.control().cut();
            JsonObject told = Explanations.await(server, "AGENT_NOT_SEEN");
            assertThat(told.getString("sentence")).contains("connection closed");
            assertThat(Explanations.error(server)).isEqualTo("AGENT_NOT_SEEN");
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
            JsonObject told = Explanations.await(server, "UNSTABLE_NETWORK");
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
            JsonObject told = Explanations.await(server, "AGENT_PIN_UNKNOWN");
            assertThat(told.getString("sentence")).contains(stranger.pin());
            assertThat(Explanations.error(server)).isEqualTo("FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT");
        }
    }

    @Test
    void agentWhoseAssociationIsNotTakenIsToldAsSuchAndNoOtherIsBlamed() throws Exception {
        AgentKey left = Identities.agent(directory, "s-2");
        Path assignments = Files.writeString(directory.resolve("two.yaml"), """
                sourceServers:
                  - sourceServerId: s-1
                    agentPins: ["sha256:%s"]
                    volumes: [{volumeId: vol-1, deviceName: /dev/sda, sizeBytes: 8388608}]
                  - sourceServerId: s-2
                    agentPins: ["%s"]
                    volumes: [{volumeId: vol-2, deviceName: /dev/sda, sizeBytes: 8388608}]
                """.formatted("ab".repeat(32), left.pin()));
        try (InProcessServer server = InProcessServer.onImages(
                        directory, List.of(), "memory.budget-bytes=2MiB", "assignments.file=" + assignments)
                .follow()) {
            Awaitility.await().until(() -> server.sourceServerIds().equals(List.of("s-1")));
            assertThat(server.status().getJsonArray("notTaken").getJsonObject(0).getString("sourceServerId"))
                    .isEqualTo("s-2");
            assertThatThrownBy(() -> RawConnection.open(server.endpoint(), left).await(FrameType.WELCOME))
                    .isInstanceOfAny(IOException.class, AssertionError.class);
            Awaitility.await().until(() -> server.count("replication_handshakes_failed") > 0);
            assertThat(Explanations.find(server, "AGENT_PIN_UNKNOWN"))
                    .as("of s-1")
                    .isNull();
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
            Explanations.await(server, "SERVER_PIN_REJECTED");
            assertThat(Explanations.error(server)).isEqualTo("FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT");
        }
    }

    @Test
    void sessionThatSendsNothingIsTold() throws Exception {
        TestSource source = source(DISK_BYTES);
        try (InProcessServer server = serverOf(source);
                RawAgent _ = RawAgent.connect(server.endpoint(), source, 1)) {
            Explanations.await(server, "NO_FIRST_BYTE");
            assertThat(Explanations.error(server)).isEqualTo("FAILED_TO_START_DATA_TRANSFER");
        }
    }

    @Test
    void volumeThatDoesNotAppearIsTold() throws Exception {
        TestSource source = source(DISK_BYTES);
        devices.missing(source.volume(0).volumeId());
        try (InProcessServer server = serverOf(source)) {
            JsonObject told = Explanations.await(server, "VOLUME_MISSING");
            assertThat(told.getString("sentence"))
                    .contains(source.volume(0).volumeId())
                    .contains("ENOENT");
            assertThat(Explanations.error(server)).isEqualTo("FAILED_TO_ATTACH_STAGING_DISKS");
        }
    }

    @Test
    void imageWhoseFolderIsMountedLaterIsOpenedByItself() throws Exception {
        TestSource source = source(DISK_BYTES);
        Path image = source.path(0);
        try (InProcessServer server = InProcessServer.onImages(directory, List.of(source))) {
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                agent.openNextEpoch();
                agent.sendDurably(0, 0, BLOCK);
                agent.bye();
            }
        }
        Path away = Files.move(image, directory.resolve("away.img"));
        try (InProcessServer server = InProcessServer.onImages(directory, List.of(source))) {
            assertThat(Explanations.await(server, "VOLUME_MISSING").getString("sentence"))
                    .contains("mount its file system");
            Files.move(away, image);
            Awaitility.await()
                    .atMost(Explanations.PATIENCE)
                    .until(() -> Explanations.find(server, "VOLUME_MISSING") == null);
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                assertThat(agent.welcome().volumes().getFirst().action()).isNotEqualTo(Welcome.Action.FAILED);
                agent.bye();
            }
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
            assertThat(Explanations.await(server, "VOLUME_FAILED").getString("sentence"))
                    .contains("EIO");
        }
    }

    @Test
    void diskThatIsTooSmallIsTold() throws Exception {
        try (InProcessServer server = serverOf(source(512 * 1024))) {
            Explanations.await(server, "DISK_TOO_SMALL");
            assertThat(Explanations.error(server)).isEqualTo("UNSUPPORTED_VM_CONFIGURATION");
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
            Explanations.await(server, "DISK_SIZE_DIFFERS");
            assertThat(Explanations.error(server)).isEqualTo("UNSUPPORTED_VM_CONFIGURATION");
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
            JsonObject told = Explanations.await(server, "STALLED");
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
                tellBacklog(agent, backlogBytes);
                JsonObject info = server.info("s-1");
                told = Explanations.find(info, "NOT_CONVERGING");
                error = told == null ? null : info.getJsonObject("dataReplicationError");
            }
            JsonObject facts = Objects.requireNonNull(told).getJsonObject("facts");
            assertThat(facts.getLong("arrivingBytesPerSecond")).isGreaterThan(facts.getLong("durableBytesPerSecond"));
            assertThat(Objects.requireNonNull(error).getString("error")).isEqualTo("NOT_CONVERGING");
        }
    }

    @Test
    void replicaThatStaysBehindIsTold() throws Exception {
        TestSource source = source(8L * DISK_BYTES);
        try (InProcessServer server = serverOf(source);
                RawAgent agent = RawAgent.connectReporting(server.endpoint(), source, 1)) {
            agent.openNextEpoch();
            agent.sendImage(0, new byte[8 * DISK_BYTES]);
            agent.commit();
            agent.openNextEpoch();
            JsonObject told = null;
            for (long until = System.nanoTime() + PATIENCE.toNanos(); told == null && System.nanoTime() - until < 0; ) {
                agent.sendDurably(0, 0, BLOCK);
                tellBacklog(agent, DISK_BYTES);
                told = Explanations.find(server, "BACKLOG");
            }
            JsonObject facts = Objects.requireNonNull(told).getJsonObject("facts");
            assertThat(facts.getLong("backloggedBytes")).isEqualTo(DISK_BYTES);
            assertThat(server.info("s-1").getString("dataReplicationState")).isEqualTo("BACKLOG");
        }
    }

    private static void tellBacklog(RawAgent agent, long bytes) throws Exception {
        agent.control()
                .send(
                        FrameType.SOURCE_STATUS,
                        new SourceStatus(List.of(new SourceStatus.Volume(0, bytes)), new SourceStatus.Waits(0, 0, 0)));
        agent.control().poll(Duration.ofMillis(100)); // not more frames than are allowed
    }

    @Test
    void agentOfAnotherProtocolVersionIsToldAsRefused() throws Exception {
        TestSource source = source(DISK_BYTES);
        try (InProcessServer server = serverOf(source);
                RawConnection agent = RawConnection.open(server.endpoint(), source.key())) {
            agent.send(
                    FrameType.HELLO,
                    new Hello(List.of(99), List.of(), "s-1", "ab".repeat(16), 1, source.disks(), null));
            agent.awaitError(ErrorCode.VERSION);
            JsonObject told = Explanations.await(server, "AGENT_REFUSED");
            assertThat(told.getString("sentence")).contains("VERSION");
            assertThat(Explanations.error(server)).isEqualTo("FAILED_TO_CONNECT_AGENT_TO_REPLICATION_SERVER");
        }
    }

    @Test
    void recordThatCannotBeReadIsTold() throws Exception {
        Path record = ServerProcess.stateDirectory(directory).resolve("sources/s-1.json");
        Files.createDirectories(record.getParent());
        Files.writeString(record, "rubbish");
        try (InProcessServer server = serverOf(source(DISK_BYTES))) {
            assertThat(Explanations.await(server, "RECORD_LOST").getString("severity"))
                    .isEqualTo("WARNING");
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
            Explanations.await(server, "DUPLICATE_AGENT");
            assertThat(server.info("s-1").getJsonObject("detail").getJsonArray("inconsistentVolumes"))
                    .contains(source.volume(0).volumeId());
        }
    }
}
