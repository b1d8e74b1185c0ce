package org.replicationserver.receiver.replication;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All that is said of a source server's replication at one moment; immutable. The members are those of the published type of this name,
 * and {@code detail}, which is ours. A Duration or Instant is written by its toString, which is ISO-8601; one that is null is left out.
 *
 * @param lagDuration whole seconds since the mark of the last commit that had every disk, 0 while nothing waits; before the first since
 *     the start
 * @param etaDateTime the later bound of the detail's
 * @param replicatedDisks in the order of the assignment
 * @param lastSnapshotDateTime of the newest group whose snapshots are all complete; null if there is none
 */
public record DataReplicationInfo(
        DataReplicationState dataReplicationState,
        Duration lagDuration,
        @Nullable Instant etaDateTime,
        List<ReplicatedDisk> replicatedDisks,
        DataReplicationInitiation dataReplicationInitiation,
        @Nullable DataReplicationError dataReplicationError,
        @Nullable Instant lastSnapshotDateTime,
        String replicatorId,
        Detail detail) {
    public DataReplicationInfo {
        replicatedDisks = List.copyOf(replicatedDisks);
    }

    /** The counters of a disk, in bytes; README, "Counters". */
    public record ReplicatedDisk(
            String deviceName,
            long totalStorageBytes,
            long replicatedStorageBytes,
            long rescannedStorageBytes,
            long backloggedStorageBytes) {}

    /**
     * The way to the first byte.
     *
     * @param nextAttemptDateTime null: agents decide by themselves when they try again
     */
    public record DataReplicationInitiation(
            Instant startDateTime, @Nullable Instant nextAttemptDateTime, List<InitiationStep> steps) {
        public DataReplicationInitiation {
            steps = List.copyOf(steps);
        }
    }

    public record InitiationStep(InitiationStepName name, InitiationStepStatus status) {}

    /** {@code rawError} is the sentence of the explanation that it comes from, with its next action. */
    public record DataReplicationError(DataReplicationErrorCode error, String rawError) {}

    /**
     * What the published type has no member for.
     *
     * @param lagSinceCommitSeconds null before the first commit that had every disk
     * @param lagSinceConsistentSnapshotSeconds since the mark of that group's epoch; null if there is none
     * @param backloggedBytes of all disks
     * @param agentConnected whether a session is open
     * @param agentSinceDateTime since when that is so; where none is open, at the earliest since an agent is expected
     * @param backlogKnown whether the agent reports its backlog in the present session
     * @param lagAttribution since the present lag began, or of the last one; the largest share first, without those that are 0
     * @param explanations the gravest first
     * @param inconsistentVolumes ids of volumes that do not hold their disk as it was at one moment
     */
    public record Detail(
            @Nullable Instant firstByteDateTime,
            @Nullable Long lagSinceCommitSeconds,
            @Nullable Long lagSinceConsistentSnapshotSeconds,
            long backloggedBytes,
            boolean agentConnected,
            Instant agentSinceDateTime,
            boolean backlogKnown,
            @Nullable Instant etaEarliestDateTime,
            @Nullable Instant etaLatestDateTime,
            List<Rate> rates,
            List<StageSeconds> lagAttribution,
            List<Explanation> explanations,
            List<String> inconsistentVolumes) {
        public Detail {
            rates = List.copyOf(rates);
            lagAttribution = List.copyOf(lagAttribution);
            explanations = List.copyOf(explanations);
            inconsistentVolumes = List.copyOf(inconsistentVolumes);
        }
    }

    /** Mean rates of a window; {@code arrivingBytesPerSecond} is what the source writes, null where the agent does not report. */
    public record Rate(
            long windowSeconds,
            long durableBytesPerSecond,
            @Nullable Long arrivingBytesPerSecond) {}

    public record StageSeconds(LagStage stage, double seconds) {}
}
