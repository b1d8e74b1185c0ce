package org.replicationserver.receiver.snapshot;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What became of a group. Immutable.
 *
 * @param groupId null where none was begun
 * @param sentence for people, with ids of snapshots
 * @param nextAction what to do, a whole sentence; empty if nothing is
 * @param snapshotIds of the group if it was made; otherwise those that are left over and belong to nothing
 */
public record SnapshotResult(
        @Nullable String groupId,
        SnapshotOutcome outcome,
        String sentence,
        String nextAction,
        List<String> snapshotIds) {
    public SnapshotResult {
        snapshotIds = List.copyOf(snapshotIds);
    }

    static SnapshotResult made(SnapshotGroup group) {
        return new SnapshotResult(
                group.groupId(),
                SnapshotOutcome.MADE,
                "snapshot group " + group.groupId() + " of epoch " + group.epoch() + " is made: "
                        + String.join(", ", group.snapshotIds()),
                "",
                group.snapshotIds());
    }

    /** @param leftOver snapshots that were made and belong to nothing, as far as is known */
    static SnapshotResult failed(@Nullable String groupId, SnapshotException failure, List<String> leftOver) {
        String rest = leftOver.isEmpty()
                ? ""
                : "; left over, and for the control plane to delete, "
                        + (leftOver.size() == 1 ? "is " : "are ")
                        + String.join(", ", leftOver);
        return new SnapshotResult(
                groupId, failure.outcome(), failure.sentence() + rest, failure.nextAction(), leftOver);
    }

    public boolean isMade() {
        return outcome == SnapshotOutcome.MADE;
    }
}
