package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.replication.ModelWorld.DISK_BYTES;
import static org.replicationserver.receiver.replication.ModelWorld.MIB;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.DataReplicationInfo.ReplicatedDisk;
import org.replicationserver.receiver.session.VolumeAssignment;

/** What counters say of disks. */
class CountersTest {
    private final ModelWorld world = new ModelWorld();

    @BeforeEach
    void start() {
        world.start();
    }

    private long replicated(int disk) {
        return world.disk(disk).replicatedStorageBytes();
    }

    private long rescanned(int disk) {
        return world.disk(disk).rescannedStorageBytes();
    }

    private long backlogged(int disk) {
        return world.disk(disk).backloggedStorageBytes();
    }

    @Test
    void everyDiskOfTheAssignmentIsThereFromTheBeginning() {
        assertThat(world.info().replicatedDisks())
                .containsExactly(
                        new ReplicatedDisk("/dev/sda", DISK_BYTES, 0, 0, 0),
                        new ReplicatedDisk("/dev/sdb", DISK_BYTES, 0, 0, 0));
    }

    @Test
    void durableBytesCountForTheirDiskOnly() {
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.durable(0, 3 * MIB);
        world.durable(0, 4 * MIB);

        assertThat(replicated(0)).isEqualTo(7 * MIB);
        assertThat(replicated(1)).isZero();
        assertThat(world.info().detail().backloggedBytes())
                .as("it is the initial sync")
                .isZero();
    }

    @Test
    void blocksThatAreSentAgainDoNotCountAboveTheDisk() {
        world.open(Welcome.Action.RESCAN);
        world.durable(0, DISK_BYTES - MIB);
        world.durable(0, 2 * MIB);

        assertThat(replicated(0)).isEqualTo(DISK_BYTES);
    }

    @Test
    void blocksThatAreSentAgainDoNotCountTwiceWhereTheAgentReports() {
        world.open(Welcome.Action.RESCAN);
        world.report(DISK_BYTES, DISK_BYTES);
        world.durable(0, 60 * MIB);
        world.report(80 * MIB, DISK_BYTES); // 40 MiB of these were written again meanwhile

        world.durable(0, 10 * MIB);

        assertThat(replicated(0)).as("no going back").isEqualTo(60 * MIB);
        world.durable(0, 50 * MIB);
        assertThat(replicated(0)).isEqualTo(80 * MIB);
    }

    @Test
    void agentThatRestartsDoesNotSetTheCounterBack() {
        world.open(Welcome.Action.RESCAN);
        world.durable(0, 60 * MIB);
        world.lose();
        world.open(Welcome.Action.RESCAN);
        world.durable(0, 50 * MIB);
        assertThat(replicated(0)).as("the same again").isEqualTo(60 * MIB);

        world.durable(0, 15 * MIB);

        assertThat(replicated(0)).isEqualTo(65 * MIB);
    }

    @Test
    void agentThatResumesGoesOnCounting() {
        world.open(Welcome.Action.RESCAN);
        world.durable(0, 60 * MIB);
        world.lose();
        world.open(Welcome.Action.RESUME);
        world.durable(0, 10 * MIB);

        assertThat(replicated(0)).isEqualTo(70 * MIB);
    }

    @Test
    void reportPutsTheCounterRightAfterARestart() {
        world.open(Welcome.Action.RESCAN);
        world.report(DISK_BYTES - 70 * MIB, 0);

        assertThat(replicated(0)).isEqualTo(70 * MIB);
        assertThat(replicated(1)).isEqualTo(DISK_BYTES);
    }

    @Test
    void commitCompletesDisksOfItsSessionOnly() {
        world.open(world.volume(0, Welcome.Action.RESCAN, "gen-1"));
        world.durable(0, MIB);
        world.commit();

        assertThat(replicated(0)).isEqualTo(DISK_BYTES);
        assertThat(replicated(1)).isZero();
    }

    @Test
    void anotherDataGenerationBeginsAtZero() {
        world.open(Welcome.Action.RESCAN);
        world.durable(0, MIB);
        world.commit();
        world.lose();
        world.open(world.volume(0, Welcome.Action.RESCAN, "gen-2"), world.volume(1, Welcome.Action.RESUME, "gen-1"));
        assertThat(replicated(0)).isZero();
        assertThat(rescanned(0)).as("a first copy is no rescan").isZero();
        assertThat(replicated(1)).isEqualTo(DISK_BYTES);

        world.durable(0, 5 * MIB);

        assertThat(replicated(0)).isEqualTo(5 * MIB);
    }

    @Test
    void diskStaysReplicatedWhileARescanThatWasAskedForRuns() {
        world.open(Welcome.Action.RESCAN);
        world.commit();
        world.lose();
        world.open(
                world.volume(0, Welcome.Action.RESCAN, "gen-2", "RESCAN_REQUESTED"),
                world.volume(1, Welcome.Action.RESUME, "gen-1"));
        world.durable(0, 5 * MIB);
        assertThat(replicated(0)).isEqualTo(DISK_BYTES);
        assertThat(rescanned(0)).isEqualTo(5 * MIB);
    }

    @Test
    void rescanCountsFromItsBeginningWhileTheDiskStaysReplicated() {
        world.open(Welcome.Action.RESCAN);
        world.durable(0, DISK_BYTES);
        world.commit();
        assertThat(rescanned(0)).isZero();

        world.lose();
        world.open(world.volume(0, Welcome.Action.RESCAN, "gen-1"), world.volume(1, Welcome.Action.RESUME, "gen-1"));
        world.durable(0, 30 * MIB);
        world.durable(1, 30 * MIB);
        assertThat(rescanned(0)).isEqualTo(30 * MIB);
        assertThat(rescanned(1)).isZero();
        assertThat(replicated(0)).isEqualTo(DISK_BYTES);

        world.report(20 * MIB, 0);
        assertThat(rescanned(0)).isEqualTo(80 * MIB);
        assertThat(backlogged(0)).isEqualTo(20 * MIB);
        world.commit();
        assertThat(rescanned(0)).isEqualTo(DISK_BYTES);

        world.lose();
        world.open(Welcome.Action.RESCAN);
        assertThat(rescanned(0)).isZero();
    }

    @Test
    void agentThatRestartsInARescanDoesNotSetItsCounterBack() {
        world.open(Welcome.Action.RESCAN);
        world.commit();
        world.open(Welcome.Action.RESCAN);
        world.durable(0, 30 * MIB);
        world.open(Welcome.Action.RESCAN);
        world.durable(0, 20 * MIB);
        assertThat(rescanned(0)).isEqualTo(30 * MIB);

        world.durable(0, 15 * MIB);

        assertThat(rescanned(0)).isEqualTo(35 * MIB);
    }

    @Test
    void reportedBacklogIsLessWhatIsNotReplicatedYetAndWhatBecameDurableSince() {
        world.open(Welcome.Action.RESCAN);
        world.report(DISK_BYTES, DISK_BYTES);
        assertThat(backlogged(0)).isZero();
        world.durable(0, 60 * MIB);
        world.report(80 * MIB, DISK_BYTES); // 40 MiB are missing, 40 MiB were written again
        assertThat(backlogged(0)).isEqualTo(40 * MIB);
        assertThat(backlogged(1)).isZero();

        world.durable(0, 30 * MIB);

        assertThat(backlogged(0)).isEqualTo(10 * MIB);
        assertThat(world.info().detail().backloggedBytes()).isEqualTo(10 * MIB);
        assertThat(world.info().detail().backlogKnown()).isTrue();
    }

    @Test
    void agentThatDoesNotReportHasTheBacklogThatItsEpochEstimated() {
        world.open(Welcome.Action.RESCAN);
        world.durable(0, DISK_BYTES);
        world.durable(1, DISK_BYTES);
        world.commit();
        world.openEpoch(31 * MIB);
        assertThat(backlogged(0) + backlogged(1)).isEqualTo(31 * MIB);

        world.durable(1, 10 * MIB);
        assertThat(world.info().detail().backloggedBytes()).isEqualTo(21 * MIB);
        assertThat(world.info().detail().backlogKnown()).isFalse();

        world.commit();
        assertThat(world.info().detail().backloggedBytes()).isZero();
    }

    @Test
    void absurdNumbersOfAnAgentStayWithinTheDisk() {
        world.open(Welcome.Action.RESCAN);
        world.commit();
        world.openEpoch(Long.MAX_VALUE);
        assertThat(backlogged(0)).isEqualTo(DISK_BYTES);
        assertThat(backlogged(1)).isEqualTo(DISK_BYTES);

        world.report(Long.MAX_VALUE, -5);
        assertThat(backlogged(0)).isEqualTo(DISK_BYTES);
        assertThat(backlogged(1)).isZero();
    }

    @Test
    void backlogIsStillShownWhileTheAgentIsAwayAndUntilItReportsAgain() {
        world.open(Welcome.Action.RESCAN);
        world.commit();
        world.report(20 * MIB, 0);
        world.lose();
        assertThat(backlogged(0)).isEqualTo(20 * MIB);
        assertThat(world.info().detail().backlogKnown()).isFalse();

        world.open(Welcome.Action.RESUME);
        assertThat(backlogged(0)).isEqualTo(20 * MIB);
        world.report(30 * MIB, 0);
        assertThat(backlogged(0)).isEqualTo(30 * MIB);
        assertThat(world.info().detail().backlogKnown()).isTrue();
    }

    @Test
    void backlogOfADiskThatIsNotInTheSessionIsNotWaitedFor() {
        world.open(Welcome.Action.RESCAN);
        world.commit();
        world.report(0, 20 * MIB);
        world.lose();
        world.open(world.volume(0, Welcome.Action.RESUME, "gen-1"));
        world.report(0);
        world.takeChanges();
        world.passSeconds(120);

        assertThat(world.takeChanges()).as("behind, and no stall").containsExactly("CONTINUOUS→BACKLOG");
    }

    @Test
    void diskThatWasAddedBeginsAtZeroAndTheOthersKeepWhatTheyHave() {
        world.open(Welcome.Action.RESCAN);
        world.durable(0, MIB);
        world.commit();

        world.assign(ModelWorld.disk(1, DISK_BYTES), ModelWorld.disk(2, 10 * MIB));

        assertThat(world.info().replicatedDisks())
                .containsExactly(
                        new ReplicatedDisk("/dev/sdb", DISK_BYTES, DISK_BYTES, 0, 0),
                        new ReplicatedDisk("/dev/sdc", 10 * MIB, 0, 0, 0));
        world.durable(0, MIB); // of a volume that is not assigned any more
    }

    @Test
    void diskThatComesLaterEndsContinuousReplicationUntilACommitHasHadIt() {
        world.open(Welcome.Action.RESCAN);
        world.durable(0, MIB);
        world.commit();
        assertThat(world.info().dataReplicationState()).isEqualTo(DataReplicationState.CONTINUOUS);

        world.assign(ModelWorld.disk(0, DISK_BYTES), ModelWorld.disk(1, DISK_BYTES), ModelWorld.disk(2, DISK_BYTES));
        assertThat(world.info().dataReplicationState()).isEqualTo(DataReplicationState.RESCAN);
        world.openEpoch(MIB);
        world.commit();
        assertThat(world.info().dataReplicationState())
                .as("the session does not have it yet")
                .isNotEqualTo(DataReplicationState.CONTINUOUS);

        world.open(Welcome.Action.RESCAN);
        world.durable(2, DISK_BYTES);
        world.commit();
        assertThat(world.info().dataReplicationState()).isEqualTo(DataReplicationState.CONTINUOUS);
    }

    @Test
    void sameAssignmentAgainBeginsNoRescanOfADiskThatIsAwaited() {
        world.open(Welcome.Action.RESCAN);
        world.commit();
        VolumeAssignment[] disks = {
            ModelWorld.disk(0, DISK_BYTES), ModelWorld.disk(1, DISK_BYTES), ModelWorld.disk(2, DISK_BYTES)
        };
        world.assign(disks);
        world.openEpoch(MIB);
        world.commit();
        world.lose();
        world.takeChanges();

        world.assign(disks);

        assertThat(world.takeChanges()).isEmpty();
        assertThat(world.state()).isEqualTo(DataReplicationState.BACKLOG);
    }

    @Test
    void diskThatHasGrownIsNotCompleteUntilTheNextCommit() {
        world.open(Welcome.Action.RESCAN);
        world.durable(0, MIB);
        world.commit();
        VolumeAssignment grown = ModelWorld.disk(0, 2 * DISK_BYTES);

        world.assign(grown, ModelWorld.disk(1, DISK_BYTES));
        assertThat(world.disk(0)).isEqualTo(new ReplicatedDisk("/dev/sda", 2 * DISK_BYTES, DISK_BYTES, 0, 0));
        world.open(Welcome.Action.RESUME);
        world.report(40 * MIB, 0);
        assertThat(replicated(0)).isEqualTo(2 * DISK_BYTES - 40 * MIB);
        world.commit();

        assertThat(replicated(0)).isEqualTo(2 * DISK_BYTES);
    }

    @Test
    void volumeIsInconsistentBetweenCommits() {
        assertThat(world.info().detail().inconsistentVolumes()).containsExactly("vol-0", "vol-1");
        world.open(Welcome.Action.RESCAN);
        world.durable(0, MIB);
        world.commit();
        assertThat(world.info().detail().inconsistentVolumes()).isEmpty();

        world.openEpoch(MIB);
        world.durable(1, MIB);
        assertThat(world.info().detail().inconsistentVolumes()).containsExactly("vol-1");
        world.commit(true);
        assertThat(world.info().detail().inconsistentVolumes()).as("fuzzy").containsExactly("vol-0", "vol-1");
        world.commit();
        assertThat(world.info().detail().inconsistentVolumes()).isEmpty();

        world.model.volumeFailed("vol-0", "EIO", world.now());
        assertThat(world.info().detail().inconsistentVolumes()).containsExactly("vol-0");
        world.model.duplicateAgent(ModelWorld.DUPLICATE);
        assertThat(world.info().detail().inconsistentVolumes()).containsExactly("vol-0", "vol-1");
        world.commit();
        world.model.agentsAccepted();
        assertThat(world.info().detail().inconsistentVolumes())
                .as("nobody knows yet whose disk it is")
                .containsExactly("vol-0", "vol-1");
    }

    @Test
    void volumeThatIsBegunAnewHoldsNothingOfItsDisk() {
        world.open(Welcome.Action.RESCAN);
        world.durable(0, DISK_BYTES);
        world.durable(1, DISK_BYTES);
        world.commit();
        world.lose();
        world.model.volumeFailed("vol-0", "EIO", world.now());
        world.model.volumeBegunAnew("vol-0", "gen-2");
        world.model.volumeOpened("vol-0");

        assertThat(world.info().detail().inconsistentVolumes()).containsExactly("vol-0");
        assertThat(world.disk(0).replicatedStorageBytes()).isZero();
        assertThat(world.disk(1).replicatedStorageBytes()).isEqualTo(DISK_BYTES);
    }
}
