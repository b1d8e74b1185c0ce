package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.replicationserver.receiver.replication.ModelWorld.DISK_BYTES;
import static org.replicationserver.receiver.replication.ModelWorld.MIB;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.ReplicationCheckpoint.VolumeCheckpoint;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;

/** What another process knows of a replication. */
class ReplicationCheckpointTest {
    @Test
    void anotherProcessTellsTheSame() {
        ModelWorld world = new ModelWorld();
        world.replicateAll();
        world.passSeconds(100);
        world.model.duplicateAgent(ModelWorld.DUPLICATE);
        world.lose();
        world.open(world.volume(0, Welcome.Action.RESCAN, "gen-1"), world.volume(1, Welcome.Action.RESCAN, "gen-2"));
        world.durable(0, 3 * MIB);
        world.durable(1, 4 * MIB);
        world.model.volumeFailed("vol-1", "EIO", world.now());
        DataReplicationInfo before = world.info();

        world.restart();

        DataReplicationInfo after = world.info();
        assertThat(world.state()).isEqualTo(DataReplicationState.RESCAN);
        assertThat(after.replicatedDisks()).isEqualTo(before.replicatedDisks());
        assertThat(after.detail().firstByteDateTime()).isEqualTo(before.detail().firstByteDateTime());
        assertThat(after.lagDuration()).isEqualTo(before.lagDuration()).hasSeconds(100);
        assertThat(after.dataReplicationInitiation().startDateTime())
                .isEqualTo(before.dataReplicationInitiation().startDateTime());
        assertThat(after.detail().inconsistentVolumes()).containsExactly("vol-0", "vol-1");
        assertThat(world.explanation(ExplanationCode.DUPLICATE_AGENT).sentence())
                .contains("take turns with unknown keys, the one at unknown is refused");
        assertThat(world.disk(1).replicatedStorageBytes()).isEqualTo(4 * MIB);
    }

    @Test
    void failureOfAVolumeIsKept() {
        ModelWorld world = new ModelWorld();
        world.replicateAll();
        world.model.volumeFailed("vol-1", "EIO", world.now());

        assertThat(world.model.checkpoint().volumes().get("vol-1"))
                .isEqualTo(new VolumeCheckpoint(
                        "gen-1", true, false, DISK_BYTES, 0, "EIO", world.now().wallMillis(), null));
        world.restart(); // its device can be opened, but nobody has looked at what it holds
        assertThat(world.codes()).containsExactly(ExplanationCode.VOLUME_FAILED);
    }

    @Test
    void whatAVerificationHasFoundIsKeptAndKeepsTheVolumeFromCountingAsConsistent() {
        ModelWorld world = new ModelWorld();
        world.replicateAll();
        assertThat(world.info().detail().inconsistentVolumes()).isEmpty();
        world.model.compared(ModelWorld.verified(MIB, 512), world.now());
        assertThat(world.info().detail().inconsistentVolumes()).containsExactly("vol-0");

        world.restart();
        assertThat(world.codes()).contains(ExplanationCode.REPLICA_DIFFERS);
        world.open(Welcome.Action.RESUME);
        assertThat(world.codes()).contains(ExplanationCode.REPLICA_DIFFERS);
        world.open(Welcome.Action.RESCAN);
        assertThat(world.codes()).doesNotContain(ExplanationCode.REPLICA_DIFFERS);
    }

    @Test
    void recordAloneTellsWhatAReplacementNeeds() {
        SourceRecord record = new SourceRecord(
                7,
                7,
                new SourceRecord.Commit(3, 2, false, 1_700_000_000_000L),
                1_600_000_000_000L,
                false,
                false,
                Map.of("vol-0", new VolumeRecord("gen-1", Origin.NEW_VOLUME, null)),
                List.of());
        ModelWorld world = new ModelWorld(1, ReplicationCheckpoint.of(record));
        world.start();
        assertThat(world.takeChanges()).containsExactly("STOPPED→BACKLOG");

        world.open(Welcome.Action.RESUME);
        world.report(0);

        assertThat(world.takeChanges()).containsExactly("BACKLOG→CONTINUOUS");
        assertThat(world.disk(0).replicatedStorageBytes()).isEqualTo(DISK_BYTES);
        assertThat(world.info().lagDuration()).isZero();
    }

    @Test
    void recordWithAFailedVolumeDoesNotTellWhenAllVolumesWereAsTheSource() {
        SourceRecord record = new SourceRecord(
                7,
                7,
                new SourceRecord.Commit(3, 2, false, 1_700_000_000_000L),
                1_600_000_000_000L,
                false,
                false,
                Map.of(
                        "vol-0", new VolumeRecord("gen-1", Origin.NEW_VOLUME, null),
                        "vol-1", new VolumeRecord("gen-2", Origin.NEW_VOLUME, "EIO")),
                List.of());
        ModelWorld world = new ModelWorld(2, ReplicationCheckpoint.of(record));
        world.start();

        assertThat(world.info().detail().lagSinceCommitSeconds()).isNull();
    }

    @Test
    void recordBeforeTheFirstCommitTellsHowFarItCame() {
        assertThat(ReplicationCheckpoint.of(SourceRecord.initial())).isEqualTo(ReplicationCheckpoint.initial());
        assertThat(ReplicationCheckpoint.of(SourceRecord.initial().withFirstByte(5))
                        .state())
                .isEqualTo(DataReplicationState.INITIAL_SYNC);
        ReplicationCheckpoint lost = ReplicationCheckpoint.of(SourceRecord.lost());
        assertThat(lost.recordLost()).isTrue();
        ReplicationCheckpoint duplicate =
                ReplicationCheckpoint.of(SourceRecord.initial().withRefusedAgents(List.of(ModelWorld.DUPLICATE)));
        assertThat(duplicate.duplicateAgent()).isTrue();
        assertThat(ReplicationCheckpoint.of(SourceRecord.lost().withCommit(1, false, 1))
                        .recordLost())
                .isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "INITIATING, 1",
        "INITIAL_SYNC, 1",
        "BACKLOG, 0",
        "CONTINUOUS, 0",
        "RESCAN, 0",
        "STALLED, 1",
        "PAUSED, 0"
    })
    void stateThatContradictsTheCommittedEpochIsRefused(DataReplicationState state, long committedEpoch) {
        assertThatThrownBy(() -> new ReplicationCheckpoint(
                        state, 0, 0, committedEpoch, 0, false, false, DesiredState.STARTED, 1, Map.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(state.name());
    }

    @Test
    void snapshotThatWasBeingMadeDoesNotOutliveTheProcess() {
        ReplicationCheckpoint kept = new ReplicationCheckpoint(
                DataReplicationState.CREATING_SNAPSHOT, 1, 1, 1, 1, false, false, DesiredState.STARTED, 1, Map.of());

        assertThat(kept.state()).isEqualTo(DataReplicationState.CONTINUOUS);
    }

    @Test
    void commitThatIsNotJudgedYetIsKeptAsABacklog() {
        ModelWorld world = new ModelWorld();
        world.start();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.durable(0, MIB);
        world.report(MIB, 0);
        world.commit();

        assertThat(world.model.checkpoint().state()).isEqualTo(DataReplicationState.BACKLOG);
    }

    @Test
    void countersThatDoNotFitTheDiskAreCut() {
        ReplicationCheckpoint kept = new ReplicationCheckpoint(
                DataReplicationState.INITIAL_SYNC,
                1,
                1,
                0,
                0,
                false,
                false,
                DesiredState.STARTED,
                1,
                Map.of("vol-0", new VolumeCheckpoint("g", false, false, Long.MAX_VALUE, -1, null, 0, null)));
        ModelWorld world = new ModelWorld(1, kept);

        assertThat(world.disk(0).replicatedStorageBytes()).isEqualTo(DISK_BYTES);
        assertThat(world.disk(0).rescannedStorageBytes()).isZero();
    }
}
