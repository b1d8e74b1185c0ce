package org.replicationserver.receiver.replication;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.SourceRecord;

/**
 * What must be kept of a source server's replication so that another process tells the same of it; immutable.
 *
 * @param state one that an overlay can cover; what was going on; CREATING_SNAPSHOT survives no restart and is kept as CONTINUOUS
 * @param startMillis when replication was first started, 0 if never
 * @param firstByteMillis when the first block came, 0 if none
 * @param committedEpoch 0 if none is
 * @param markMillis the mark of the last commit that had every assigned disk, 0 if none had
 * @param recordLost whether the sessions' record could not be read and nothing was committed since
 * @param duplicateAgent whether a duplicate agent was found and not accepted
 * @param wanted what was last wanted of it
 * @param wantedMillis since when, 0 if that is not known
 * @param volumes by volume id
 */
public record ReplicationCheckpoint(
        DataReplicationState state,
        long startMillis,
        long firstByteMillis,
        long committedEpoch,
        long markMillis,
        boolean recordLost,
        boolean duplicateAgent,
        DesiredState wanted,
        long wantedMillis,
        Map<String, VolumeCheckpoint> volumes) {

    /**
     * What must be kept of a volume.
     *
     * @param dataGen id of the content's history, which all else here is of
     * @param complete whether an epoch was committed that had this volume
     * @param rescanning whether its disk is sent again and no commit has ended that
     * @param replicatedBytes so many bytes of its disk are known to be durable
     * @param rescannedBytes so many of them were sent again in the last rescan
     * @param failedCause why it takes no writes, or null if it does
     * @param failedMillis since when, 0 if that is not known or it does
     * @param difference what verifications have found, or null
     */
    public record VolumeCheckpoint(
            String dataGen,
            boolean complete,
            boolean rescanning,
            long replicatedBytes,
            long rescannedBytes,
            @Nullable String failedCause,
            long failedMillis,
            @Nullable FoundDifference difference) {}

    /** Throws IllegalArgumentException for a state that contradicts the committed epoch, so that no damaged file is believed. */
    public ReplicationCheckpoint {
        volumes = Map.copyOf(volumes);
        if (state == DataReplicationState.CREATING_SNAPSHOT) {
            state = DataReplicationState.CONTINUOUS;
        }
        boolean before = state == DataReplicationState.INITIATING || state == DataReplicationState.INITIAL_SYNC;
        if (!state.isCoverable() || before != (committedEpoch == 0)) {
            throw new IllegalArgumentException("state " + state + " with committed epoch " + committedEpoch);
        }
    }

    /** Of a source server that was never seen. */
    public static ReplicationCheckpoint initial() {
        return new ReplicationCheckpoint(
                DataReplicationState.INITIATING, 0, 0, 0, 0, false, false, DesiredState.STOPPED, 0, Map.of());
    }

    /**
     * What the sessions' record alone tells, as on a server that takes over the volumes of another one: after a commit every volume counts
     * as complete and the replica as behind, before it the counters begin at 0.
     */
    public static ReplicationCheckpoint of(SourceRecord record) {
        boolean committed = record.commit().epoch() > 0;
        DataReplicationState begun =
                record.firstByteMillis() > 0 ? DataReplicationState.INITIAL_SYNC : DataReplicationState.INITIATING;
        Map<String, VolumeCheckpoint> volumes = new LinkedHashMap<>();
        record.volumes()
                .forEach((id, volume) -> volumes.put(
                        id,
                        new VolumeCheckpoint(volume.dataGen(), committed, false, 0, 0, volume.failedCause(), 0, null)));
        boolean failed = record.volumes().values().stream().anyMatch(volume -> volume.failedCause() != null);
        return new ReplicationCheckpoint(
                committed ? DataReplicationState.BACKLOG : begun,
                0,
                record.firstByteMillis(),
                record.commit().epoch(),
                // A commit without a volume that takes no writes says nothing of when all of them were as the source.
                failed ? 0 : record.commit().markTimeMillis(),
                record.stateLost() && !committed,
                !record.refusedAgents().isEmpty(),
                DesiredState.STOPPED,
                0,
                volumes);
    }
}
