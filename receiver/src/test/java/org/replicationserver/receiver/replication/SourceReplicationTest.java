package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.replication.ModelWorld.DISK_BYTES;
import static org.replicationserver.receiver.replication.ModelWorld.MIB;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.SessionEndCause;

/** Which events the model makes of what it is told. */
class SourceReplicationTest {
    private final ModelWorld world = new ModelWorld();

    // --- the way to CONTINUOUS

    @Test
    void replicationIsStoppedUntilItIsStarted() {
        assertThat(world.state()).isEqualTo(DataReplicationState.STOPPED);

        world.start();

        assertThat(world.takeChanges()).containsExactly("STOPPED→INITIATING");
    }

    @Test
    void firstDurableByteBeginsTheInitialSync() {
        world.start();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.model.firstByte(world.now());
        world.passSeconds(1);
        assertThat(world.state()).isEqualTo(DataReplicationState.INITIATING);

        world.durable(0, 512);

        assertThat(world.takeChanges()).containsExactly("STOPPED→INITIATING", "INITIATING→INITIAL_SYNC");
        assertThat(world.info().detail().firstByteDateTime())
                .isEqualTo(world.now().instant().minusSeconds(1));
    }

    @Test
    void firstCommitWithoutBacklogIsContinuous() {
        world.replicateAll();

        assertThat(world.state()).isEqualTo(DataReplicationState.CONTINUOUS);
    }

    @Test
    void firstCommitWithBacklogIsBacklogUntilACommitWithoutOne() {
        world.start();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.durable(0, DISK_BYTES);
        world.durable(1, DISK_BYTES);
        world.report(0, 5 * MIB);
        world.takeChanges();

        world.commit();
        assertThat(world.takeChanges()).as("judged by the next report").isEmpty();
        world.openEpoch(5 * MIB);
        world.report(0, 5 * MIB);
        assertThat(world.takeChanges()).containsExactly("INITIAL_SYNC→BACKLOG");

        world.durable(1, 5 * MIB);
        world.commit();
        assertThat(world.takeChanges()).containsExactly("BACKLOG→CONTINUOUS");
    }

    @Test
    void reportThatIsOlderThanTheLastAcknowledgementsDoesNotMakeABacklog() {
        world.start();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.durable(0, DISK_BYTES);
        world.durable(1, DISK_BYTES);
        world.report(0, MIB); // the agent has not seen the last acknowledgement yet
        world.takeChanges();

        world.commit();
        world.passSeconds(2);
        world.report(0, 0);

        assertThat(world.takeChanges()).containsExactly("INITIAL_SYNC→CONTINUOUS");
    }

    @Test
    void commitThatNoReportFollowsIsJudgedByTheEndOfTheSession() {
        world.start();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.durable(0, DISK_BYTES);
        world.durable(1, DISK_BYTES);
        world.report(0, MIB);
        world.commit();
        world.takeChanges();

        world.lose();

        assertThat(world.takeChanges()).containsExactly("INITIAL_SYNC→BACKLOG");
    }

    @Test
    void backlogThatTheAgentDoesNotHaveAnyMoreIsContinuousBetweenEpochs() {
        world.replicateAll();
        world.restart();
        world.model.desired(DesiredState.STARTED, world.now());
        world.open(Welcome.Action.RESUME);
        world.openEpoch(10 * MIB);
        world.passSeconds(61);
        assertThat(world.state()).isEqualTo(DataReplicationState.BACKLOG);

        world.report(0, 0);
        assertThat(world.state()).as("an epoch is open").isEqualTo(DataReplicationState.BACKLOG);

        world.lose();
        world.open(Welcome.Action.RESUME);
        world.report(0, 0);
        assertThat(world.state()).isEqualTo(DataReplicationState.CONTINUOUS);
    }

    // --- falling behind

    @Test
    void workThatWaitsLongerThanAllowedIsBacklog() {
        world.replicateAll();
        world.passSeconds(1);
        world.openEpoch(MIB);

        world.passSeconds(60);
        assertThat(world.takeChanges()).isEmpty();
        world.passSeconds(0.5);

        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→BACKLOG");
    }

    @Test
    void sourceThatNothingIsWrittenOnStaysContinuousForever() {
        world.replicateAll();

        world.pass(Duration.ofHours(3));

        assertThat(world.takeChanges()).isEmpty();
        assertThat(world.info().lagDuration()).isEqualTo(Duration.ZERO);
    }

    @Test
    void epochsThatAreShorterThanTheLimitStayContinuousHoweverLongTheAgentRests() {
        world.replicateAll();
        for (int i = 0; i < 4; i++) {
            world.pass(Duration.ofMinutes(15));
            world.openEpoch(MIB);
            world.passSeconds(50);
            world.durable(0, MIB);
            world.commit();
        }

        assertThat(world.takeChanges()).isEmpty();
    }

    @Test
    void commitsThatKeepComingAreContinuousThoughThereIsAlwaysABacklog() {
        world.replicateAll();
        world.clocks.blocks = 1;
        for (int i = 0; i < 60; i++) {
            world.openEpoch(MIB);
            world.report(MIB, 0);
            world.passSeconds(5);
            world.durable(0, MIB);
            world.commit();
        }

        assertThat(world.takeChanges()).isEmpty();
    }

    // --- rescans

    @Test
    void rescanAfterACommitLastsUntilTheNext() {
        world.replicateAll();
        world.passSeconds(10);
        world.lose();
        world.open(Welcome.Action.RESCAN);
        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→RESCAN");
        world.openEpoch(2 * DISK_BYTES);
        world.report(0, 0); // whatever it says
        world.passSeconds(10);
        assertThat(world.takeChanges()).isEmpty();

        world.durable(0, DISK_BYTES);
        world.commit();

        assertThat(world.takeChanges()).containsExactly("RESCAN→CONTINUOUS");
    }

    @Test
    void rescanThatLeavesABacklogIsBacklog() {
        world.replicateAll();
        world.lose();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.report(0, MIB);
        world.commit();
        world.report(0, MIB);

        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→RESCAN", "RESCAN→BACKLOG");
    }

    @Test
    void rescanInTheInitialSyncIsStillTheInitialSync() {
        world.start();
        world.open(Welcome.Action.RESCAN);
        world.durable(0, MIB);
        world.lose();
        world.takeChanges();

        world.open(Welcome.Action.RESCAN);

        assertThat(world.takeChanges()).isEmpty();
        assertThat(world.state()).isEqualTo(DataReplicationState.INITIAL_SYNC);
    }

    @Test
    void rescanGoesOnAfterARestartThoughTheAgentResumes() {
        world.replicateAll();
        world.lose();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.durable(0, 30 * MIB);
        world.restart();
        world.open(Welcome.Action.RESUME);

        assertThat(world.state()).isEqualTo(DataReplicationState.RESCAN);
        assertThat(world.disk(0).rescannedStorageBytes()).isEqualTo(30 * MIB);
    }

    // --- stalls

    @Test
    void blocksThatDoNotBecomeDurableAreAStallUntilOneDoes() {
        world.replicateAll();
        world.openEpoch(MIB);
        world.clocks.blocks = 3;
        world.clocks.blocksUnderWay = 1;
        world.clocks.deviceBusy = 1;
        world.clocks.windowUsedUp = 1;

        world.passSeconds(30);
        assertThat(world.takeChanges()).isEmpty();
        world.passSeconds(0.5);
        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→STALLED");
        assertThat(world.reasons.getLast())
                .isEqualTo(
                        "work has waited for 30 s and no byte became durable; 100 % of that time went to the volume or the"
                                + " instance's EBS limit, which are not told apart here");

        world.passSeconds(100);
        assertThat(world.takeChanges()).isEmpty();
        world.durable(0, 512);
        assertThat(world.takeChanges()).as("what it covers went on").containsExactly("STALLED→BACKLOG");
    }

    @Test
    void blocksThatAreComparedAreNoStallThoughNothingBecomesDurable() {
        world.replicateAll();
        world.clocks.blocks = 1;
        world.clocks.blocksUnderWay = 1;
        for (int i = 0; i < 3; i++) {
            world.passSeconds(29);
            world.model.compared(ModelWorld.verified(-1, 0), world.now());
        }
        assertThat(world.takeChanges()).noneMatch(change -> change.contains("STALLED"));
        world.passSeconds(31);
        assertThat(world.takeChanges()).containsExactly("BACKLOG→STALLED");
    }

    @Test
    void reportedBacklogThatDoesNotMoveIsAStall() {
        world.replicateAll();
        world.pass(Duration.ofSeconds(31), () -> world.report(MIB, 0));

        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→STALLED");
    }

    @Test
    void commitThatWaitsIsAStallAndEndsIt() {
        world.replicateAll();
        world.openEpoch(0);
        world.model.commitWaits(true, world.now());
        world.passSeconds(31);
        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→STALLED");

        world.commit();

        assertThat(world.takeChanges()).containsExactly("STALLED→CONTINUOUS");
    }

    @Test
    void refusedCommitDoesNotWait() {
        world.replicateAll();
        world.openEpoch(0);
        world.model.commitWaits(true, world.now());
        world.passSeconds(31);
        world.takeChanges();

        world.model.commitWaits(false, world.now());

        assertThat(world.takeChanges()).containsExactly("STALLED→CONTINUOUS");
        assertThat(world.reasons.getLast()).isEqualTo("no work waits any more");
    }

    @Test
    void stallBeforeTheFirstByteIsAStallToo() {
        world.start();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.clocks.blocks = 1;
        world.passSeconds(31);
        assertThat(world.state()).isEqualTo(DataReplicationState.STALLED);

        world.durable(0, 512);
        assertThat(world.info().detail().firstByteDateTime())
                .isEqualTo(world.now().instant());

        assertThat(world.takeChanges())
                .containsExactly("STOPPED→INITIATING", "INITIATING→STALLED", "STALLED→INITIAL_SYNC");
    }

    @Test
    void nothingIsAStallWhereNoWorkWaits() {
        world.replicateAll();
        world.openEpoch(50 * MIB); // the agent reports nothing: it may have nothing to send
        world.passSeconds(300);

        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→BACKLOG");
    }

    @Test
    void stallEndsWithItsSession() {
        world.replicateAll();
        world.pass(Duration.ofSeconds(31), () -> world.report(MIB, 0));
        world.takeChanges();

        world.lose();

        assertThat(world.takeChanges()).containsExactly("STALLED→CONTINUOUS");
    }

    @Test
    void stallIsCountedFromTheMomentAtWhichWorkBeganToWait() {
        world.replicateAll();
        world.passSeconds(1000);
        world.report(MIB, 0);
        world.passSeconds(29);
        assertThat(world.takeChanges()).isEmpty();
        world.passSeconds(1);
        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→STALLED");
    }

    // --- the agent

    @Test
    void agentThatIsAwayForTooLongIsDisconnectedUntilItComesBack() {
        world.replicateAll();
        world.lose();
        world.passSeconds(59);
        assertThat(world.takeChanges()).isEmpty();
        world.passSeconds(1);
        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→DISCONNECTED");
        world.pass(Duration.ofHours(1));

        world.open(Welcome.Action.RESUME);

        assertThat(world.takeChanges()).containsExactly("DISCONNECTED→CONTINUOUS");
    }

    @Test
    void agentThatComesBackAndRescansWasNeverContinuousInBetween() {
        world.replicateAll();
        world.lose();
        world.passSeconds(61);
        world.takeChanges();

        world.open(Welcome.Action.RESCAN);

        assertThat(world.takeChanges()).containsExactly("DISCONNECTED→RESCAN");
    }

    @Test
    void sinceWhenTheAgentIsThereOrNotIsSaid() {
        world.passSeconds(5);
        world.start();
        Instant started = world.now().instant();
        world.passSeconds(5);
        assertThat(world.info().detail().agentSinceDateTime()).isEqualTo(started);
        world.open(Welcome.Action.RESCAN);
        Instant opened = world.now().instant();
        world.passSeconds(5);
        assertThat(world.info().detail().agentSinceDateTime()).isEqualTo(opened);
        world.lose();
        Instant lost = world.now().instant();
        world.passSeconds(5);
        assertThat(world.info().detail().agentSinceDateTime()).isEqualTo(lost);
    }

    @Test
    void agentThatNeverCameIsNotDisconnected() {
        world.start();
        world.pass(Duration.ofHours(1));

        assertThat(world.takeChanges()).containsExactly("STOPPED→INITIATING");
    }

    @Test
    void agentOfAnEarlierProcessCountsAsOneThatWasThere() {
        world.replicateAll();
        world.restart();
        world.passSeconds(61);

        assertThat(world.takeChanges()).containsExactly("STOPPED→CONTINUOUS", "CONTINUOUS→DISCONNECTED");
    }

    @Test
    void endOfAnOlderSessionChangesNothing() {
        world.replicateAll();
        world.model.sessionEnded(0, SessionEndCause.LOST, "late", world.now());
        world.passSeconds(120);

        assertThat(world.takeChanges()).isEmpty();
        assertThat(world.info().lagDuration()).isEqualTo(Duration.ZERO);
    }

    // --- commands

    @ParameterizedTest
    @EnumSource(
            value = DesiredState.class,
            names = {"PAUSED", "STOPPED"})
    void whatGoesOnUnderACommandShowsWhenItIsTakenBack(DesiredState desired) {
        world.start();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.durable(0, MIB);
        world.takeChanges();

        world.model.desired(desired, world.now());
        world.durable(0, MIB);
        world.commit();
        world.end(SessionEndCause.SERVER_ENDED, "paused");
        world.pass(Duration.ofHours(1));
        assertThat(world.takeChanges()).containsExactly("INITIAL_SYNC→" + desired);

        world.model.desired(DesiredState.STARTED, world.now());
        assertThat(world.takeChanges()).containsExactly(desired + "→CONTINUOUS");
        world.passSeconds(59);
        assertThat(world.takeChanges()).as("the agent has time to come").isEmpty();
        world.passSeconds(1);
        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→DISCONNECTED");
    }

    @Test
    void stallIsCountedAnewAfterAPause() {
        world.replicateAll();
        world.model.desired(DesiredState.PAUSED, world.now());
        world.report(MIB, 0);
        world.passSeconds(100);
        world.model.desired(DesiredState.STARTED, world.now());
        world.takeChanges();

        world.passSeconds(29);
        assertThat(world.takeChanges()).isEmpty();
        world.passSeconds(1.5);
        assertThat(world.takeChanges()).containsExactly("BACKLOG→STALLED");
    }

    @Test
    void commandThatIsRepeatedChangesNothing() {
        world.replicateAll();
        for (DesiredState desired :
                new DesiredState[] {DesiredState.STARTED, DesiredState.PAUSED, DesiredState.PAUSED}) {
            world.model.desired(desired, world.now());
        }

        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→PAUSED");
    }
}
