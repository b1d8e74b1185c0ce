package org.replicationserver.receiver.config;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/**
 * How snapshot groups are made, where there is a control plane to make them for.
 *
 * @param endpoint of EC2, https and a host; empty for the public one of the region
 * @param hold at most so long are the writes of a source server held for a group
 * @param commitTimeout for the agent to commit the epoch that a group is of
 * @param requestsInterval between questions of which snapshots are wanted
 * @param completionInterval between the first questions of whether snapshots are complete; later ones come less often
 */
public record SnapshotSettings(
        Optional<URI> endpoint,
        Duration hold,
        Duration commitTimeout,
        Duration requestsInterval,
        Duration completionInterval) {}
