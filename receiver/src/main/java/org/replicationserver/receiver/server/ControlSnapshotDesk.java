package org.replicationserver.receiver.server;

import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import org.replicationserver.receiver.control.ControlPlaneException;
import org.replicationserver.receiver.control.Outbox;
import org.replicationserver.receiver.control.Report;
import org.replicationserver.receiver.control.Report.GroupSnapshot;
import org.replicationserver.receiver.control.SnapshotOperations;
import org.replicationserver.receiver.control.SnapshotOperations.SnapshotCredits;
import org.replicationserver.receiver.snapshot.SnapshotDesk;
import org.replicationserver.receiver.snapshot.SnapshotException;
import org.replicationserver.receiver.snapshot.SnapshotGroup;
import org.replicationserver.receiver.snapshot.SnapshotOutcome;

/** The control plane behind its API, and the outbox where registrations wait. Any thread but an event loop. */
final class ControlSnapshotDesk implements SnapshotDesk {
    private final SnapshotOperations operations;
    private final Outbox outbox;
    private final Clock clock;

    ControlSnapshotDesk(SnapshotOperations operations, Outbox outbox, Clock clock) {
        this.operations = operations;
        this.outbox = outbox;
        this.clock = clock;
    }

    private static SnapshotException failure(String what, ControlPlaneException e) {
        return new SnapshotException(SnapshotOutcome.CONTROL_PLANE, what + " failed: " + e.sentence(), e.nextAction());
    }

    @Override
    public Credits credits(String sourceServerId) throws SnapshotException, InterruptedException {
        try {
            SnapshotCredits credits = operations.snapshotCredits(sourceServerId);
            return new Credits(credits.credits(), credits.next());
        } catch (ControlPlaneException e) {
            throw failure("the question for snapshot credits", e);
        }
    }

    @Override
    public Map<String, String> start(String groupId, String sourceServerId)
            throws SnapshotException, InterruptedException {
        try {
            return operations.startSnapshotGroup(groupId, sourceServerId);
        } catch (ControlPlaneException e) {
            throw failure("the announcement of snapshot group " + groupId, e);
        }
    }

    @Override
    public CompletionStage<Void> register(SnapshotGroup group) {
        List<GroupSnapshot> snapshots = group.snapshots().stream()
                .map(one -> new GroupSnapshot(one.volumeId(), one.deviceName(), one.snapshotId()))
                .toList();
        return outbox.append(Report.snapshotGroup(
                clock.instant(), group.sourceServerId(), group.groupId(), group.epoch(), snapshots));
    }
}
