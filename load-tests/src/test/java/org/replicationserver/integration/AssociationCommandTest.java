package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.controlplane.ErrorCode;
import org.replicationserver.controlplane.Fault;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.SourceDisk;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.replication.ReplicationSettings;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;

/** What commands make of the associations of a server: what was refused changes nothing, and nobody waits for another's volume. */
@Timeout(180)
final class AssociationCommandTest {
    private static final String SERVER = "i-0123456789abcdef0";
    private static final int DISK_BYTES = 1 << 20;
    private static final Duration PATIENCE = ControlPlaneWorld.PATIENCE;
    private static final String DESCRIBE = "DescribeReplicationServerAssociationsForMgn";

    @TempDir
    Path directory;

    private final CountDownLatch mayOpen = new CountDownLatch(1);
    private final TestDevices devices = TestDevices.inMemory();
    private ControlPlaneWorld world;
    private InProcessServer server;

    @BeforeEach
    void begin() throws Exception {
        world = new ControlPlaneWorld(directory);
        server = start();
    }

    /** One whose volume "vol-slow" does not open until it may. */
    private InProcessServer start() throws Exception {
        DeviceOpener opener = spec -> {
            if (spec.id().value().equals("vol-slow")) {
                awaitOpening();
            }
            return devices.open(spec);
        };
        return world.serverHere(
                SERVER,
                ReplicationSettings.defaults(),
                opener,
                "control.poll-wait-seconds=1",
                "session.drain-timeout-seconds=60");
    }

    private void awaitOpening() {
        try {
            mayOpen.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @AfterEach
    void end() {
        mayOpen.countDown();
        server.close();
        world.close();
    }

    private Fleet fleet() {
        return world.simulator().fleet();
    }

    private TestSource register(String sourceServerId) throws Exception {
        Awaitility.await("the introduction")
                .atMost(PATIENCE)
                .until(() -> fleet().replicationServers().stream().anyMatch(known -> known.self() != null));
        TestSource source = TestSource.of(directory, sourceServerId, DISK_BYTES);
        fleet().registerAgent(
                        sourceServerId,
                        source.key().pin(),
                        List.of(new SourceDisk(source.volume(0).deviceName(), DISK_BYTES)));
        return source;
    }

    private String assign(TestSource source, String volumeId, @Nullable String path) {
        return fleet().assign(
                        source.sourceServerId(),
                        SERVER,
                        List.of(new VolumeTarget(source.volume(0).deviceName(), volumeId, path, true)));
    }

    /** From now on the server learns of commands only. */
    private void answerNoQuestions() {
        world.simulator()
                .faults()
                .inject(Fault.error(ErrorCode.CONFLICT).on(DESCRIBE).times(100_000));
    }

    private String resultOf(String commandId) {
        Awaitility.await(commandId)
                .atMost(PATIENCE)
                .until(() -> !fleet().command(commandId).status().isEmpty());
        return fleet().command(commandId).status() + " "
                + Objects.requireNonNull(fleet().command(commandId).result()).getString("message");
    }

    private void assertSucceeds(String commandId) {
        assertThat(resultOf(commandId)).startsWith("SUCCEEDED");
    }

    @Test
    void associationThatWasRefusedTakesNoEffectWhenItsObstacleIsGone() throws Exception {
        TestSource first = register("s-1");
        TestSource second = register("s-2");
        assertSucceeds(assign(first, "vol-1", null));
        answerNoQuestions();
        assertThat(resultOf(assign(second, "vol-1", null)))
                .startsWith("FAILED")
                .contains("volume vol-1 belongs to source server s-1");
        assertSucceeds(fleet().issue(SERVER, "UNPAIR_SOURCE_SERVER", "s-1"));
        assertThat(server.sourceServerIds()).isEmpty();
        assertSucceeds(assign(second, "vol-1", null));
        assertThat(server.sourceServerIds()).containsExactly("s-2");
    }

    @Test
    void commandAfterARefusedAssociationChangesWhatHolds() throws Exception {
        TestSource source = register("s-1");
        assertSucceeds(assign(source, "vol-1", null));
        answerNoQuestions();
        assertThat(resultOf(assign(source, "vol-2", "/etc/vol-2.img"))).contains("what was assigned before stays");
        assertSucceeds(fleet().issue(SERVER, "STOP_REPLICATION", "s-1"));
        assertThat(server.info("s-1").getString("dataReplicationState")).isEqualTo("STOPPED");
    }

    @Test
    void whatWasAssignedBeforeARefusalStaysOverARestartWithoutAControlPlane() throws Exception {
        TestSource source = register("s-1");
        assertSucceeds(assign(source, "vol-1", null));
        assertThat(resultOf(assign(source, "vol-2", "/etc/vol-2.img"))).contains("what was assigned before stays");
        world.simulator().goDown();
        server.close();
        server = start();
        Awaitility.await("what an earlier start was told")
                .atMost(PATIENCE)
                .until(() -> server.sourceServerIds().equals(List.of("s-1")));
        world.simulator().comeUp();
    }

    @Test
    void commandDoesNotWaitForTheVolumeOfAnotherSourceServer() throws Exception {
        TestSource first = register("s-1");
        TestSource second = register("s-2");
        assertSucceeds(assign(first, "vol-1", null));
        String waits = assign(second, "vol-slow", null);
        Awaitility.await("the other one")
                .atMost(PATIENCE)
                .until(() -> server.sourceServerIds().contains("s-2"));
        assertSucceeds(fleet().issue(SERVER, "PAUSE_REPLICATION", "s-1"));
        assertThat(fleet().command(waits).status()).isEmpty();
        mayOpen.countDown();
        assertSucceeds(waits);
        assertThat(server.info("s-1").getString("dataReplicationState")).isEqualTo("PAUSED");
    }

    @Test
    void agentOfASourceServerThatIsUnpairedMayFinish() throws Exception {
        TestSource source = register("s-1");
        assertSucceeds(assign(source, source.volume(0).volumeId(), null));
        try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            agent.openNextEpoch();
            String unpaired = fleet().issue(SERVER, "UNPAIR_SOURCE_SERVER", "s-1");
            agent.control().await(FrameType.GOAWAY, FrameType.PROGRESS);
            agent.sendDurably(0, 0, Images.random(1, 64 * 1024));
            agent.commit();
            assertThat(fleet().command(unpaired).status()).isEmpty();
            agent.bye();
            assertThat(resultOf(unpaired)).isEqualTo("SUCCEEDED unpaired, its volumes are closed");
        }
    }
}
