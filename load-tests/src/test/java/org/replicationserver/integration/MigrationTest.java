package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentIdentity;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.ServerAddress;
import org.replicationserver.agent.ServerPins;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.controlplane.ControlPlaneSimulator;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.SourceServerView;
import org.replicationserver.controlplane.StateChange;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.harness.ServerProcess;

/** Whole migrations through a control plane: real servers in processes of their own, a real agent, real HTTPS. */
final class MigrationTest {
    private static final String SOURCE = "s-0123456789abcdef0";
    private static final String FIRST = "i-0123456789abcdef0";
    private static final int DISK_BYTES = 24 * 1024 * 1024;
    private static final Duration PATIENCE = ControlPlaneWorld.PATIENCE;

    @TempDir
    Path directory;

    private ControlPlaneWorld world;
    private Path disk;

    @BeforeEach
    void begin() throws Exception {
        world = new ControlPlaneWorld(directory);
        disk = directory.resolve("disk.img");
        fillDisk(1, DISK_BYTES);
    }

    private void fillDisk(long seed, long sizeBytes) throws IOException {
        byte[] part = new byte[1024 * 1024];
        Random random = new Random(seed);
        try (OutputStream out = Files.newOutputStream(disk)) {
            for (long at = 0; at < sizeBytes; at += part.length) {
                random.nextBytes(part);
                out.write(part);
            }
        }
    }

    @AfterEach
    void end() {
        world.close();
    }

    private ControlPlaneSimulator simulator() {
        return world.simulator();
    }

    private AgentOptions agent() {
        return world.agent(SOURCE, new SourceDisk("/dev/sda", disk))
                .withQuietSource(true)
                .withCycles(AgentOptions.ENDLESS, Duration.ofMillis(500));
    }

    private SourceServerView source() {
        return simulator().fleet().sourceServer(SOURCE);
    }

    private JsonObject info() {
        return Objects.requireNonNull(source().info());
    }

    private void awaitServer(String id) {
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> simulator().fleet().replicationServers().stream()
                        .anyMatch(server -> server.replicationServerId().equals(id) && server.self() != null));
    }

    private void awaitState(String state) {
        Awaitility.await().atMost(PATIENCE).until(() -> source().state().equals(state));
    }

    private void pair(String server) {
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> simulator().fleet().sourceServers().stream()
                        .anyMatch(known -> known.sourceServerId().equals(SOURCE)));
        simulator().fleet().assign(SOURCE, server, List.of(new VolumeTarget("/dev/sda", "vol-0a1b", null, true)));
    }

    private void assertThatNothingWasOutOfOrder() {
        assertThat(simulator().violations()).isEmpty();
        assertThat(simulator().fleet().irregularities()).isEmpty();
    }

    private String awaitResult(String commandId) {
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> !simulator().fleet().command(commandId).status().isEmpty());
        return simulator().fleet().command(commandId).status();
    }

    private String command(String type) {
        return awaitResult(simulator().fleet().issue(FIRST, type, SOURCE));
    }

    private List<String> states() {
        return source().stateChanges().stream().map(StateChange::state).toList();
    }

    private void assertReplicaIdentical() throws IOException {
        assertThat(Files.mismatch(disk, world.images().resolve("vol-0a1b.img"))).isEqualTo(-1);
    }

    @Test
    void initialSyncIsToldFromPairingToContinuous() throws Exception {
        try (ServerProcess _ = world.server(FIRST).start()) {
            awaitServer(FIRST);
            ReplicationAgent agent = ReplicationAgent.start(agent(), event -> {});
            try {
                pair(FIRST);
                awaitState("CONTINUOUS");
                assertThat(source().stateChanges())
                        .extracting(StateChange::state)
                        .containsSubsequence("INITIATING", "INITIAL_SYNC", "CONTINUOUS");
                JsonObject info = info();
                JsonObject told = info.getJsonArray("replicatedDisks").getJsonObject(0);
                assertThat(told.getString("deviceName")).isEqualTo("/dev/sda");
                assertThat(told.getLong("totalStorageBytes")).isEqualTo(DISK_BYTES);
                assertThat(told.getLong("replicatedStorageBytes")).isEqualTo(DISK_BYTES);
                assertThat(info.getString("replicatorId")).isEqualTo(FIRST);
                assertReplicaIdentical();
                assertThatNothingWasOutOfOrder();
            } finally {
                agent.stop();
                agent.awaitEnd(PATIENCE);
            }
        }
    }

    @Test
    void pausedReplicationGoesOnWhereItWas() throws Exception {
        try (ServerProcess _ = world.server(FIRST).start()) {
            awaitServer(FIRST);
            ReplicationAgent agent = ReplicationAgent.start(agent(), event -> {});
            try {
                pair(FIRST);
                awaitState("CONTINUOUS");
                assertThat(command("PAUSE_REPLICATION")).isEqualTo("SUCCEEDED");
                awaitState("PAUSED");
                change(4096);
                assertThat(command("RESUME_REPLICATION")).isEqualTo("SUCCEEDED");
                awaitState("CONTINUOUS");
                Awaitility.await().atMost(PATIENCE).untilAsserted(this::assertReplicaIdentical);
                assertThat(command("STOP_REPLICATION")).isEqualTo("SUCCEEDED");
                awaitState("STOPPED");
                assertThat(agent.report().rawBytesSent()).as("the disk once").isLessThan(2L * DISK_BYTES);
                assertThat(states()).doesNotContain("RESCAN", "STALLED");
                assertThatNothingWasOutOfOrder();
            } finally {
                agent.stop();
                agent.awaitEnd(PATIENCE);
            }
        }
    }

    @Test
    void commandsThatCannotBeDoneAreAnsweredWithTheReason() throws Exception {
        try (ServerProcess _ = world.server(FIRST).start()) {
            awaitServer(FIRST);
            Fleet fleet = simulator().fleet();
            String unknown = fleet.issueUnchecked(
                    FIRST, new JsonObject().put("commandId", "c-unknown").put("type", "MAKE_COFFEE"));
            assertThat(awaitResult(unknown)).isEqualTo("INVALID");
            assertThat(message(unknown)).contains("MAKE_COFFEE").contains("PAIR_SOURCE_SERVER");
            String malformed = fleet.issueUnchecked(
                    FIRST,
                    new JsonObject()
                            .put("commandId", "c-malformed")
                            .put("type", "REOPEN_VOLUME")
                            .put("parameters", new JsonObject().put("volumeId", 7)));
            assertThat(awaitResult(malformed)).isEqualTo("INVALID");
            assertThat(message(malformed)).contains("volumeId");
            fleet.registerAgent(
                    SOURCE,
                    "sha256:" + "a".repeat(64),
                    List.of(new org.replicationserver.controlplane.SourceDisk("/dev/sda", DISK_BYTES)));
            assertThat(command("PAUSE_REPLICATION")).as("not assigned here").isEqualTo("INVALID");
            assertThat(command("CREATE_SNAPSHOT")).as("nor is this").isEqualTo("INVALID");
            assertThat(command("VERIFY_VOLUMES")).isEqualTo("NOT_SUPPORTED");
            assertThatNothingWasOutOfOrder();
        }
    }

    private String message(String commandId) {
        return Objects.requireNonNull(simulator().fleet().command(commandId).result())
                .getString("message");
    }

    @Test
    void controlPlaneThatIsAwayForTheWholeInitialSyncHearsAllOfItInOrder() throws Exception {
        String pin = AgentIdentity.loadOrCreate(directory.resolve("agent"), SOURCE)
                .pin()
                .toString();
        try (ServerProcess server = world.server(FIRST).start()) {
            awaitServer(FIRST);
            simulator()
                    .fleet()
                    .registerAgent(
                            SOURCE,
                            pin,
                            List.of(new org.replicationserver.controlplane.SourceDisk("/dev/sda", DISK_BYTES)));
            pair(FIRST);
            Awaitility.await().atMost(PATIENCE).until(() -> source().paired());
            simulator().goDown();
            long messagesBefore = simulator().fleet().messagesTotal();
            AgentOptions options = AgentOptions.of(
                            List.of(new SourceDisk("/dev/sda", disk)),
                            new ServerAddress("127.0.0.1", server.endpoint().port()),
                            ServerPins.of(server.endpoint().pin()),
                            SOURCE,
                            directory.resolve("agent"))
                    .withQuietSource(true)
                    .withCycles(3, Duration.ofMillis(100));
            ReplicationAgent agent = ReplicationAgent.start(options, event -> {});
            assertThat(Objects.requireNonNull(agent.awaitEnd(PATIENCE)).text()).isNotNull();
            assertReplicaIdentical();
            assertThat(simulator().fleet().messagesTotal()).isEqualTo(messagesBefore);

            server.sigkill();
            server.restart();
            simulator().comeUp();
            Awaitility.await().atMost(PATIENCE).until(() -> states().contains("CONTINUOUS"));
            Awaitility.await()
                    .atMost(PATIENCE)
                    .until(() -> source().record() != null
                            && Objects.requireNonNull(source().record())
                                    .getString("committedEpoch")
                                    .equals("4"));
            assertThat(states()).containsSubsequence("INITIAL_SYNC", "CONTINUOUS");
            List<Instant> observed = source().stateChanges().stream()
                    .map(StateChange::observedAt)
                    .toList();
            assertThat(observed).isSorted();
            assertThatNothingWasOutOfOrder();
        }
    }

    private void change(int at) throws IOException {
        try (FileChannel channel = FileChannel.open(disk, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap("changed".getBytes(StandardCharsets.UTF_8)), at);
        }
    }

    // --- replacement of the server

    private static final String SECOND = "i-0fedcba9876543210";
    private static final int LARGE_BYTES = 160 * 1024 * 1024;

    /** What may be under way, and so be sent again: 8 MiB on each of five streams. */
    private static final long WINDOW_BYTES = 5L * 8 * 1024 * 1024;

    private interface End {
        void of(ServerProcess server) throws Exception;
    }

    private void replaceInTheMiddle(End end) throws Exception {
        fillDisk(2, LARGE_BYTES);
        try (ServerProcess first = world.server(FIRST).start();
                ServerProcess _ = world.server(SECOND).start()) {
            awaitServer(FIRST);
            awaitServer(SECOND);
            ReplicationAgent agent = ReplicationAgent.start(agent(), event -> {});
            try {
                pair(FIRST);
                Awaitility.await()
                        .pollInterval(Duration.ofMillis(2))
                        .atMost(PATIENCE)
                        .until(() -> agent.report().durableBytes() > LARGE_BYTES / 2);
                end.of(first);
                assertThat(agent.report().durableBytes()).as("in the middle").isLessThan(LARGE_BYTES);
                simulator().fleet().move(SOURCE, SECOND);
                Awaitility.await()
                        .atMost(PATIENCE)
                        .until(() -> source().state().equals("CONTINUOUS")
                                && info().getString("replicatorId").equals(SECOND));
                Awaitility.await().atMost(PATIENCE).untilAsserted(this::assertReplicaIdentical);
                assertThat(agent.report().rawBytesSent()).isLessThanOrEqualTo(LARGE_BYTES + WINDOW_BYTES);
                assertThat(states()).doesNotContain("RESCAN");
                assertThatNothingWasOutOfOrder();
            } finally {
                agent.stop();
                agent.awaitEnd(PATIENCE);
            }
        }
    }

    @Test
    void agentCarriesOnWithAnotherServerAfterItsOwnWasKilled() throws Exception {
        replaceInTheMiddle(ServerProcess::sigkill);
    }

    @Test
    void agentCarriesOnWithAnotherServerAfterItsOwnWasDrained() throws Exception {
        replaceInTheMiddle(server -> {
            assertThat(awaitResult(simulator().fleet().issue(FIRST, "DRAIN_SERVER", null)))
                    .isEqualTo("SUCCEEDED");
            server.sigterm();
            assertThat(server.awaitEnd()).isEqualTo(143);
        });
    }
}
