package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.replicationserver.receiver.replication.ModelWorld.DISK_BYTES;
import static org.replicationserver.receiver.replication.ModelWorld.MIB;

import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.DataReplicationInfo.DataReplicationError;
import org.replicationserver.receiver.replication.Explanation.Facts;
import org.replicationserver.receiver.replication.ReplicationCheckpoint.VolumeCheckpoint;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.SessionEndCause;

/** Every row of the table is provoked, reads as it should, and goes when its cause goes. */
class ExplanationTest {
    private static final long KIB = 1024;

    /** How a row comes about, what it then says, and how it ends. */
    private record Scenario(Consumer<ModelWorld> provoke, String sentence, Consumer<ModelWorld> end) {}

    private static final Map<ExplanationCode, Scenario> SCENARIOS = new EnumMap<>(ExplanationCode.class);

    private static void row(
            ExplanationCode code, Consumer<ModelWorld> provoke, String sentence, Consumer<ModelWorld> end) {
        SCENARIOS.put(code, new Scenario(provoke, sentence, end));
    }

    static {
        row(
                ExplanationCode.DISK_TOO_SMALL,
                world -> world.assign(ModelWorld.disk(0, MIB - 512)),
                "disk /dev/sda has 1023.5 KiB, and disks below 1.0 MiB are not supported",
                world -> world.assign(ModelWorld.disk(0, MIB)));
        row(
                ExplanationCode.DISK_SIZE_DIFFERS,
                world -> {
                    world.refuseHello(ErrorCode.RANGE, "a disk of 5 bytes, assigned are 6");
                    world.passSeconds(3);
                },
                "the agent at 192.0.2.7:4711 was refused 3 s ago, its disks are not those that are assigned: a disk of 5 bytes, assigned"
                        + " are 6",
                world -> world.open(Welcome.Action.RESCAN));
        row(
                ExplanationCode.DUPLICATE_AGENT,
                world -> world.model.duplicateAgent(ModelWorld.DUPLICATE),
                "two agents take turns with the same key (a cloned machine?), the one at 192.0.2.1:1 is refused, the other is at"
                        + " 192.0.2.2:2; no volume counts as consistent",
                world -> world.model.agentsAccepted());
        row(
                ExplanationCode.VOLUME_FAILED,
                world -> {
                    world.model.volumeFailed("vol-1", "write: EIO", world.now());
                    world.passSeconds(10);
                    world.model.volumeFailed("vol-1", "write: EIO", world.now());
                },
                "volume vol-1 of disk /dev/sdb has taken no writes since 2026-05-01T00:00:00Z: write: EIO (x)",
                world -> world.model.volumeOpened("vol-1"));
        row(
                ExplanationCode.VOLUME_MISSING,
                world -> {
                    world.model.volumeUnavailable("vol-0", "no such device", world.now());
                    world.passSeconds(30);
                    world.model.volumeUnavailable("vol-0", "no such device", world.now());
                },
                "volume vol-0 of disk /dev/sda has not been open for 30 s: no such device (x)",
                world -> world.model.volumeOpened("vol-0"));
        row(
                ExplanationCode.REPLICA_DIFFERS,
                world -> {
                    world.model.compared(ModelWorld.verified(MIB, MIB / 16), world.now());
                    world.passSeconds(10);
                    world.model.compared(ModelWorld.verified(2 * MIB, MIB / 8), world.now());
                    world.model.compared(ModelWorld.verified(-1, 0), world.now());
                },
                "since 2026-05-01T00:00:00Z verifications find that volume vol-0 of disk /dev/sda is not what its agent sent, the last"
                        + " time 128.0 KiB from offset 2097152 on; it does not count as consistent",
                world -> world.open(Welcome.Action.RESCAN));
        row(
                ExplanationCode.VOLUME_AWAITED,
                world -> {
                    world.model.volumeAwaited("vol-0", "EBS volumes seen: none", world.now());
                    world.passSeconds(42);
                },
                "volume vol-0 of disk /dev/sda has been waited for 42 s: EBS volumes seen: none (x)",
                world -> world.model.volumeOpened("vol-0"));
        row(
                ExplanationCode.SERVER_DRAINED,
                world -> world.model.serverDrained(world.now().wallMillis()),
                "this server was drained at 2026-05-01T00:00:00Z and opens no session any more",
                world -> world.model.serverDrained(0));
        row(
                ExplanationCode.SERVER_CHECK_FAILED,
                world -> world.model.serverTrouble(
                        new ServerTrouble("listener 10.0.0.1:1500 cannot be reached", "Open it.")),
                "this server looked at itself when it started, and found: listener 10.0.0.1:1500 cannot be reached",
                world -> world.model.serverTrouble(null));
        row(
                ExplanationCode.DISK_NOT_OFFERED,
                world -> world.open(world.volume(0, Welcome.Action.RESCAN, "gen-1")),
                "disk /dev/sdb is assigned to volume vol-1, and the agent's session is without it",
                world -> world.open(Welcome.Action.RESCAN));
        row(
                ExplanationCode.REPLICATION_PAUSED,
                world -> {
                    world.model.desired(DesiredState.PAUSED, world.now());
                    world.passSeconds(100);
                    world.model.desired(DesiredState.PAUSED, world.now());
                },
                "the control plane has wanted replication paused since 2026-05-01T00:00:00Z; the agent keeps what it has to send",
                world -> world.model.desired(DesiredState.STARTED, world.now()));
        row(
                ExplanationCode.REPLICATION_STOPPED,
                world -> {
                    world.model.desired(DesiredState.PAUSED, world.now());
                    world.passSeconds(100);
                    world.model.desired(DesiredState.STOPPED, world.now());
                },
                "the control plane has wanted replication stopped since 2026-05-01T00:01:40Z",
                world -> world.model.desired(DesiredState.STARTED, world.now()));
        row(
                ExplanationCode.CONTROL_PLANE_NOT_AUTHENTICATED,
                world -> world.failControlPlane(ControlPlaneFault.NOT_AUTHENTICATED, "UnrecognizedClientException"),
                "this server has not been authenticated by the control plane for 0 s: UnrecognizedClientException; tried again at"
                        + " 2026-05-01T00:00:30Z",
                world -> world.model.controlPlaneAuthenticated());
        row(
                ExplanationCode.SERVER_PIN_REJECTED,
                world -> {
                    world.model.handshakeRefused(
                            HandshakeFault.SERVER_PIN_REJECTED, "192.0.2.9:1", "unknown_ca", world.now());
                    world.passSeconds(599);
                },
                "a peer at 192.0.2.9:1 refused this server's certificate right after it saw it, 9 min 59 s ago (unknown_ca): somebody"
                        + " intercepts TLS, or the agent holds a stale pin",
                world -> world.passSeconds(1));
        row(
                ExplanationCode.AGENT_PIN_UNKNOWN,
                world -> world.model.handshakeRefused(
                        HandshakeFault.AGENT_PIN_UNKNOWN, "192.0.2.9:1", "its pin is not assigned", world.now()),
                "the certificate of a peer at 192.0.2.9:1 was refused 0 s ago: its pin is not assigned",
                world -> world.model.connectionAccepted());
        row(
                ExplanationCode.AGENT_REFUSED,
                world -> world.refuseHello(ErrorCode.VERSION, "this server speaks version 1"),
                "the agent at 192.0.2.7:4711 was refused 0 s ago with VERSION: this server speaks version 1",
                world -> world.open(Welcome.Action.RESCAN));
        row(
                ExplanationCode.SOFTWARE_NOT_FETCHED,
                world -> {
                    world.model.softwareFailed(
                            new SoftwareTrouble("bucket/key", "HASH_DIFFERS", "it has another hash", "Ask why."),
                            world.now());
                    world.passSeconds(3);
                },
                "software bucket/key was not fetched 3 s ago, HASH_DIFFERS: it has another hash; replication goes on, what is installed is"
                        + " as it was",
                world -> world.model.softwareFetching());
        row(
                ExplanationCode.AGENT_NEVER_CONNECTED,
                world -> world.passSeconds(300),
                "no session of the agent has been opened in 5 min",
                world -> world.open(Welcome.Action.RESCAN));
        row(
                ExplanationCode.NO_FIRST_BYTE,
                world -> {
                    world.open(Welcome.Action.RESCAN);
                    world.passSeconds(120);
                },
                "the agent has had a session for 2 min and no byte of a disk is durable yet",
                world -> world.durable(0, 512));
        row(
                ExplanationCode.AGENT_NOT_SEEN,
                world -> {
                    world.open(Welcome.Action.RESCAN);
                    world.durable(0, 512);
                    world.lose();
                    world.passSeconds(61);
                },
                "the agent has had no session for 61 s, the last one ended so: connection reset",
                world -> world.open(Welcome.Action.RESUME));
        row(
                ExplanationCode.STALLED,
                world -> {
                    world.open(Welcome.Action.RESCAN);
                    world.durable(0, 512);
                    world.clocks.throttlePaused = 0.75;
                    world.clocks.blocks = 1;
                    world.passSeconds(31);
                },
                "work has waited for 30 s and no byte became durable; 75 % of that time went to the throttle",
                world -> world.durable(0, 512));
        row(
                ExplanationCode.NOT_CONVERGING,
                world -> {
                    world.replicateAll();
                    world.openEpoch(MIB);
                    long[] backlog = {10 * MIB};
                    long[] ticks = {0};
                    // 512 KiB/s are written, 384 KiB/s become durable; the agent reports every 2 s
                    world.pass(Duration.ofSeconds(620), () -> {
                        backlog[0] += KIB * 128;
                        world.durable(0, KIB * 96);
                        backlog[0] -= KIB * 96;
                        if (ticks[0]++ % 8 == 0) {
                            AgentWaits waits = new AgentWaits(0, ticks[0] * 250_000_000L, 0);
                            world.report(waits, backlog[0], 0);
                        }
                    });
                },
                "",
                world -> world.lose());
        row(
                ExplanationCode.UNSTABLE_NETWORK,
                world -> {
                    for (int i = 0; i < 3; i++) {
                        world.open(Welcome.Action.RESCAN);
                        world.lose();
                        world.passSeconds(199);
                    }
                },
                "3 sessions were lost within 10 min, the last one so: connection reset",
                world -> world.passSeconds(3));
        row(
                ExplanationCode.SNAPSHOTS_FAILURE,
                world -> {
                    long since = world.now().wallMillis();
                    world.passSeconds(120);
                    world.model.snapshotStanding(new SnapshotStanding(
                            1,
                            1,
                            new SnapshotTrouble(since, 3, false, "EC2 has refused it", "Allow ec2:CreateSnapshot.")));
                },
                "3 times in a row, since 2026-05-01T00:00:00Z, no snapshot group came about; replication goes on; the last time so: EC2"
                        + " has refused it",
                world -> world.model.snapshotStanding(new SnapshotStanding(1, 1, null)));
        awayRow(
                ExplanationCode.CONTROL_PLANE_UNREACHABLE,
                ControlPlaneFault.UNREACHABLE,
                "the control plane has not been reached");
        awayRow(
                ExplanationCode.CONTROL_PLANE_THROTTLED,
                ControlPlaneFault.THROTTLED,
                "the control plane has turned calls away as too many");
        awayRow(
                ExplanationCode.CONTROL_PLANE_SERVER_ERROR,
                ControlPlaneFault.SERVER_ERROR,
                "the control plane has failed to answer calls");
        awayRow(
                ExplanationCode.CONTROL_PLANE_BAD_ANSWER,
                ControlPlaneFault.BAD_ANSWER,
                "what answers as the control plane has not spoken its API");
        row(
                ExplanationCode.RECORD_LOST,
                world -> world.model.recordLost("not JSON"),
                "what was kept of this source server cannot be read (not JSON), so all of its disks are sent again",
                world -> {
                    world.open(Welcome.Action.RESCAN);
                    world.commit();
                });
        row(
                ExplanationCode.BACKLOG,
                world -> {
                    world.replicateAll();
                    world.passSeconds(10);
                    world.openEpoch(3 * MIB);
                    world.passSeconds(61);
                },
                "the replica is 71 s behind with 3.0 MiB to come; 100 % of the lag went to waiting for the source or the network, which its"
                        + " agent does not tell apart",
                world -> world.commit());
        row(
                ExplanationCode.RESCAN,
                world -> {
                    world.replicateAll();
                    world.lose();
                    world.open(
                            world.volume(0, Welcome.Action.RESCAN, "gen-1"),
                            world.volume(1, Welcome.Action.RESCAN, "gen-2"));
                    world.durable(0, 2 * MIB);
                    world.durable(1, 3 * MIB);
                },
                "2 of 2 disks are compared with their volumes or sent again (nothing was written to it yet), 5.0 MiB of"
                        + " 200.0 MiB are done",
                world -> world.commit());
    }

    /** A control plane that was reached, and has not done for long enough. */
    private static void awayRow(ExplanationCode code, ControlPlaneFault fault, String words) {
        row(
                code,
                world -> {
                    world.model.controlPlaneAuthenticated();
                    world.passSeconds(1000);
                    world.failControlPlane(fault, "it did so");
                    world.passSeconds(60);
                },
                words
                        + " for 60 s: it did so; tried again at 2026-05-01T00:17:10Z; replication goes on, what is to be told is kept",
                world -> world.model.controlPlaneAuthenticated());
    }

    private static ModelWorld started() {
        ModelWorld world = new ModelWorld();
        world.model.desired(DesiredState.STARTED, world.now());
        world.model.controlPlaneAuthenticated();
        world.openVolumes();
        return world;
    }

    private static Scenario scenario(ExplanationCode code) {
        Scenario scenario = SCENARIOS.get(code);
        assertThat(scenario).as("how %s comes about", code).isNotNull();
        return scenario == null ? new Scenario(world -> {}, "", world -> {}) : scenario;
    }

    /** For the rows whose scenario begins before replication does. */
    private static ModelWorld world(ExplanationCode code) {
        boolean ownStart = EnumSet.of(ExplanationCode.NOT_CONVERGING, ExplanationCode.BACKLOG, ExplanationCode.RESCAN)
                .contains(code);
        ModelWorld world = ownStart ? new ModelWorld() : started();
        scenario(code).provoke.accept(world);
        return world;
    }

    @ParameterizedTest
    @EnumSource(ExplanationCode.class)
    void everyRowIsProvokedAndEnds(ExplanationCode code) {
        ModelWorld world = world(code);
        Explanation explanation = world.explanation(code);
        Scenario scenario = scenario(code);

        if (!scenario.sentence.isEmpty()) {
            assertThat(explanation.sentence()).isEqualTo(scenario.sentence);
        }
        assertThat(explanation.severity()).isEqualTo(code.severity);
        assertThat(explanation.nextAction()).endsWith(".");
        assertThat(explanation.sentence().length()).isLessThanOrEqualTo(1024);
        assertThat(explanation.nextAction().length()).isLessThanOrEqualTo(1024);
        assertThat(explanation.facts().values()).allMatch(value -> value instanceof Long || value instanceof String);

        scenario.end.accept(world);
        assertThat(world.codes()).doesNotContain(code);
    }

    @ParameterizedTest
    @EnumSource(ExplanationCode.class)
    void publishedErrorIsThatOfTheGravestRowThatHasOne(ExplanationCode code) {
        ModelWorld world = world(code);
        DataReplicationErrorCode expected = world.codes().stream()
                .map(found -> found.error)
                .filter(error -> error != null)
                .findFirst()
                .orElse(null);
        assertThat(error(world)).isEqualTo(expected);
        if (code.error != null) {
            assertThat(expected).isNotNull();
        }
    }

    @Test
    void rawErrorIsTheSentenceAndWhatToDo() {
        ModelWorld world = world(ExplanationCode.AGENT_NOT_SEEN);

        assertThat(world.info().dataReplicationError())
                .isEqualTo(new DataReplicationError(
                        DataReplicationErrorCode.AGENT_NOT_SEEN,
                        "the agent has had no session for 61 s, the last one ended so: connection reset. Check that the source"
                                + " server and its agent run, and that TCP 15000 to this server is open."));
    }

    @Test
    void explanationOfWhatDoesNotConvergeHasItsNumbers() {
        Explanation explanation = world(ExplanationCode.NOT_CONVERGING).explanation(ExplanationCode.NOT_CONVERGING);

        assertThat(explanation.facts()).containsEntry("stage", "NETWORK").containsEntry("percent", 100L);
        assertThat((Long) explanation.facts().getOrDefault("durableBytesPerSecond", 0L))
                .isBetween(383 * KIB, 385 * KIB);
        assertThat((Long) explanation.facts().getOrDefault("arrivingBytesPerSecond", 0L))
                .isBetween(510 * KIB, 514 * KIB);
        assertThat(explanation.sentence())
                .contains("become durable, over 10 min; ")
                .endsWith("of the lag went to the network");
        assertThat(explanation.nextAction()).isEqualTo(LagStage.NETWORK.nextAction);
    }

    @ParameterizedTest
    @EnumSource(
            value = DesiredState.class,
            names = {"PAUSED", "STOPPED"})
    void nothingIsSaidOfTheAgentWhileReplicationIsNotWanted(DesiredState desired) {
        for (ExplanationCode code : EnumSet.of(
                ExplanationCode.AGENT_NOT_SEEN,
                ExplanationCode.AGENT_NEVER_CONNECTED,
                ExplanationCode.UNSTABLE_NETWORK,
                ExplanationCode.NO_FIRST_BYTE)) {
            ModelWorld world = world(code);
            world.model.desired(desired, world.now());

            assertThat(world.codes())
                    .containsExactly(
                            desired == DesiredState.PAUSED
                                    ? ExplanationCode.REPLICATION_PAUSED
                                    : ExplanationCode.REPLICATION_STOPPED);
        }
    }

    @Test
    void sizeOfADiskThatIsLeftOutIsToldWhileTheOthersAreReplicated() {
        ModelWorld world = started();
        world.refuseHello(ErrorCode.RANGE, "/dev/sdb has 5 bytes, assigned are 6");
        world.open(world.volume(0, Welcome.Action.RESCAN, "gen-1"));
        assertThat(world.codes())
                .contains(ExplanationCode.DISK_SIZE_DIFFERS, ExplanationCode.DISK_NOT_OFFERED)
                .doesNotContain(ExplanationCode.AGENT_REFUSED);
        world.open(Welcome.Action.RESCAN);
        assertThat(world.codes()).doesNotContain(ExplanationCode.DISK_SIZE_DIFFERS, ExplanationCode.DISK_NOT_OFFERED);
    }

    @Test
    void refusalWhileReplicationIsNotWantedSaysNothingOnceItIs() {
        ModelWorld world = started();
        world.model.desired(DesiredState.PAUSED, world.now());
        world.refuseHello(ErrorCode.PAUSED, "replication of this source server is PAUSED; come back later");
        world.refuseHello(ErrorCode.VERSION, "this server speaks version 1");
        world.model.desired(DesiredState.STARTED, world.now());
        assertThat(world.codes()).isEmpty();

        world.refuseHello(ErrorCode.PAUSED, "replication of this source server is PAUSED; come back later");
        assertThat(world.codes()).as("one that was under way").isEmpty();
    }

    @Test
    void whatIsSaidOfAnAgentSaysNothingWhereTheServerTakesNone() {
        ModelWorld world = world(ExplanationCode.AGENT_NOT_SEEN);
        world.refuseHello(ErrorCode.SHUTDOWN, "the server was drained");
        world.model.serverDrained(1);

        assertThat(world.codes()).containsExactly(ExplanationCode.SERVER_DRAINED);
    }

    @Test
    void pauseIsCountedFromItsBeginningAlsoAfterARestart() {
        ModelWorld world = started();
        world.model.desired(DesiredState.PAUSED, world.now());
        world.passSeconds(100);
        ReplicationCheckpoint kept = world.model.checkpoint();

        ModelWorld restarted = new ModelWorld(2, kept);
        restarted.passSeconds(200);
        restarted.model.desired(DesiredState.PAUSED, restarted.now());
        assertThat(restarted.explanation(ExplanationCode.REPLICATION_PAUSED).facts())
                .containsEntry("since", "2026-05-01T00:00:00Z");
    }

    @Test
    void diskWhoseVolumeTakesNoWritesIsNotMissedInTheSession() {
        ModelWorld world = started();
        world.model.volumeFailed("vol-1", "EIO", world.now());
        world.open(world.volume(0, Welcome.Action.RESCAN, "gen-1"));
        assertThat(world.codes()).containsExactly(ExplanationCode.VOLUME_FAILED);

        world = started();
        world.model.volumeUnavailable("vol-1", "no such device", world.now());
        world.open(world.volume(0, Welcome.Action.RESCAN, "gen-1"));
        assertThat(world.codes()).containsExactly(ExplanationCode.VOLUME_MISSING);
    }

    @Test
    void volumeThatIsAwaitedIsMissingAfterAWhileAndAtOnceIfItCannotBeOpened() {
        ModelWorld world = new ModelWorld();
        world.model.volumeAwaited("vol-1", "EBS volumes seen: none", world.now());
        world.passSeconds(59);
        assertThat(world.codes())
                .contains(ExplanationCode.VOLUME_AWAITED)
                .doesNotContain(ExplanationCode.VOLUME_MISSING);
        world.model.volumeAwaited("vol-1", "EBS volumes seen: vol-2", world.now());
        world.passSeconds(2);
        assertThat(world.codes())
                .contains(ExplanationCode.VOLUME_MISSING)
                .doesNotContain(ExplanationCode.VOLUME_AWAITED);

        world = new ModelWorld();
        world.model.volumeAwaited("vol-1", "EBS volumes seen: none", world.now());
        world.model.volumeUnavailable("vol-1", "smaller than assigned", world.now());
        assertThat(world.codes())
                .contains(ExplanationCode.VOLUME_MISSING)
                .doesNotContain(ExplanationCode.VOLUME_AWAITED);
    }

    @Test
    void failureOfAnUnknownTimeIsAsOldAsTheProcess() {
        ModelWorld world = started();
        world.open(Welcome.Action.RESCAN);
        world.model.volumeFailed("vol-1", "EIO", world.now());
        ReplicationCheckpoint kept = world.model.checkpoint();
        VolumeCheckpoint volume = Objects.requireNonNull(kept.volumes().get("vol-1"));
        ReplicationCheckpoint older = new ReplicationCheckpoint(
                kept.state(),
                kept.startMillis(),
                kept.firstByteMillis(),
                kept.committedEpoch(),
                kept.markMillis(),
                kept.recordLost(),
                kept.duplicateAgent(),
                kept.wanted(),
                kept.wantedMillis(),
                Map.of(
                        "vol-1",
                        new VolumeCheckpoint(
                                volume.dataGen(),
                                volume.complete(),
                                volume.rescanning(),
                                volume.replicatedBytes(),
                                volume.rescannedBytes(),
                                volume.failedCause(),
                                0,
                                null)));

        assertThat(new ModelWorld(2, older)
                        .explanation(ExplanationCode.VOLUME_FAILED)
                        .facts())
                .containsEntry("since", "2026-05-01T00:00:00Z");
    }

    @Test
    void backlogIsToldAsLongAsNothingElseIsToBlame() {
        ModelWorld world = started();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(ModelWorld.DISK_BYTES);
        world.durable(0, MIB);
        world.report(MIB, 0);
        world.commit();
        world.report(MIB, 0);
        assertThat(world.state()).isEqualTo(DataReplicationState.BACKLOG);
        world.restart();

        assertThat(world.state()).isEqualTo(DataReplicationState.BACKLOG);
        assertThat(world.codes()).contains(ExplanationCode.BACKLOG);
    }

    @Test
    void refusalOfAnAgentThatIsAcceptedAgainSaysNothing() {
        ModelWorld world = started();
        world.model.duplicateAgent(ModelWorld.DUPLICATE);
        world.refuseHello(ErrorCode.FORBIDDEN, "duplicate agent");
        world.model.agentsAccepted();

        assertThat(world.codes()).isEmpty();
    }

    @Test
    void diskThatHasOnlyJustComeIsNotMissedInTheSession() {
        ModelWorld world = started();
        world.open(Welcome.Action.RESCAN);
        world.assign(ModelWorld.disk(0, DISK_BYTES), ModelWorld.disk(1, DISK_BYTES), ModelWorld.disk(2, DISK_BYTES));

        assertThat(world.codes()).isEmpty();
    }

    @Test
    void agentThatWasRefusedIsNotSaidToHaveNeverConnected() {
        ModelWorld world = started();
        world.passSeconds(200);
        world.refuseHello(ErrorCode.FORBIDDEN, "no volume is assigned to a disk of that deviceName");
        world.passSeconds(200);

        assertThat(world.codes()).containsExactly(ExplanationCode.AGENT_REFUSED);
    }

    @Test
    void volumeThatWelcomeSaysHasFailedIsToldOnce() {
        ModelWorld world = started();
        world.model.volumeUnavailable("vol-1", "no such device", world.now());
        world.open(Welcome.Action.FAILED);
        assertThat(world.codes()).containsExactly(ExplanationCode.VOLUME_FAILED, ExplanationCode.VOLUME_MISSING);
        assertThat(world.explanation(ExplanationCode.VOLUME_FAILED).facts()).containsEntry("volumeId", "vol-0");

        world = started();
        world.model.volumeUnavailable("vol-1", "no such device", world.now());
        world.open(world.volume(0, Welcome.Action.RESCAN, "gen-1"), world.volume(1, Welcome.Action.FAILED, "gen-1"));
        assertThat(world.codes()).containsExactly(ExplanationCode.VOLUME_MISSING);
    }

    @Test
    void gravestComesFirst() {
        List<Integer> severities = List.of(ExplanationCode.values()).stream()
                .map(code -> List.of(Explanation.Severity.values()).indexOf(code.severity))
                .toList();
        assertThat(severities).isSorted();

        ModelWorld world = world(ExplanationCode.UNSTABLE_NETWORK);
        world.model.volumeFailed("vol-0", "EIO", world.now());
        world.model.duplicateAgent(ModelWorld.DUPLICATE);
        assertThat(world.codes()).isSorted().startsWith(ExplanationCode.DUPLICATE_AGENT, ExplanationCode.VOLUME_FAILED);
    }

    @Test
    void thereAreNeverMoreExplanationsThanCanBeTold() {
        ModelWorld world = new ModelWorld(60);
        world.start();
        for (int i = 0; i < 60; i++) {
            world.model.volumeFailed("vol-" + i, "EIO", world.now());
        }

        assertThat(world.codes()).hasSize(32);
    }

    @Test
    void sessionsThatTheServerOrTheAgentEndedSayNothingOfTheNetwork() {
        ModelWorld world = started();
        for (int i = 0; i < 20; i++) {
            world.open(Welcome.Action.RESCAN);
            world.end(i % 2 == 0 ? SessionEndCause.SERVER_ENDED : SessionEndCause.AGENT_LEFT, "GOAWAY");
        }
        world.open(Welcome.Action.RESCAN);
        world.lose();
        world.open(Welcome.Action.RESCAN);
        world.lose();

        assertThat(world.codes()).doesNotContain(ExplanationCode.UNSTABLE_NETWORK);
    }

    @Test
    void refusedHandshakesOfStrangersSayNothingOfAnAgentThatIsThere() {
        ModelWorld world = started();
        world.open(Welcome.Action.RESCAN);
        world.model.handshakeRefused(
                HandshakeFault.AGENT_PIN_UNKNOWN, "192.0.2.9:1", "its pin is not assigned", world.now());
        world.refuseHello(ErrorCode.FORBIDDEN, "duplicate agent");

        assertThat(world.codes()).isEmpty();

        world.lose();
        assertThat(world.codes())
                .as("nor of one that goes later; its own HELLO is another thing")
                .containsExactly(ExplanationCode.AGENT_REFUSED);
    }

    @Test
    void refusedHandshakeOfAStrangerDoesNotHideThatAnAgentIsGone() {
        for (HandshakeFault fault : HandshakeFault.values()) {
            ModelWorld world = started();
            world.open(Welcome.Action.RESCAN);
            world.lose();
            world.passSeconds(61);
            world.model.handshakeRefused(fault, "192.0.2.9:1", "its pin is not assigned", world.now());

            assertThat(world.codes()).hasSize(2).startsWith(ExplanationCode.AGENT_NOT_SEEN);
            assertThat(error(world)).isEqualTo(DataReplicationErrorCode.AGENT_NOT_SEEN);
            assertThat(world.step(InitiationStepName.PAIR_REPLICATION_SERVER_WITH_AGENT))
                    .isEqualTo(InitiationStepStatus.SUCCEEDED);
        }
    }

    @Test
    void refusedHelloOfAnAgentThatIsGoneIsGraverThanItsAbsenceAndAnyHandshake() {
        ModelWorld world = started();
        world.open(Welcome.Action.RESCAN);
        world.lose();
        world.passSeconds(61);
        world.refuseHello(ErrorCode.VERSION, "this server speaks version 1");
        world.model.handshakeRefused(HandshakeFault.AGENT_PIN_UNKNOWN, "192.0.2.9:1", "unknown", world.now());

        assertThat(world.codes())
                .containsExactly(
                        ExplanationCode.AGENT_REFUSED,
                        ExplanationCode.AGENT_NOT_SEEN,
                        ExplanationCode.AGENT_PIN_UNKNOWN);
    }

    @Test
    void refusedHandshakeIsWhyAnAgentHasNeverConnected() {
        ModelWorld world = started();
        world.passSeconds(300);
        world.model.handshakeRefused(
                HandshakeFault.AGENT_PIN_UNKNOWN, "192.0.2.9:1", "its pin is not assigned", world.now());

        assertThat(world.codes())
                .containsExactly(ExplanationCode.AGENT_PIN_UNKNOWN, ExplanationCode.AGENT_NEVER_CONNECTED);
        assertThat(error(world)).isEqualTo(DataReplicationErrorCode.FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT);
    }

    @ParameterizedTest
    @EnumSource(
            value = ExplanationCode.class,
            names = {"AGENT_NOT_SEEN", "SERVER_PIN_REJECTED", "AGENT_NEVER_CONNECTED", "UNSTABLE_NETWORK"})
    void portInAnActionIsThatWhichTheServerListensOn(ExplanationCode code) {
        assertThat(world(code).explanation(code).nextAction())
                .contains("TCP " + ModelWorld.AGENT_PORT)
                .doesNotContain("1500 ");
    }

    @Test
    void controlPlaneThatChangesItsTroubleIsStillAwayAndTheSecondsAreOfTheNewOne() {
        ModelWorld world = started();
        world.passSeconds(10);
        world.failControlPlane(ControlPlaneFault.UNREACHABLE, "no route");
        world.passSeconds(100);
        world.failControlPlane(ControlPlaneFault.SERVER_ERROR, "500");
        world.passSeconds(3);

        Explanation told = world.explanation(ExplanationCode.CONTROL_PLANE_SERVER_ERROR);
        assertThat(told.facts()).containsEntry("seconds", 3L).containsEntry("reason", "500");
        assertThat(told.nextAction()).isEqualTo("Mend it.");
        assertThat(world.codes()).doesNotContain(ExplanationCode.CONTROL_PLANE_UNREACHABLE);

        world.failControlPlane(ControlPlaneFault.NOT_AUTHENTICATED, "403");
        assertThat(world.codes())
                .contains(ExplanationCode.CONTROL_PLANE_NOT_AUTHENTICATED)
                .doesNotContain(ExplanationCode.CONTROL_PLANE_SERVER_ERROR);
    }

    private static @Nullable DataReplicationErrorCode error(ModelWorld world) {
        DataReplicationError error = world.info().dataReplicationError();
        return error == null ? null : error.error();
    }

    @Test
    void longTextIsCutAndCannotForgeAPlace() {
        Facts facts = new Facts()
                .put("volumeId", "{reason}$1\\")
                .put("deviceName", "x")
                .put("since", "z")
                .put("path", "p")
                .put("reason", "y".repeat(5000));

        Explanation explanation = ExplanationCode.VOLUME_FAILED.explain(facts);

        assertThat(explanation.sentence())
                .startsWith("volume {reason}$1\\ of disk x has taken no writes since z: yyy")
                .hasSizeLessThan(400);
    }

    @Test
    void sentenceWithoutItsFactsIsABug() {
        assertThatThrownBy(() -> ExplanationCode.VOLUME_FAILED.explain(new Facts().put("volumeId", "v")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("deviceName");
    }

    @Test
    void bytesAreWrittenInTheirUnit() {
        Map<String, Object> facts = new Facts()
                .put("aBytes", 1023)
                .put("bBytes", 1536)
                .put("cBytesPerSecond", 3L << 30)
                .put("dBytes", Long.MAX_VALUE)
                .put("e", 2048)
                .asMap();

        assertThat(Explanation.fill("{aBytes}, {bBytes}, {cBytesPerSecond}, {dBytes}, {e}", facts))
                .isEqualTo("1023 bytes, 1.5 KiB, 3.0 GiB/s, 8.0 EiB, 2048");
    }
}
