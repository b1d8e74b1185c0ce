package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.controlplane.ControlPlaneSimulator;
import org.replicationserver.controlplane.SourceServerView;
import org.replicationserver.controlplane.StateChange;
import org.replicationserver.controlplane.VolumeTarget;

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
        byte[] content = new byte[DISK_BYTES];
        new Random(1).nextBytes(content);
        Files.write(disk, content);
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
}
