package org.replicationserver.receiver.control;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a control plane is asked about snapshot groups; the groups themselves are reports. As the calls of {@link ControlPlane}. */
public interface SnapshotOperations {
    /**
     * How many groups of a source server may be made.
     *
     * @param credits now, not negative
     * @param next when there will be another one, null if that was not told
     */
    record SnapshotCredits(int credits, @Nullable Instant next) {}

    /** That a group of a source server is wanted, until it is {@link #deleteSnapshotRequests deleted}. */
    record SnapshotRequest(String requestId, String sourceServerId) {}

    SnapshotCredits snapshotCredits(String sourceServerId) throws ControlPlaneException, InterruptedException;

    /** Announces a group, the same as often as need be; returns the tags of its snapshots. */
    Map<String, String> startSnapshotGroup(String groupId, String sourceServerId)
            throws ControlPlaneException, InterruptedException;

    /** All that are wanted, at most {@link WireForms#SNAPSHOT_REQUESTS_MAX}, the oldest first. */
    List<SnapshotRequest> snapshotRequests() throws ControlPlaneException, InterruptedException;

    /**
     * Clears requests; those that are gone already too.
     *
     * @param requestIds 1 to {@link WireForms#SNAPSHOT_REQUESTS_MAX}
     * @return by id, why one was not cleared
     */
    Map<String, String> deleteSnapshotRequests(List<String> requestIds)
            throws ControlPlaneException, InterruptedException;
}
