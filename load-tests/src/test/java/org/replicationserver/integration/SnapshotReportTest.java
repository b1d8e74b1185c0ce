package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.controlplane.Fault;
import org.replicationserver.controlplane.Fault.Kind;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.SourceDisk;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.LoopDevice;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;

/** What the control plane wants of snapshots, and is told of them, by a server that runs. */
@Timeout(120)
final class SnapshotReportTest {
    private static final String SERVER = "i-0123456789abcdef0";
    private static final String SOURCE = "s-1";
    private static final int DISK_BYTES = 1 << 20;
    private static final String EBS_VOLUME = "vol-0123456789abcdef0";

    /** Where nobody listens. */
    private static final String EC2_NOBODY = "https://127.0.0.1:1";

    private static final String REGISTER = "BatchCreateVolumeSnapshotGroupForMgn";
    private static final Duration PATIENCE = ControlPlaneWorld.PATIENCE;

    @TempDir
    Path directory;

    private ControlPlaneWorld world;

    @BeforeEach
    void begin() throws Exception {
        world = new ControlPlaneWorld(directory);
    }

    @AfterEach
    void end() {
        world.close();
    }

    private Fleet fleet() {
        return world.simulator().fleet();
    }

    private InProcessServer server() throws Exception {
        return server(TestDevices.inMemory());
    }

    private InProcessServer server(DeviceOpener devices) throws Exception {
        InProcessServer server = world.serverHere(
                SERVER,
                Explanations.SETTINGS,
                devices,
                "control.poll-wait-seconds=1",
                "snapshot.requests-interval-seconds=1",
                "snapshot.endpoint=" + EC2_NOBODY);
        fleet().registerAgent(SOURCE, "sha256:" + "a".repeat(64), List.of(new SourceDisk("/dev/sda", DISK_BYTES)));
        Awaitility.await("the introduction")
                .atMost(PATIENCE)
                .until(() -> fleet().replicationServer(SERVER).self() != null);
        return server;
    }

    private void assign(String volumeId, String path) {
        String commandId = fleet().assign(SOURCE, SERVER, List.of(new VolumeTarget("/dev/sda", volumeId, path, true)));
        assertThat(resultOf(commandId).getString("status")).isEqualTo("SUCCEEDED");
    }

    private JsonObject resultOf(String commandId) {
        Awaitility.await(commandId)
                .atMost(PATIENCE)
                .until(() -> !fleet().command(commandId).status().isEmpty());
        return Objects.requireNonNull(fleet().command(commandId).result());
    }

    private void assertThatNothingWasOutOfOrder() {
        assertThat(world.simulator().violations()).isEmpty();
        assertThat(fleet().irregularities()).isEmpty();
    }

    @Test
    void groupThatCannotBeMadeIsToldWithWordsAndTheStateStaysAsItIs() throws Exception {
        try (InProcessServer server = server()) {
            assign("vol-1", world.images().resolve("vol-1.img").toString());
            String state = fleet().sourceServer(SOURCE).state();

            JsonObject result = resultOf(fleet().issue(SERVER, "CREATE_SNAPSHOT", SOURCE));

            assertThat(result.getString("status")).isEqualTo("FAILED");
            assertThat(result.getString("message"))
                    .startsWith("NOT_ON_EBS: volume vol-1 of disk /dev/sda is no EBS volume: it is the file ")
                    .endsWith("Assign attached EBS volumes by their ids; only they have EBS snapshots.");
            JsonObject told = Awaitility.await("the explanation")
                    .atMost(PATIENCE)
                    .until(() -> Explanations.await(server, "SNAPSHOTS_FAILURE"), Objects::nonNull);
            assertThat(told.getString("sentence")).startsWith("once, since ").contains("is no EBS volume");
            assertThat(server.info(SOURCE).getString("dataReplicationState")).isEqualTo(state);
            assertThat(server.count("replication_snapshot_groups", "outcome", "NOT_ON_EBS"))
                    .isEqualTo(1);
            assertThat(fleet().announcedSnapshotGroups())
                    .as("it has cost no credit")
                    .isEmpty();
            assertThatNothingWasOutOfOrder();
        }
    }

    private ReplicationAgent replicateAnother(String sourceServerId) throws Exception {
        Path disk = Files.write(directory.resolve("disk.img"), Images.random(1, DISK_BYTES));
        AgentOptions options = world.agent(sourceServerId, new org.replicationserver.agent.SourceDisk("/dev/sda", disk))
                .withQuietSource(true)
                .withCycles(AgentOptions.ENDLESS, Duration.ofMillis(200));
        ReplicationAgent agent = ReplicationAgent.start(options, event -> {});
        Awaitility.await("the registration")
                .atMost(PATIENCE)
                .until(() -> fleet().sourceServers().stream()
                        .anyMatch(known -> known.sourceServerId().equals(sourceServerId)));
        fleet().assign(sourceServerId, SERVER, List.of(new VolumeTarget("/dev/sda", "vol-2", null, true)));
        Awaitility.await("CONTINUOUS")
                .atMost(PATIENCE)
                .until(() -> fleet().sourceServer(sourceServerId).state().equals("CONTINUOUS"));
        return agent;
    }

    private long committedEpoch(String sourceServerId) {
        JsonObject record = fleet().sourceServer(sourceServerId).record();
        return record == null ? 0 : Long.parseLong(record.getString("committedEpoch"));
    }

    private JsonObject snapshotByCommand() {
        return resultOf(fleet().issue(SERVER, "CREATE_SNAPSHOT", SOURCE));
    }

    /** Needs root and loop devices. */
    @Test
    void volumeWhoseDeviceCannotBeOpenedCostsNoCreditIsTheReasonAndDisturbsNoOtherSourceServer() throws Exception {
        Path backing = Files.write(directory.resolve("backing.img"), new byte[DISK_BYTES / 2]);
        try (LoopDevice device = LoopDevice.attach(backing, 512);
                InProcessServer server = server(spec -> LinuxBlockDevice.open(spec.path(), spec.openOptions()))) {
            ReplicationAgent other = replicateAnother("s-2");
            try {
                assign(EBS_VOLUME, device.path().toString());

                JsonObject result = snapshotByCommand();

                assertThat(result.getString("status")).isEqualTo("FAILED");
                assertThat(result.getString("message"))
                        .startsWith("NOT_HELD: volume " + EBS_VOLUME + " of disk /dev/sda is not open: ")
                        .contains("deviceSizeBytes=" + DISK_BYTES / 2 + " assignedSizeBytes=" + DISK_BYTES)
                        .endsWith("Attach or repair it, look at ./run volume list, and ask again when it is open.");
                assertThat(server.count("replication_snapshot_groups", "outcome", "NOT_HELD"))
                        .isEqualTo(1);
                assertThat(fleet().announcedSnapshotGroups()).isEmpty();
                assertThat(Explanations.codes(server.info("s-2"))).isEmpty();
                long epoch = committedEpoch("s-2");
                Awaitility.await("further epochs").atMost(PATIENCE).until(() -> committedEpoch("s-2") > epoch + 1);
                assertThat(fleet().sourceServer("s-2").state()).isEqualTo("CONTINUOUS");

                Files.write(backing, new byte[DISK_BYTES / 2], StandardOpenOption.APPEND);
                Commands.runSuccessfully(
                        "losetup", "--set-capacity", device.path().toString());
                JsonObject reopen = new JsonObject()
                        .put("type", "REOPEN_VOLUME")
                        .put("parameters", new JsonObject().put("volumeId", EBS_VOLUME));
                assertThat(resultOf(fleet().issue(SERVER, reopen)).getString("status"))
                        .isEqualTo("SUCCEEDED");
                assertThat(snapshotByCommand().getString("message"))
                        .as("once it is open, EC2 is asked")
                        .startsWith("EC2_UNREACHABLE: EC2 at " + EC2_NOBODY);
                assertThatNothingWasOutOfOrder();
            } finally {
                other.stop();
                other.awaitEnd(PATIENCE);
            }
        }
    }

    @Test
    void requestWithoutACreditStaysAndIsNoFailure() throws Exception {
        try (InProcessServer server = server()) {
            assign(EBS_VOLUME, "/dev/nvme9n1");
            fleet().setSnapshotCredits(SOURCE, 0);

            String requestId = fleet().requestSnapshot(SOURCE);

            Awaitility.await("the refusal")
                    .atMost(PATIENCE)
                    .until(() -> server.count("replication_snapshot_groups", "outcome", "NO_CREDIT") >= 1);
            assertThat(fleet().snapshotRequests()).containsExactly(requestId);
            assertThat(Explanations.codes(server.info(SOURCE))).doesNotContain("SNAPSHOTS_FAILURE");
            assertThatNothingWasOutOfOrder();
        }
    }

    /** As a process leaves it that is killed between the last answer of EC2 and the outbox. */
    private JsonObject leaveMadeGroup(String trigger, String triggerId) throws Exception {
        JsonObject snapshot = new JsonObject()
                .put("volumeId", EBS_VOLUME)
                .put("deviceName", "/dev/sda")
                .put("snapshotId", "snap-0123456789abcdef0");
        JsonObject group = new JsonObject()
                .put("groupId", "sg-1")
                .put("sourceServerId", SOURCE)
                .put(
                        "triggers",
                        new JsonArray()
                                .add(new JsonObject().put("kind", trigger).put("id", triggerId)))
                .put("phase", "MADE")
                .put("begunMillis", System.currentTimeMillis())
                .put("epoch", 43L)
                .put("markMillis", 1L)
                .put("takenMillis", 2L)
                .put("snapshots", new JsonArray().add(snapshot));
        Path control =
                Files.createDirectories(ServerProcess.stateDirectory(directory).resolve("control"));
        Files.writeString(
                control.resolve("snapshots.json"),
                new JsonObject().put("groups", new JsonArray().add(group)).encode());
        return snapshot;
    }

    @Test
    void groupThatAKilledServerHasMadeIsRegisteredByTheNextAlthoughAnswersAreLost() throws Exception {
        JsonObject snapshot = leaveMadeGroup("REQUEST", "sr-1");
        fleet().registerAgent(SOURCE, "sha256:" + "a".repeat(64), List.of(new SourceDisk("/dev/sda", DISK_BYTES)));
        assertThat(fleet().requestSnapshot(SOURCE)).isEqualTo("sr-1");
        world.simulator()
                .faults()
                .inject(Fault.of(Kind.LOSE_ANSWER).on(REGISTER).times(2));
        try (InProcessServer _ = server()) {
            Awaitility.await("the registration, three times")
                    .atMost(PATIENCE)
                    .until(() -> world.simulator().exchanges(REGISTER).size() >= 3);
            assertThat(fleet().snapshotGroups())
                    .containsExactly(new JsonObject()
                            .put("replicationServerId", SERVER)
                            .put("snapshotGroupId", "sg-1")
                            .put("sourceServerId", SOURCE)
                            .put("epoch", "43")
                            .put("consistent", true)
                            .put("snapshots", new JsonArray().add(snapshot)));

            assign(EBS_VOLUME, "/dev/nvme9n1");
            Awaitility.await("its request is cleared, and none is made for it again")
                    .atMost(PATIENCE)
                    .until(() -> fleet().snapshotRequests().isEmpty());
            assertThat(fleet().announcedSnapshotGroups()).isEmpty();
            assertThat(world.simulator().violations()).isEmpty();
        }
    }
}
