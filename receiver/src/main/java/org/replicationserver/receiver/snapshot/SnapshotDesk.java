package org.replicationserver.receiver.snapshot;

import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** The control plane, as far as snapshot groups need it. Virtual threads only: calls block, and end early when interrupted. */
public interface SnapshotDesk {
    /**
     * What may be made.
     *
     * @param credits groups that may be started now
     * @param next when there will be another one, null if that was not told
     */
    record Credits(int credits, @Nullable Instant next) {}

    /**
     * Asks how many groups may be made.
     *
     * @throws SnapshotException with {@link SnapshotOutcome#CONTROL_PLANE}
     */
    Credits credits(String sourceServerId) throws SnapshotException, InterruptedException;

    /**
     * Announces a group; the same one again changes nothing.
     *
     * @return the tags that each of its snapshots must be created with
     * @throws SnapshotException with {@link SnapshotOutcome#CONTROL_PLANE}
     */
    Map<String, String> start(String groupId, String sourceServerId) throws SnapshotException, InterruptedException;

    /**
     * Has a group registered, however long that takes and whatever ends meanwhile; the same one again changes nothing.
     *
     * @return done when that is certain; fails if it cannot be
     */
    CompletionStage<Void> register(SnapshotGroup group);
}
