package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.replication.ModelWorld.DISK_BYTES;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Seeds;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.DataReplicationInfo.Detail;
import org.replicationserver.receiver.replication.DataReplicationInfo.ReplicatedDisk;
import org.replicationserver.receiver.replication.DataReplicationInfo.StageSeconds;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.SessionEndCause;

/** Whatever happens in whatever order, what is promised of the model holds. */
class SourceReplicationRandomTest {
    private static final int DISKS = 3;
    private static final int RUNS = 40;
    private static final int STEPS = 400;

    /** previous→current for all that the table allows. */
    private static final Set<String> ALLOWED = allowed();

    private static Set<String> allowed() {
        Set<String> changes = new HashSet<>();
        for (DataReplicationState shown : DataReplicationState.values()) {
            for (DataReplicationState covered : DataReplicationState.values()) {
                if (covered.isCoverable() && (shown == covered || shown.isOverlay())) {
                    for (ReplicationEvent event : ReplicationEvent.values()) {
                        StatePosition next = StateTransitions.next(new StatePosition(shown, covered), event);
                        changes.add(shown + "→" + next.shown());
                    }
                }
            }
        }
        return changes;
    }

    private final Random random = Seeds.random("SourceReplicationRandomTest");

    @Test
    void promisesHoldWhateverHappens() {
        for (int run = 0; run < RUNS; run++) {
            new Run().play();
        }
    }

    private <T> T any(T[] values) {
        return values[random.nextInt(values.length)];
    }

    /** A life of one source server, and what the test knows of it by itself. */
    private final class Run {
        final ModelWorld world = new ModelWorld(DISKS);
        final String[] dataGens = {"a0", "b0", "c0"};
        final long[] replicated = new long[DISKS];
        final boolean[] inSession = new boolean[DISKS];

        /** It was in a session that may have sent blocks of it; late ones may still come. */
        final boolean[] hadBlocks = new boolean[DISKS];

        boolean open;
        boolean epochOpen;
        boolean committedOnce;
        boolean commitWaits;
        long generations;
        long[] backlogs = new long[DISKS];
        boolean reported;
        boolean reportIsNewest;

        void play() {
            world.start();
            for (int i = 0; i < STEPS; i++) {
                step();
                check();
            }
        }

        void step() {
            switch (random.nextInt(22)) {
                case 0 -> world.model.desired(any(DesiredState.values()), world.now());
                case 1, 2 -> openSession();
                case 3 -> endSession();
                case 4, 5 -> openEpoch();
                case 6 -> waitForCommit();
                case 7, 8 -> commit();
                case 9, 10, 11, 12 -> durable();
                case 13, 14 -> report();
                case 15 -> restart();
                case 16 -> happen();
                case 17 -> world.clocks.randomize(random);
                case 20 -> world.model.snapshotBegan(world.now());
                case 21 -> world.model.snapshotEnded(world.now());
                case 18 -> world.pass(Duration.ofMillis(random.nextInt(40_000)));
                default -> world.pass(Duration.ofMillis(random.nextInt(300)));
            }
        }

        private void openSession() {
            if (open) {
                endSession();
            }
            List<Welcome.Volume> volumes = new ArrayList<>();
            for (int i = 0; i < DISKS; i++) {
                boolean offered = random.nextInt(6) > 0;
                Welcome.Action action = any(Welcome.Action.values());
                inSession[i] = offered && action != Welcome.Action.FAILED;
                if (offered) {
                    if (action == Welcome.Action.RESCAN && random.nextBoolean()) {
                        dataGens[i] = "gen-" + generations++;
                        replicated[i] = 0;
                    }
                    hadBlocks[i] |= inSession[i];
                    volumes.add(world.volume(i, action, dataGens[i]));
                }
            }
            world.open(volumes.toArray(Welcome.Volume[]::new));
            open = true;
            reported = false;
            epochOpen = false;
            commitWaits = false;
        }

        private void endSession() {
            SessionEndCause cause = any(SessionEndCause.values());
            world.end(cause, "over");
            open = false;
            epochOpen = false;
            commitWaits = false;
        }

        private void openEpoch() {
            if (open) {
                world.openEpoch(random.nextLong(5 * DISK_BYTES));
                epochOpen = true;
                commitWaits = false;
            }
        }

        private void waitForCommit() {
            if (open && epochOpen) {
                commitWaits = random.nextBoolean();
                world.model.commitWaits(commitWaits, world.now());
            }
        }

        private void commit() {
            if (open && epochOpen) {
                world.commit(random.nextBoolean());
                epochOpen = false;
                commitWaits = false;
                reportIsNewest = false;
                committedOnce = true;
                List<ReplicatedDisk> disks = world.info().replicatedDisks();
                for (int i = 0; i < DISKS; i++) {
                    if (inSession[i]) {
                        assertThat(disks.get(i).replicatedStorageBytes()).isEqualTo(DISK_BYTES);
                    }
                }
            }
        }

        private void durable() {
            int disk = random.nextInt(DISKS);
            if (open && hadBlocks[disk]) {
                world.durable(disk, 512L * (1 + random.nextInt(100_000)));
            }
        }

        private void report() {
            long full = random.nextInt(3);
            for (int i = 0; i < DISKS; i++) {
                backlogs[i] = full == 0 ? 0 : random.nextLong(2 * DISK_BYTES) - 1000;
            }
            world.report(
                    new AgentWaits(random.nextLong(1L << 40), random.nextLong(1L << 40), random.nextLong(1L << 40)),
                    backlogs);
            reported |= open;
            reportIsNewest |= open;
        }

        private void restart() {
            DataReplicationInfo before = world.info();
            ReplicationCheckpoint kept = world.model.checkpoint();
            world.restart();
            assertThat(world.model.checkpoint()).isEqualTo(kept);
            assertThat(world.info().replicatedDisks().stream().map(ReplicatedDisk::replicatedStorageBytes))
                    .containsExactlyElementsOf(before.replicatedDisks().stream()
                            .map(ReplicatedDisk::replicatedStorageBytes)
                            .toList());
            open = false;
            epochOpen = false;
            commitWaits = false;
            reported = false;
        }

        private void happen() {
            String volume = "vol-" + random.nextInt(DISKS);
            switch (random.nextInt(9)) {
                case 0 -> world.model.volumeFailed(volume, "EIO", world.now());
                case 1 -> world.model.volumeOpened(volume);
                case 2 -> world.model.volumeUnavailable(volume, "gone", world.now());
                case 3 -> world.model.duplicateAgent(ModelWorld.DUPLICATE);
                case 4 -> world.model.agentsAccepted();
                case 5 -> world.failControlPlane(any(ControlPlaneFault.values()), "x");
                case 6 -> world.refuseHello(ErrorCode.RANGE, "x");
                case 7 -> world.model.handshakeRefused(HandshakeFault.AGENT_PIN_UNKNOWN, "a", "x", world.now());
                default -> world.model.recordLost("x");
            }
        }

        private void check() {
            assertThat(ALLOWED).containsAll(world.takeChanges());
            checkState();
            DataReplicationInfo info = world.info();
            checkCounters(info);
            checkDetail(info.detail());
            assertThat(info.lagDuration()).isGreaterThanOrEqualTo(Duration.ZERO);
            assertThat(info.dataReplicationInitiation().steps()).hasSize(InitiationStepName.values().length);
            assertThat(info).isEqualTo(world.info()); // asking changes nothing
        }

        private void checkState() {
            DataReplicationState state = world.state();
            if (state == DataReplicationState.STALLED) {
                boolean backlog = reported && reportIsNewest;
                assertThat(open && (world.clocks.blocksRead > 0 || commitWaits || backlog))
                        .as("work waits")
                        .isTrue();
            }
            if (state == DataReplicationState.DISCONNECTED) {
                assertThat(open).isFalse();
            }
            if (state == DataReplicationState.INITIATING || state == DataReplicationState.INITIAL_SYNC) {
                boolean unjudged = committedOnce && reported;
                assertThat(!committedOnce || unjudged).isTrue();
            }
            if (state == DataReplicationState.RESCAN) {
                assertThat(committedOnce).isTrue();
            }
        }

        private void checkCounters(DataReplicationInfo info) {
            long backlogged = 0;
            for (int i = 0; i < DISKS; i++) {
                ReplicatedDisk disk = info.replicatedDisks().get(i);
                assertThat(disk.totalStorageBytes()).isEqualTo(DISK_BYTES);
                assertThat(disk.replicatedStorageBytes()).isBetween(replicated[i], DISK_BYTES);
                assertThat(disk.rescannedStorageBytes()).isBetween(0L, DISK_BYTES);
                assertThat(disk.backloggedStorageBytes()).isBetween(0L, DISK_BYTES);
                replicated[i] = disk.replicatedStorageBytes();
                backlogged += disk.backloggedStorageBytes();
            }
            assertThat(info.detail().backloggedBytes()).isEqualTo(backlogged);
            assertThat(info.detail().agentConnected()).isEqualTo(open);
            assertThat(info.detail().backlogKnown()).isEqualTo(open && reported);
        }

        private void checkDetail(Detail detail) {
            assertThat(detail.explanations()).hasSizeLessThanOrEqualTo(32);
            assertThat(detail.explanations().stream().map(Explanation::code)).isSorted();
            assertThat(detail.lagAttribution()).allMatch(part -> part.seconds() > 0);
            assertThat(detail.lagAttribution().stream()
                            .map(StageSeconds::seconds)
                            .toList())
                    .isSortedAccordingTo(Comparator.reverseOrder());
            assertThat(world.model.lagLastMinute(world.now()).totalNanos()).isNotNegative();
            if (detail.etaEarliestDateTime() != null) {
                assertThat(detail.etaEarliestDateTime()).isBetween(world.now().instant(), detail.etaLatestDateTime());
            }
            assertThat(detail.rates()).allMatch(rate -> rate.durableBytesPerSecond() >= 0);
        }
    }
}
