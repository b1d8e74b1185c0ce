package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.SourceDisk;
import org.replicationserver.controlplane.SourceServerView;
import org.replicationserver.controlplane.StateChange;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.replication.ReplicationSettings;

/**
 * A whole migration, step by step: after each step the control plane has been told exactly what the test reckons from what its agent
 * sent, and the same that the server's own model says.
 */
@Timeout(180)
final class MigrationReplayTest {
    private static final String SOURCE = "s-1";
    private static final String SERVER = "i-0123456789abcdef0";
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int BLOCK_BYTES = 64 * 1024;
    private static final long[] DISK_BYTES = {4 << 20, 2 << 20};

    /** Times as in production, but for what the steps must wait for. */
    private static final ReplicationSettings SETTINGS = settings();

    @TempDir
    Path directory;

    private ControlPlaneWorld world;
    private TestSource source;
    private InProcessServer server;

    private static ReplicationSettings settings() {
        ReplicationSettings defaults = ReplicationSettings.defaults();
        return new ReplicationSettings(
                defaults.stalledAfter(),
                defaults.backlogAfter(),
                Duration.ofSeconds(1),
                defaults.rateWindowShort(),
                defaults.rateWindowLong(),
                defaults.rateObservedMin(),
                defaults.unstableDisconnects(),
                defaults.unstableWindow(),
                defaults.volumeMissingAfter(),
                defaults.connectAfter(),
                defaults.firstByteAfter(),
                defaults.refusalKept(),
                defaults.controlPlaneAfter(),
                defaults.agentWaitsKept(),
                defaults.saturatedPercent(),
                defaults.diskBytesMin());
    }

    @BeforeEach
    void begin() throws Exception {
        world = new ControlPlaneWorld(directory);
        source = TestSource.of(directory, SOURCE, DISK_BYTES);
        server = world.serverHere(SERVER, SETTINGS, TestDevices.inMemory());
    }

    @AfterEach
    void end() {
        server.close();
        world.close();
    }

    /** Bytes of each disk, in their order. */
    private record Bytes(long first, long second) {
        static final Bytes NONE = new Bytes(0, 0);
        static final Bytes ALL = new Bytes(DISK_BYTES[0], DISK_BYTES[1]);
    }

    /** What the test reckons; {@code notSucceeded} is the first step that is not done. */
    private record Reckoned(
            String state, Bytes replicated, Bytes rescanned, Bytes backlogged, String notSucceeded, String error) {
        static Reckoned of(String state, Bytes replicated) {
            return new Reckoned(state, replicated, Bytes.NONE, Bytes.NONE, "", "");
        }

        Reckoned withRescanned(Bytes bytes) {
            return new Reckoned(state, replicated, bytes, backlogged, notSucceeded, error);
        }

        Reckoned withBacklogged(Bytes bytes) {
            return new Reckoned(state, replicated, rescanned, bytes, notSucceeded, error);
        }

        Reckoned withNotSucceeded(String step) {
            return new Reckoned(state, replicated, rescanned, backlogged, step, error);
        }

        Reckoned withError(String code) {
            return new Reckoned(state, replicated, rescanned, backlogged, notSucceeded, code);
        }

        String text() {
            List<String> disks = List.of(
                    disk("/dev/disk0", DISK_BYTES[0], replicated.first(), rescanned.first(), backlogged.first()),
                    disk("/dev/disk1", DISK_BYTES[1], replicated.second(), rescanned.second(), backlogged.second()));
            return line(state, disks, notSucceeded, error);
        }
    }

    private static String disk(String name, long total, long replicated, long rescanned, long backlogged) {
        return name + " total=" + total + " replicated=" + replicated + " rescanned=" + rescanned + " backlogged="
                + backlogged;
    }

    private static String line(String state, List<String> disks, String notSucceeded, String error) {
        return state + " " + disks + " first step not done: " + notSucceeded + " error: " + error;
    }

    /** The same of what was told, without what moves with time. */
    private static String text(JsonObject info) {
        if (info.isEmpty()) {
            return "nothing";
        }
        List<String> disks = new ArrayList<>();
        for (Object each : info.getJsonArray("replicatedDisks")) {
            JsonObject disk = (JsonObject) each;
            disks.add(disk(
                    disk.getString("deviceName"),
                    disk.getLong("totalStorageBytes"),
                    disk.getLong("replicatedStorageBytes"),
                    disk.getLong("rescannedStorageBytes"),
                    disk.getLong("backloggedStorageBytes")));
        }
        JsonArray steps = info.getJsonObject("dataReplicationInitiation").getJsonArray("steps");
        String notSucceeded = "";
        for (int i = steps.size() - 1; i >= 0; i--) {
            String status = steps.getJsonObject(i).getString("status");
            if (!status.equals("SUCCEEDED") && !status.equals("SKIPPED")) {
                notSucceeded = steps.getJsonObject(i).getString("name");
            }
        }
        JsonObject error = info.getJsonObject("dataReplicationError");
        return line(
                info.getString("dataReplicationState"),
                disks,
                notSucceeded,
                error == null ? "" : error.getString("error"));
    }

    private Fleet fleet() {
        return world.simulator().fleet();
    }

    private SourceServerView told() {
        return fleet().sourceServer(SOURCE);
    }

    private JsonObject newestTold() {
        JsonObject info = told().info();
        return info == null ? new JsonObject() : info;
    }

    /** Waits until the control plane was told what is reckoned, and compares the server's own words. */
    private JsonObject assertTold(String step, Reckoned reckoned) {
        Awaitility.await(step)
                .atMost(PATIENCE)
                .untilAsserted(() -> assertThat(text(newestTold())).as(step).isEqualTo(reckoned.text()));
        assertThat(text(server.info(SOURCE)))
                .as("%s, by the server itself", step)
                .isEqualTo(reckoned.text());
        JsonObject info = newestTold();
        assertThat(info.getString("replicatorId")).isEqualTo(SERVER);
        return info;
    }

    private static void tellBacklog(RawAgent agent, long... bytes) throws Exception {
        List<SourceStatus.Volume> volumes = new ArrayList<>();
        for (int i = 0; i < bytes.length; i++) {
            volumes.add(new SourceStatus.Volume(i, bytes[i]));
        }
        agent.control().send(FrameType.SOURCE_STATUS, new SourceStatus(volumes, new SourceStatus.Waits(0, 0, 0)));
    }

    private void command(String type) {
        String id = fleet().issue(SERVER, type, SOURCE);
        Awaitility.await(type)
                .atMost(PATIENCE)
                .until(() -> fleet().command(id).status(), Predicate.not(String::isEmpty));
        assertThat(fleet().command(id).status()).as(type).isEqualTo("SUCCEEDED");
    }

    private static void commitAll(RawAgent agent) throws Exception {
        agent.commit();
        agent.openNextEpoch();
    }

    @Test
    void eachStepIsToldAsItIs() throws Exception {
        List<SourceDisk> disks =
                List.of(new SourceDisk("/dev/disk0", DISK_BYTES[0]), new SourceDisk("/dev/disk1", DISK_BYTES[1]));
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> fleet().replicationServers().stream().anyMatch(known -> known.self() != null));
        fleet().registerAgent(SOURCE, source.key().pin(), disks);
        fleet().assign(
                        SOURCE,
                        SERVER,
                        List.of(
                                new VolumeTarget("/dev/disk0", source.volume(0).volumeId(), null, true),
                                new VolumeTarget("/dev/disk1", source.volume(1).volumeId(), null, true)));
        assertTold(
                "paired",
                Reckoned.of("INITIATING", Bytes.NONE).withNotSucceeded("CONNECT_AGENT_TO_REPLICATION_SERVER"));

        RawAgent agent = RawAgent.connectReporting(server.endpoint(), source, 2);
        assertTold("connected", Reckoned.of("INITIATING", Bytes.NONE).withNotSucceeded("START_DATA_TRANSFER"));

        agent.openNextEpoch();
        tellBacklog(agent, DISK_BYTES);
        agent.sendDurably(0, 0, Images.random(1, BLOCK_BYTES));
        JsonObject first = assertTold("first block", Reckoned.of("INITIAL_SYNC", new Bytes(BLOCK_BYTES, 0)));
        Instant firstByte = Instant.parse(first.getJsonObject("detail").getString("firstByteDateTime"));
        assertThat(firstByte).isBetween(Instant.now().minusSeconds(30), Instant.now());

        agent.sendImage(0, Images.random(2, (int) DISK_BYTES[0]));
        for (RawStream stream : agent.streams()) {
            stream.awaitAllDurable();
        }
        tellBacklog(agent, 0, DISK_BYTES[1]);
        assertTold("first disk", Reckoned.of("INITIAL_SYNC", new Bytes(DISK_BYTES[0], 0)));

        agent.sendImage(1, Images.random(3, (int) DISK_BYTES[1]));
        tellBacklog(agent, 0, 0);
        commitAll(agent);
        JsonObject synced = assertTold("initial sync", Reckoned.of("CONTINUOUS", Bytes.ALL));
        assertThat(Duration.parse(synced.getString("lagDuration"))).isLessThan(Duration.ofSeconds(30));
        assertThat(record("committedEpoch")).isEqualTo("1");
        assertThat(synced.getJsonObject("detail").getString("firstByteDateTime"))
                .isEqualTo(firstByte.toString());

        tellBacklog(agent, BLOCK_BYTES, 0);
        assertTold("source writes", Reckoned.of("CONTINUOUS", Bytes.ALL).withBacklogged(new Bytes(BLOCK_BYTES, 0)));
        agent.sendDurably(0, 0, Images.random(4, BLOCK_BYTES));
        tellBacklog(agent, 0, 0);
        commitAll(agent);
        assertTold("caught up", Reckoned.of("CONTINUOUS", Bytes.ALL));
        assertThat(record("committedEpoch")).isEqualTo("2");

        command("PAUSE_REPLICATION");
        agent.control().await(FrameType.GOAWAY, FrameType.PROGRESS);
        agent.bye();
        agent.close();
        assertTold("paused", Reckoned.of("PAUSED", Bytes.ALL));
        command("RESUME_REPLICATION");
        agent = RawAgent.connectReporting(server.endpoint(), source, 2, agent.memory());
        agent.openNextEpoch();
        tellBacklog(agent, BLOCK_BYTES, 0);
        assertTold("resumed", Reckoned.of("CONTINUOUS", Bytes.ALL).withBacklogged(new Bytes(BLOCK_BYTES, 0)));
        agent.sendDurably(0, 0, Images.random(5, BLOCK_BYTES));
        tellBacklog(agent, 0, 0);
        commitAll(agent);
        assertTold("caught up again", Reckoned.of("CONTINUOUS", Bytes.ALL));

        command("RESCAN_VOLUMES");
        agent.control().await(FrameType.GOAWAY, FrameType.PROGRESS);
        agent.bye();
        agent = RawAgent.connectReporting(server.endpoint(), source, 2, agent.memory());
        agent.openNextEpoch();
        rescan(agent);

        agent.control().cut();
        agent.close();
        assertTold(
                "agent is gone",
                Reckoned.of("DISCONNECTED", Bytes.ALL).withRescanned(Bytes.ALL).withError("AGENT_NOT_SEEN"));

        command("STOP_REPLICATION");
        assertTold("stopped", Reckoned.of("STOPPED", Bytes.ALL).withRescanned(Bytes.ALL));

        assertThat(told().stateChanges())
                .extracting(StateChange::state)
                .containsExactly(
                        "INITIATING",
                        "INITIAL_SYNC",
                        "CONTINUOUS",
                        "PAUSED",
                        "CONTINUOUS",
                        "RESCAN",
                        "CONTINUOUS",
                        "DISCONNECTED",
                        "STOPPED");
        assertThat(told().stateChanges()).extracting(StateChange::observedAt).isSorted();
        assertThat(world.simulator().violations()).isEmpty();
        assertThat(fleet().irregularities()).isEmpty();
    }

    /** All of both disks, in two parts that are told apart. */
    private void rescan(RawAgent agent) throws Exception {
        tellBacklog(agent, DISK_BYTES);
        agent.sendImage(0, Images.random(6, (int) DISK_BYTES[0]));
        for (RawStream stream : agent.streams()) {
            stream.awaitAllDurable();
        }
        tellBacklog(agent, 0, DISK_BYTES[1]);
        assertTold(
                "rescan, one of two disks",
                Reckoned.of("RESCAN", Bytes.ALL)
                        .withRescanned(new Bytes(DISK_BYTES[0], 0))
                        .withBacklogged(new Bytes(0, DISK_BYTES[1])));
        agent.sendImage(1, Images.random(6, (int) DISK_BYTES[1]));
        tellBacklog(agent, 0, 0);
        commitAll(agent);
        assertTold("rescan", Reckoned.of("CONTINUOUS", Bytes.ALL).withRescanned(Bytes.ALL));
    }

    private @Nullable String record(String member) {
        return Objects.requireNonNull(told().record()).getString(member);
    }
}
