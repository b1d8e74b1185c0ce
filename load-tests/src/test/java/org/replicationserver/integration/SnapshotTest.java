package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.controlplane.Ec2Proxy;
import org.replicationserver.controlplane.Ec2Proxy.Fault;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.Irregularity;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.ServerProcess;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Snapshot;

/** The whole way: an agent, a server in a process of its own on block devices, a control plane that wants snapshots, and an EC2. */
@Tag("long")
@Timeout(300)
final class SnapshotTest {
    private static final String SERVER = "i-0123456789abcdef0";
    private static final String SOURCE = "s-1";
    private static final int DISK_BYTES = 8 << 20;
    private static final int DISKS = 2;
    private static final Duration PATIENCE = ControlPlaneWorld.PATIENCE;

    @TempDir
    Path directory;

    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final List<String> volumeIds = new ArrayList<>();
    private ControlPlaneWorld world;
    private Ec2Client ec2;
    private Ec2Proxy proxy;
    private ServerProcess server;

    @BeforeEach
    void begin() throws Exception {
        MotoServer moto = MotoServer.start();
        parts.push(moto);
        world = new ControlPlaneWorld(directory);
        parts.push(world);
        proxy = Ec2Proxy.start(moto.endpoint(), directory.resolve("control-plane"));
        parts.push(proxy);
        ec2 = moto.client(world.simulator().region());
        parts.push(ec2);
        server = world.server(SERVER)
                .jvm("-D" + SdkCallFile.FILE + "=" + calls())
                .set("control.poll-wait-seconds=1")
                .set("snapshot.endpoint=" + proxy.endpoint())
                .set("snapshot.requests-interval-seconds=1")
                .set("snapshot.completion-interval-seconds=1")
                .start();
        parts.push(server);
        replicate();
    }

    @AfterEach
    void end() throws Exception {
        while (!parts.isEmpty()) {
            parts.pop().close();
        }
    }

    private Path calls() {
        return directory.resolve("sdk-calls");
    }

    private Fleet fleet() {
        return world.simulator().fleet();
    }

    /** Brings a source server of some disks to CONTINUOUS, on volumes that EC2 knows. */
    private void replicate() throws Exception {
        List<SourceDisk> disks = new ArrayList<>();
        List<VolumeTarget> targets = new ArrayList<>();
        for (int i = 0; i < DISKS; i++) {
            String deviceName = "/dev/sd" + (char) ('a' + i);
            Path disk = Files.write(directory.resolve("disk-" + i), Images.random(i, DISK_BYTES));
            disks.add(new SourceDisk(deviceName, disk));
            String id = MotoServer.createVolume(ec2, world.simulator().region());
            volumeIds.add(id);
            targets.add(new VolumeTarget(deviceName, id, attach(i).toString(), false));
        }
        AgentOptions options = world.agent(SOURCE, disks.toArray(SourceDisk[]::new))
                .withQuietSource(true)
                .withCycles(AgentOptions.ENDLESS, Duration.ofMillis(500));
        ReplicationAgent agent = ReplicationAgent.start(options, event -> {});
        parts.push(() -> {
            agent.stop();
            agent.awaitEnd(PATIENCE);
        });
        Awaitility.await("the registration")
                .atMost(PATIENCE)
                .until(() -> fleet().sourceServers().stream()
                        .anyMatch(known -> known.sourceServerId().equals(SOURCE)));
        fleet().assign(SOURCE, SERVER, targets);
        Awaitility.await("CONTINUOUS").atMost(PATIENCE).until(() -> state().equals("CONTINUOUS"));
    }

    private Path attach(int number) throws Exception {
        Path backing = directory.resolve("backing-" + number);
        Files.write(backing, new byte[DISK_BYTES]);
        Commands.Result attached = Commands.run(List.of("losetup", "--find", "--show", backing.toString()));
        assumeTrue(attached.exitCode() == 0, "skipped: no loop device to be had: " + attached.output());
        String device = attached.output().strip();
        parts.push(() -> Commands.runSuccessfully("losetup", "--detach", device));
        return Path.of(device);
    }

    private String state() {
        return fleet().sourceServer(SOURCE).state();
    }

    private JsonObject info() {
        return Objects.requireNonNull(fleet().sourceServer(SOURCE).info());
    }

    private JsonObject snapshotByCommand() {
        String commandId = fleet().issue(SERVER, "CREATE_SNAPSHOT", SOURCE);
        Awaitility.await(commandId)
                .atMost(PATIENCE)
                .until(() -> !fleet().command(commandId).status().isEmpty());
        return Objects.requireNonNull(fleet().command(commandId).result());
    }

    private List<Snapshot> snapshotsOf(String volumeId) {
        return MotoServer.snapshotsOf(ec2, volumeId);
    }

    private void assertThatOnlyTheGrantedActionsWereUsed() throws Exception {
        List<String> lines = Files.readAllLines(calls());
        assertThat(lines)
                .isNotEmpty()
                .allMatch(line -> line.startsWith("Ec2 DescribeSnapshots")
                        || (line.startsWith("Ec2 CreateSnapshot ")
                                && line.contains("AWSApplicationMigrationServiceManaged")));
    }

    @Test
    void snapshotsThatAreWantedAreMadeOfOneEpochRegisteredAndFollowedWhileReplicationGoesOn() throws Exception {
        JsonObject result = snapshotByCommand();

        assertThat(result.getString("status")).as(result.encode()).isEqualTo("SUCCEEDED");
        JsonObject output = result.getJsonObject("output");
        for (String volumeId : volumeIds) {
            assertThat(snapshotsOf(volumeId)).singleElement().satisfies(snapshot -> {
                assertThat(output.getJsonArray("snapshotIds")).contains(snapshot.snapshotId());
                assertThat(snapshot.tags())
                        .extracting(tag -> tag.key() + "=" + tag.value())
                        .contains(
                                "AWSApplicationMigrationServiceManaged=mgn",
                                "AWSApplicationMigrationServiceSourceServerID=" + SOURCE,
                                "ReplicationSnapshotGroupId=" + output.getString("snapshotGroupId"));
            });
        }
        Awaitility.await("the registration")
                .atMost(PATIENCE)
                .until(() -> fleet().snapshotGroups().size() == 1);
        JsonObject group = fleet().snapshotGroups().getFirst();
        assertThat(group.getBoolean("consistent")).isTrue();
        assertThat(group.getJsonArray("snapshots")).hasSize(DISKS);
        Awaitility.await("completion").atMost(PATIENCE).until(() -> info().containsKey("lastSnapshotDateTime"));
        Awaitility.await("CONTINUOUS again").atMost(PATIENCE).until(() -> state().equals("CONTINUOUS"));
        assertThat(fleet().sourceServer(SOURCE).stateChanges())
                .extracting(change -> change.previousState() + " " + change.state())
                .containsSubsequence("CONTINUOUS CREATING_SNAPSHOT", "CREATING_SNAPSHOT CONTINUOUS");

        String requestId = fleet().requestSnapshot(SOURCE);
        Awaitility.await("the group of the request")
                .atMost(PATIENCE)
                .until(() -> fleet().snapshotGroups().size() == 2);
        Awaitility.await("its clearing")
                .atMost(PATIENCE)
                .until(() -> !fleet().snapshotRequests().contains(requestId));
        assertThatOnlyTheGrantedActionsWereUsed();
        assertThat(world.simulator().violations()).isEmpty();
        assertThat(fleet().irregularities()).isEmpty();
    }

    @Test
    void groupThatIsCutShortByAKillIsToldWithWhatIsLeftOverAndTheCommandIsNotCarriedOutTwice() throws Exception {
        String hanging = volumeIds.get(1);
        proxy.fail("CreateSnapshot", hanging, Fault.delay(60_000));
        String commandId = fleet().issue(SERVER, "CREATE_SNAPSHOT", SOURCE);
        Awaitility.await("the requests")
                .atMost(PATIENCE)
                .until(() -> Stream.of(volumeIds.get(0), hanging)
                        .allMatch(id -> snapshotsOf(id).size() == 1));

        server.sigkill();
        server.restart();

        Awaitility.await(commandId)
                .atMost(PATIENCE)
                .until(() -> !fleet().command(commandId).status().isEmpty());
        JsonObject result = Objects.requireNonNull(fleet().command(commandId).result());
        assertThat(result.getString("status")).isEqualTo("FAILED");
        assertThat(result.getString("message")).startsWith("INTERRUPTED: ");
        Awaitility.await("the error").atMost(PATIENCE).until(() -> {
            String sentence = info().getJsonObject("dataReplicationError", new JsonObject())
                    .encode();
            return sentence.contains("SNAPSHOTS_FAILURE")
                    && volumeIds.stream()
                            .allMatch(id ->
                                    sentence.contains(snapshotsOf(id).getFirst().snapshotId()));
        });
        assertThat(fleet().snapshotGroups()).isEmpty();

        assertThat(snapshotByCommand().getString("status")).isEqualTo("SUCCEEDED");
        Awaitility.await("the end of the error")
                .atMost(PATIENCE)
                .until(() -> !info().containsKey("dataReplicationError"));
        assertThatOnlyTheGrantedActionsWereUsed();
        assertThat(world.simulator().violations()).isEmpty();
        assertThat(fleet().irregularities())
                .as("a server that was killed may tell the newest again")
                .extracting(Irregularity::kind)
                .isSubsetOf(Irregularity.Kind.BACK);
    }

    @Test
    void ec2ThatIsAwayIsToldWithItsAddressAndReplicationGoesOn() throws Exception {
        long before = committedEpoch();
        String endpoint = proxy.endpoint().toString();
        proxy.close();

        JsonObject result = snapshotByCommand();

        assertThat(result.getString("status")).isEqualTo("FAILED");
        assertThat(result.getString("message")).startsWith("EC2_UNREACHABLE: ").contains(endpoint);
        Awaitility.await("further epochs").atMost(PATIENCE).until(() -> committedEpoch() > before + 1);
        assertThat(state()).isEqualTo("CONTINUOUS");
    }

    private long committedEpoch() {
        JsonObject record = fleet().sourceServer(SOURCE).record();
        return record == null ? 0 : Long.parseLong(record.getString("committedEpoch"));
    }
}
