package org.replicationserver.receiver.replication;

import org.jspecify.annotations.Nullable;

/**
 * How it stands with the snapshot groups of a source server. Immutable.
 *
 * @param lastMillis when the newest group was taken whose snapshots are all complete, 0 if there is none
 * @param markMillis the mark of the epoch that it is of, 0 if there is none
 * @param trouble null where the newest group did not fail
 */
public record SnapshotStanding(
        long lastMillis, long markMillis, @Nullable SnapshotTrouble trouble) {
    /** Nothing was ever made, or tried. */
    public static final SnapshotStanding NONE = new SnapshotStanding(0, 0, null);
}
