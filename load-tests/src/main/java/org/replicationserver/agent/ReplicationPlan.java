package org.replicationserver.agent;

import java.util.List;

/**
 * What the state machine has to do. Immutable.
 *
 * @param agentPin of this agent's key, for people
 * @param cycles cycles after the initial sync, or {@link #ENDLESS}
 * @param cyclePauseNanos from a commit to the begin of the next cycle
 * @param verifyNanos from the end of a verification to the begin of the next; 0 for none
 * @param quietSource nobody writes to the disks while an epoch is read, so epochs are consistent without a mark
 * @param marked a mark command freezes the source while an epoch is read
 * @param connectTimeoutNanos gives up when no session was open for so long; 0 for never
 * @param serverMayChange what another attempt may find different
 */
public record ReplicationPlan(
        String sourceServerId,
        String agentPin,
        String instance,
        int streams,
        List<Disk> disks,
        int cycles,
        long cyclePauseNanos,
        long verifyNanos,
        boolean quietSource,
        boolean marked,
        boolean grease,
        long connectTimeoutNanos,
        ServerLookup.Change serverMayChange) {
    public static final int ENDLESS = -1;

    /** A disk to replicate. */
    public record Disk(String deviceName, long sizeBytes, int blockSizeBytes) {}

    public ReplicationPlan {
        disks = List.copyOf(disks);
    }

    /** Whether a control plane assigns the server, rather than the options of the agent. */
    boolean hasControlPlane() {
        return serverMayChange == ServerLookup.Change.SERVER;
    }
}
