package org.replicationserver.receiver.snapshot;

import org.replicationserver.receiver.replication.SnapshotStanding;

/** What others are told of snapshot groups. Called on any thread; must not block. */
public interface SnapshotEvents {
    /** A group has ended, made or not. */
    void ended(String sourceServerId, SnapshotOutcome outcome);

    /** How it stands with the groups of a source server from now on. */
    void standing(String sourceServerId, SnapshotStanding standing);
}
