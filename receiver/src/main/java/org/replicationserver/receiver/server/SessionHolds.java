package org.replicationserver.receiver.server;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.HoldAnswer;
import org.replicationserver.receiver.session.HoldEnd;
import org.replicationserver.receiver.session.HoldRequest;
import org.replicationserver.receiver.session.HoldToken;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.snapshot.SnapshotHolds;

/** The sessions, as far as snapshot groups need them. Any thread; what is asked of sessions is asked on the event loop. */
final class SessionHolds implements SnapshotHolds {
    private final AssignedSources assigned;
    private final Sessions sessions;
    private final Executor eventLoop;

    SessionHolds(AssignedSources assigned, Sessions sessions, Executor eventLoop) {
        this.assigned = assigned;
        this.sessions = sessions;
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
    public CompletionStage<@Nullable String> notOpen(String sourceServerId) {
        return CompletableFuture.supplyAsync(() -> sessions.notOpen(sourceServerId), eventLoop);
    }

    @Override
    public CompletionStage<HoldAnswer> hold(String sourceServerId, HoldRequest request) {
        return CompletableFuture.supplyAsync(() -> sessions.hold(sourceServerId, request), eventLoop)
                .thenCompose(answer -> answer);
    }

    @Override
    public CompletionStage<HoldEnd> release(HoldToken token) {
        return CompletableFuture.supplyAsync(() -> sessions.release(token), eventLoop);
    }
}
