package org.replicationserver.simulation;

/**
 * What a run has seen.
 *
 * @param digest of its story; the same whenever the run is
 */
record RunResult(
        long seed,
        int sessions,
        int commits,
        int acknowledgedFrames,
        int serverKills,
        int takeovers,
        int takenOver,
        int agentKills,
        int holds,
        int comparedBlocks,
        int spoiledBlocks,
        int foundBlocks,
        long rescannedBytes,
        long virtualNanos,
        long digest) {}
