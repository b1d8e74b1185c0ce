package org.replicationserver.simulation;

/**
 * What a run has seen.
 *
 * @param digest of its story; the same whenever the run is
 */
record RunResult(
        long seed,
        int sources,
        int sessions,
        int commits,
        int bystanderCommits,
        int acknowledgedFrames,
        int serverKills,
        int takeovers,
        int takenOver,
        int unassignments,
        int agentKills,
        int holds,
        int comparedBlocks,
        int spoiledBlocks,
        int foundBlocks,
        int failedReads,
        long rescannedBytes,
        long virtualNanos,
        long digest) {}
