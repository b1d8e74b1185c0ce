package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DayOfWeek;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.controlplane.ErrorCode;
import org.replicationserver.controlplane.Fault;
import org.replicationserver.controlplane.Fault.Kind;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.Irregularity;
import org.replicationserver.controlplane.SourceServerView;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.session.VolumeAssignment;

/** What a control plane commands has its effect once, whatever becomes of the answers, and as it was said. */
@Timeout(180)
final class CommandTest {
    private static final String SERVER = "i-0123456789abcdef0";
    private static final String SOURCE = "s-1";
    private static final int DISK_BYTES = 8 << 20;
    private static final Duration PATIENCE = ControlPlaneWorld.PATIENCE;
    private static final String POLL = "GetChannelCommandsForMgn";
    private static final String RESULT = "SendChannelCommandResultForMgn";

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

    private SourceServerView source() {
        return fleet().sourceServer(SOURCE);
    }

    /** Begins a server, which is known and has no source server yet. */
    private ServerProcess server(String... settings) throws Exception {
        ServerProcess.Plan plan = world.server(SERVER).set("control.poll-wait-seconds=1");
        for (String setting : settings) {
            plan.set(setting);
        }
        ServerProcess server = plan.start();
        Awaitility.await("the introduction")
                .atMost(PATIENCE)
                .until(() -> fleet().replicationServer(SERVER).self() != null);
        return server;
    }

    private void awaitSuccess(String commandId) {
        Awaitility.await(commandId)
                .atMost(PATIENCE)
                .until(() -> !fleet().command(commandId).status().isEmpty());
        assertThat(fleet().command(commandId).status()).isEqualTo("SUCCEEDED");
    }

    private void awaitState(String state) {
        Awaitility.await(state).atMost(PATIENCE).until(() -> source().state().equals(state));
    }

    /** What is told of the source server is this, and nothing else. */
    private void awaitExplanations(String... codes) {
        Awaitility.await(String.join(", ", codes)).atMost(PATIENCE).until(() -> {
            JsonObject info = source().info();
            return info != null && Explanations.codes(info).equals(List.of(codes));
        });
    }

    private void assertThatNothingWasOutOfOrder() {
        assertThat(world.simulator().violations()).isEmpty();
        assertThat(fleet().irregularities()).isEmpty();
    }

    // --- once in effect

    /** An agent whose disk is paired and replicated. */
    private ReplicationAgent replicatedAgent() throws Exception {
        Path disk = Files.write(directory.resolve("disk.img"), Images.random(1, DISK_BYTES));
        AgentOptions options = world.agent(SOURCE, new SourceDisk("/dev/sda", disk))
                .withQuietSource(true)
                .withCycles(AgentOptions.ENDLESS, Duration.ofMillis(500));
        ReplicationAgent agent = ReplicationAgent.start(options, event -> {});
        Awaitility.await("the registration")
                .atMost(PATIENCE)
                .until(() -> fleet().sourceServers().stream()
                        .anyMatch(known -> known.sourceServerId().equals(SOURCE)));
        fleet().assign(SOURCE, SERVER, List.of(new VolumeTarget("/dev/sda", "vol-1", null, true)));
        awaitState("CONTINUOUS");
        return agent;
    }

    private static long count(String log, String text) {
        return Pattern.compile(Pattern.quote(text)).matcher(log).results().count();
    }

    private long rescans() {
        return source().stateChanges().stream()
                .filter(change -> change.state().equals("RESCAN"))
                .count();
    }

    /** The disk was sent by the initial sync, and compared by one rescan. */
    private void assertRescannedOnce(ReplicationAgent agent) {
        Awaitility.await("the rescan")
                .atMost(PATIENCE)
                .until(() -> agent.report().disks().getFirst().comparedBytes() >= DISK_BYTES && rescans() > 0);
        awaitState("CONTINUOUS");
        assertThat(agent.report().disks().getFirst().comparedBytes()).isLessThan(2L * DISK_BYTES);
        assertThat(agent.report().rawBytesSent()).isLessThan(2L * DISK_BYTES);
        assertThat(rescans()).isEqualTo(1);
    }

    @Test
    void commandIsCarriedOutOnceThoughAnswersAreLost() throws Exception {
        try (ServerProcess server = server()) {
            ReplicationAgent agent = replicatedAgent();
            try {
                for (Kind kind : List.of(Kind.LOSE_ANSWER, Kind.TRUNCATE_ANSWER, Kind.GARBLE_ANSWER)) {
                    world.simulator().faults().inject(Fault.of(kind).on(POLL).times(1));
                    world.simulator().faults().inject(Fault.of(kind).on(RESULT).times(1));
                }
                String commandId = fleet().issue(SERVER, "RESCAN_VOLUMES", SOURCE);
                awaitSuccess(commandId);
                Awaitility.await("the end of the faults")
                        .atMost(PATIENCE)
                        .until(() -> world.simulator().faults().inForce().isEmpty());
                assertRescannedOnce(agent);
                assertThat(count(server.logSinceStart(), "command done: commandId=" + commandId))
                        .isEqualTo(1);
                assertThatNothingWasOutOfOrder();
            } finally {
                agent.stop();
                agent.awaitEnd(PATIENCE);
            }
        }
    }

    @Test
    void commandIsCarriedOutOnceThoughTheServerIsKilledBeforeItsResultIsTaken() throws Exception {
        try (ServerProcess server = server()) {
            ReplicationAgent agent = replicatedAgent();
            try {
                int hangs = 1000;
                world.simulator().faults().inject(Fault.of(Kind.HANG).on(RESULT).times(hangs));
                String commandId = fleet().issue(SERVER, "RESCAN_VOLUMES", SOURCE);
                Awaitility.await("the result on its way")
                        .atMost(PATIENCE)
                        .until(() ->
                                world.simulator().faults().inForce().getFirst().count() < hangs);
                assertThat(fleet().command(commandId).status()).isEmpty();
                server.sigkill();
                world.simulator().faults().clear();
                server.restart();
                awaitSuccess(commandId);
                assertRescannedOnce(agent);
                assertThat(server.logSinceStart()).doesNotContain("command done: commandId=" + commandId);
                assertThat(fleet().irregularities())
                        .as("a server that was killed may tell the newest again")
                        .extracting(Irregularity::kind)
                        .isSubsetOf(Irregularity.Kind.BACK);
                assertThat(world.simulator().violations()).isEmpty();
            } finally {
                agent.stop();
                agent.awaitEnd(PATIENCE);
            }
        }
    }

    private long sequenceOfResult(String commandId) {
        return Objects.requireNonNull(fleet().command(commandId).result())
                .getJsonObject("event")
                .getLong("sequence");
    }

    @Test
    void commandsKeepTheirOrderThoughTheAnswerWithTheFirstIsLost() throws Exception {
        try (ServerProcess _ = server("control.poll-wait-seconds=20")) {
            ReplicationAgent agent = replicatedAgent();
            try {
                // The poll that is waiting is none of the fault's, so it is answered first.
                world.simulator()
                        .faults()
                        .inject(Fault.of(Kind.LOSE_ANSWER).on(POLL).times(1));
                awaitSuccess(fleet().issue(SERVER, "START_REPLICATION", SOURCE));
                Awaitility.await("the poll whose answer will be lost")
                        .atMost(PATIENCE)
                        .until(() -> world.simulator().faults().inForce().isEmpty());
                String pause = fleet().issue(SERVER, "PAUSE_REPLICATION", SOURCE);
                Awaitility.await("the lost answer")
                        .atMost(PATIENCE)
                        .until(() -> fleet().command(pause).deliveries() > 0);
                String resume = fleet().issue(SERVER, "RESUME_REPLICATION", SOURCE);
                awaitSuccess(pause);
                awaitSuccess(resume);
                assertThat(sequenceOfResult(pause)).isLessThan(sequenceOfResult(resume));
                awaitState("CONTINUOUS");
                assertThatNothingWasOutOfOrder();
            } finally {
                agent.stop();
                agent.awaitEnd(PATIENCE);
            }
        }
    }

    @Test
    void sourceServerThatIsUnpairedAndPairedAgainGoesOnFromTheStateThatWasTold() throws Exception {
        try (ServerProcess _ = server()) {
            ReplicationAgent agent = replicatedAgent();
            try {
                awaitSuccess(fleet().issue(SERVER, "PAUSE_REPLICATION", SOURCE));
                awaitState("PAUSED");
                awaitSuccess(fleet().issue(SERVER, "UNPAIR_SOURCE_SERVER", SOURCE));
                awaitSuccess(
                        fleet().assign(SOURCE, SERVER, List.of(new VolumeTarget("/dev/sda", "vol-1", null, false))));
                awaitSuccess(fleet().issue(SERVER, "RESUME_REPLICATION", SOURCE));
                awaitState("CONTINUOUS");
                assertThatNothingWasOutOfOrder();
            } finally {
                agent.stop();
                agent.awaitEnd(PATIENCE);
            }
        }
    }

    @Test
    void drainedServerSaysSoAndIsGivenNoSourceServer() throws Exception {
        try (ServerProcess server = server()) {
            ReplicationAgent agent = replicatedAgent();
            try {
                awaitSuccess(fleet().issue(SERVER, "DRAIN_SERVER", null));
                Awaitility.await("the agent's next attempt")
                        .atMost(PATIENCE)
                        .until(() -> server.logSinceStart().contains("the server was drained"));
                awaitExplanations("SERVER_DRAINED");
                register("s-2", 'b');
                assertFails(assign("s-2", "vol-2", null), "not paired: the server was drained");
                assertThatNothingWasOutOfOrder();
            } finally {
                agent.stop();
                agent.awaitEnd(PATIENCE);
            }
        }
    }

    @Test
    void agentThatIsRefusedInAPauseIsNotRefusedOnceItIsOver() throws Exception {
        try (ServerProcess server = server()) {
            ReplicationAgent agent = replicatedAgent();
            try {
                awaitSuccess(fleet().issue(SERVER, "PAUSE_REPLICATION", SOURCE));
                Awaitility.await("the agent's next attempt")
                        .atMost(PATIENCE)
                        .until(() -> server.logSinceStart().contains("is PAUSED"));
                awaitExplanations("REPLICATION_PAUSED");
                awaitSuccess(fleet().issue(SERVER, "RESUME_REPLICATION", SOURCE));
                awaitState("CONTINUOUS");
                awaitExplanations();
            } finally {
                agent.stop();
                agent.awaitEnd(PATIENCE);
            }
        }
    }

    @Test
    void collectedLogsAreCountedInTheOutput() throws Exception {
        try (ServerProcess _ = server()) {
            JsonObject command = new JsonObject()
                    .put("type", "COLLECT_LOGS")
                    .put("parameters", new JsonObject().put("maxRecords", 3));
            String commandId = fleet().issue(SERVER, command);
            awaitSuccess(commandId);
            JsonObject result =
                    Objects.requireNonNull(fleet().command(commandId).result());
            assertThat(result.getString("message")).isEqualTo("3 log records were sent");
            assertThat(result.getJsonObject("output")).isEqualTo(new JsonObject().put("records", 3));
            assertThatNothingWasOutOfOrder();
        }
    }

    @Test
    void logsThatAreAskedForDuringAnOutageAreSentWhenItIsOver() throws Exception {
        try (ServerProcess _ = server()) {
            // Two calls with all their attempts fail; the loop that sends log lines takes some of these faults as well.
            world.simulator()
                    .faults()
                    .inject(Fault.error(ErrorCode.SERVICE_UNAVAILABLE)
                            .on("SendClientLogsForMgn")
                            .times(6));
            awaitSuccess(fleet().issue(SERVER, "COLLECT_LOGS", null));
            assertThat(world.simulator().faults().inForce()).isEmpty();
            assertThatNothingWasOutOfOrder();
        }
    }

    // --- what cannot be assigned

    private void register(String sourceServerId, char pinDigit) {
        fleet().registerAgent(
                        sourceServerId,
                        "sha256:" + String.valueOf(pinDigit).repeat(64),
                        List.of(new org.replicationserver.controlplane.SourceDisk("/dev/sda", DISK_BYTES)));
    }

    private String assign(String sourceServerId, String volumeId, @Nullable String path) {
        return fleet().assign(sourceServerId, SERVER, List.of(new VolumeTarget("/dev/sda", volumeId, path, true)));
    }

    private void assertFails(String commandId, String... reasons) {
        Awaitility.await(commandId)
                .atMost(PATIENCE)
                .until(() -> !fleet().command(commandId).status().isEmpty());
        assertThat(fleet().command(commandId).status()).isEqualTo("FAILED");
        assertThat(Objects.requireNonNull(fleet().command(commandId).result()).getString("message"))
                .contains(reasons);
    }

    @Test
    void volumeOfOneSourceServerIsNotGivenToAnother() throws Exception {
        try (ServerProcess _ = server()) {
            register("s-1", 'a');
            register("s-2", 'b');
            awaitSuccess(assign("s-1", "vol-1", null));
            assertFails(assign("s-2", "vol-1", null), "volume vol-1 belongs to source server s-1");
            String path = world.images().resolve("vol-1.img").toString();
            assertFails(assign("s-2", "vol-2", path), "path " + path + " belongs to source server s-1");
            awaitSuccess(assign("s-2", "vol-2", null));

            assertFails(
                    assign("s-1", "vol-3", "/etc/vol-3.img"), "another path than", "what was assigned before stays");
            awaitSuccess(assign("s-1", "vol-1", null));
            awaitSuccess(fleet().issue(SERVER, "UNPAIR_SOURCE_SERVER", "s-1"));
            awaitSuccess(assign("s-2", "vol-1", null));
        }
    }

    @Test
    void sourceServerThatComesDoesNotTakeThePlaceOfOneThatIsHere() throws Exception {
        try (ServerProcess server = server("memory.budget-bytes=2MiB")) {
            register("s-1", 'a');
            register("s-2", 'b');
            awaitSuccess(assign("s-2", "vol-2", null));
            assertFails(assign("s-1", "vol-1", null), "the memory does for 1 source servers");
            assertThat(fleet().sourceServers())
                    .as("in the order of the answers")
                    .extracting(SourceServerView::sourceServerId)
                    .containsExactly("s-1", "s-2");
            fleet().issue(SERVER, "PAUSE_REPLICATION", "s-2");
            Awaitility.await("the pause")
                    .atMost(PATIENCE)
                    .until(() -> fleet().sourceServer("s-2").state().equals("PAUSED"));
            assertThat(server.logSinceStart()).doesNotContain("an association is not taken: source=s-2");
        }
    }

    // --- bandwidth

    private static JsonObject limit(int mbps) {
        return new JsonObject().put("bandwidthThrottling", mbps);
    }

    /** On all days, in a zone that is not this machine's. */
    private static JsonObject scheduled(int mbps, int otherwise) {
        JsonArray days =
                new JsonArray(Stream.of(DayOfWeek.values()).map(DayOfWeek::name).toList());
        return limit(otherwise)
                .put("timeZone", "Asia/Kathmandu")
                .put(
                        "schedule",
                        new JsonArray()
                                .add(limit(mbps)
                                        .put("days", days)
                                        .put("from", "00:00")
                                        .put("to", "00:00")));
    }

    private void command(JsonObject bandwidth, String... sourceServerId) {
        JsonObject command = new JsonObject()
                .put("type", "SET_BANDWIDTH")
                .put("parameters", new JsonObject().put("bandwidth", bandwidth));
        for (String id : sourceServerId) {
            command.put("sourceServerId", id);
        }
        awaitSuccess(fleet().issue(SERVER, command));
    }

    private static void assertRate(FullStreams full, double mbps) throws Exception {
        full.during(Duration.ofSeconds(2)); // what sockets hold when a limit begins
        assertThat(full.during(Duration.ofSeconds(4)).mbps()).isCloseTo(mbps, withinPercentage(10));
    }

    @Tag("long")
    @Tag("alone")
    @Test
    void bandwidthFollowsTheCommandsOfTheControlPlane() throws Exception {
        TestSource agent = TestSource.of(directory, SOURCE, 64 << 20);
        try (ServerProcess server = server()) {
            VolumeAssignment volume = agent.volume(0);
            fleet().registerAgent(
                            SOURCE,
                            agent.key().pin(),
                            List.of(new org.replicationserver.controlplane.SourceDisk(volume.deviceName(), 64 << 20)));
            awaitSuccess(fleet().assign(
                            SOURCE,
                            SERVER,
                            List.of(new VolumeTarget(volume.deviceName(), volume.volumeId(), null, true))));
            try (FullStreams full = FullStreams.begin(server.endpoint(), agent, 2, 16 * 1024)) {
                command(limit(40), SOURCE);
                assertRate(full, 40);
                command(scheduled(8, 0));
                assertRate(full, 8);
                command(scheduled(4, 40), SOURCE);
                assertRate(full, 4);
                command(limit(0), SOURCE);
                assertRate(full, 8);
            }
            assertThat(server.logSinceStart())
                    .contains("result=the bandwidth of this source server is limited to 40 Mbps\n")
                    .contains("bandwidth is limited from now on: source=" + SOURCE + " mbps=40 origin=ASSIGNED")
                    .contains(
                            "result=the bandwidth of this source server is limited to 40 Mbps outside the 1 entry of its"
                                    + " schedule")
                    .contains("bandwidth is limited from now on: source=" + SOURCE + " mbps=4 origin=SCHEDULE")
                    .contains("bandwidth is not limited from now on: source=" + SOURCE + " mbps=0 origin=ASSIGNED");
            assertThatNothingWasOutOfOrder();
        }
    }
}
