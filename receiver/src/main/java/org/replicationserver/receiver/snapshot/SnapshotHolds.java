package org.replicationserver.receiver.snapshot;

import java.util.List;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.HoldAnswer;
import org.replicationserver.receiver.session.HoldEnd;
import org.replicationserver.receiver.session.HoldRequest;
import org.replicationserver.receiver.session.HoldToken;
import org.replicationserver.receiver.session.VolumeAssignment;

/** The holds of the sessions, for threads that are not the event loop. Any thread; stages end on the event loop. */
public interface SnapshotHolds {
    /** The volumes of a source server as they are assigned now; null if it is not assigned. */
    CompletionStage<@Nullable List<VolumeAssignment>> volumes(String sourceServerId);

    /** Which of them is not open, and why, in words: the first one; null if all are open. */
    CompletionStage<@Nullable String> notOpen(String sourceServerId);

    /** Holds the volumes at the next commit. */
    CompletionStage<HoldAnswer> hold(String sourceServerId, HoldRequest request);

    /** Ends a hold. */
    CompletionStage<HoldEnd> release(HoldToken token);
}
