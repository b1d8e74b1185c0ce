package org.replicationserver.receiver.server;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.snapshot.SnapshotHolds;

/** The sessions, as far as snapshot groups need them. Any thread; what is asked of sessions is asked on the event loop. */
final class SessionHolds implements SnapshotHolds {
    private final AssignedSources assigned;
    private final Executor eventLoop;

    SessionHolds(AssignedSources assigned, Executor eventLoop) {
        this.assigned = assigned;
        this.eventLoop = eventLoop;
    }

    @Override
    public CompletionStage<@Nullable List<VolumeAssignment>> volumes(String sourceServerId) {
        return CompletableFuture.supplyAsync(
                () -> {
                    SourceAssignment assignment = assigned.assignmentOf(sourceServerId);
                    return assignment == null ? null : assignment.volumes();
                },
                eventLoop);
    }

    @Override
    public CompletionStage<Answer> hold(String sourceServerId, Duration commitTimeout, Duration timeToLive) {
        return CompletableFuture.completedStage(new NotHeld(false, "this server cannot hold writes"));
    }
}
