package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.replication.ModelWorld.MIB;

import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.Welcome;

/** What a snapshot group does to what is said of a replication. */
class SnapshotStateTest {
    private final ModelWorld world = new ModelWorld();

    private void hold() {
        world.model.snapshotBegan(world.now());
    }

    private void release() {
        world.model.snapshotEnded(world.now());
    }

    @Test
    void stateIsCreatingSnapshotForAsLongAsWritesAreHeld() {
        world.replicateAll();

        hold();
        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→CREATING_SNAPSHOT");
        world.passSeconds(3);
        release();

        assertThat(world.takeChanges()).containsExactly("CREATING_SNAPSHOT→CONTINUOUS");
    }

    @Test
    void replicaThatIsBehindGoesBackToBacklogAndNeverSaysContinuous() {
        world.replicateAll();
        world.openEpoch(3 * MIB);
        world.passSeconds(61);
        assertThat(world.takeChanges()).containsExactly("CONTINUOUS→BACKLOG");

        hold();
        world.passSeconds(3);
        assertThat(world.takeChanges()).containsExactly("BACKLOG→CREATING_SNAPSHOT");
        release();

        assertThat(world.takeChanges()).containsExactly("CREATING_SNAPSHOT→BACKLOG");
    }

    @Test
    void snapshotOfAReplicaThatIsSentAgainChangesNoState() {
        world.replicateAll();
        world.lose();
        world.open(Welcome.Action.RESCAN, "gen-2");
        world.takeChanges();

        hold();
        world.passSeconds(1);
        release();

        assertThat(world.takeChanges()).isEmpty();
        assertThat(world.state()).isEqualTo(DataReplicationState.RESCAN);
    }

    @Test
    void agentThatIsLostDuringAHoldIsToldAndWhatTheOverlayCoversGoesOn() {
        world.replicateAll();
        hold();
        world.lose();
        world.passSeconds(61);
        assertThat(world.state()).isEqualTo(DataReplicationState.DISCONNECTED);

        release();
        world.open(Welcome.Action.RESUME);

        assertThat(world.state()).isIn(DataReplicationState.CONTINUOUS, DataReplicationState.BACKLOG);
    }

    @Test
    void failureChangesNoStateAndIsThePublishedErrorUntilAGroupDoesNotFail() {
        world.replicateAll();
        SnapshotTrouble trouble = new SnapshotTrouble(world.now().wallMillis(), 1, false, "no credit", "Wait.");

        world.model.snapshotStanding(new SnapshotStanding(0, 0, trouble));

        assertThat(world.takeChanges()).isEmpty();
        DataReplicationInfo.DataReplicationError error = world.info().dataReplicationError();
        assertThat(error).isNotNull();
        assertThat(String.valueOf(error)).contains("SNAPSHOTS_FAILURE", "once, since ", "no credit. Wait.");

        world.model.snapshotStanding(SnapshotStanding.NONE);
        assertThat(world.info().dataReplicationError()).isNull();
    }

    @Test
    void lastSnapshotIsWhenItWasTakenAndItsLagIsOfTheMark() {
        world.replicateAll();
        assertThat(world.info().lastSnapshotDateTime()).isNull();
        assertThat(world.info().detail().lagSinceConsistentSnapshotSeconds()).isNull();
        long mark = world.now().wallMillis();
        world.passSeconds(5);
        Instant taken = world.now().instant();

        world.model.snapshotStanding(new SnapshotStanding(taken.toEpochMilli(), mark, null));
        world.passSeconds(7);

        assertThat(world.info().lastSnapshotDateTime()).isEqualTo(taken);
        assertThat(world.info().detail().lagSinceConsistentSnapshotSeconds()).isEqualTo(12);
    }
}
