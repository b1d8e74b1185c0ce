package org.replicationserver.receiver.snapshot;

import java.util.List;

/**
 * A snapshot group as far as it has come. Immutable.
 *
 * @param groupId unique over all servers
 * @param triggers why it is made
 * @param begunMillis when it was begun
 * @param epoch that the volumes held; 0 before it is MADE, as are the members below
 * @param markMillis the moment that the epoch is of
 * @param takenMillis when the writes were held
 * @param snapshots one of each volume
 */
public record SnapshotGroup(
        String groupId,
        String sourceServerId,
        List<SnapshotTrigger> triggers,
        Phase phase,
        long begunMillis,
        long epoch,
        long markMillis,
        long takenMillis,
        List<VolumeSnapshot> snapshots) {
    /** How far. */
    public enum Phase {
        /** Snapshots may exist; whether the writes were held for all of them nobody knows but the process that made them. */
        BEGUN,
        /** All were made under one hold. */
        MADE,
        /** The control plane will know it, whatever happens here. */
        REGISTERED
    }

    /** A snapshot and what it is of. */
    public record VolumeSnapshot(String volumeId, String deviceName, String snapshotId) {}

    public SnapshotGroup {
        triggers = List.copyOf(triggers);
        snapshots = List.copyOf(snapshots);
    }

    static SnapshotGroup begun(
            String groupId, String sourceServerId, List<SnapshotTrigger> triggers, long begunMillis) {
        return new SnapshotGroup(groupId, sourceServerId, triggers, Phase.BEGUN, begunMillis, 0, 0, 0, List.of());
    }

    SnapshotGroup made(long ofEpoch, long ofMarkMillis, long atMillis, List<VolumeSnapshot> all) {
        return new SnapshotGroup(
                groupId, sourceServerId, triggers, Phase.MADE, begunMillis, ofEpoch, ofMarkMillis, atMillis, all);
    }

    SnapshotGroup registered() {
        return new SnapshotGroup(
                groupId,
                sourceServerId,
                triggers,
                Phase.REGISTERED,
                begunMillis,
                epoch,
                markMillis,
                takenMillis,
                snapshots);
    }

    List<String> snapshotIds() {
        return snapshots.stream().map(VolumeSnapshot::snapshotId).toList();
    }
}
