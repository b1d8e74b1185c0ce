package org.replicationserver.receiver.session;

import java.time.Duration;

/**
 * What is wanted of a hold.
 *
 * @param commitTimeout how long a commit is waited for
 * @param timeToLive how long the volumes stay as they are at most; also what they may take to settle. Longer than zero
 */
public record HoldRequest(Origin origin, Duration commitTimeout, Duration timeToLive) {
    /** An administrator may hold volumes for up to so long, as a snapshot group may: meanwhile the replica falls behind. */
    public static final int BY_HAND_SECONDS_MAX = 600;

    /** An administrator may have a commit waited for up to so long. */
    public static final int BY_HAND_COMMIT_SECONDS_MAX = 3600;

    /** Who wants a hold. */
    public enum Origin {
        /** A snapshot group. */
        SNAPSHOT_GROUP,
        /** An administrator, who copies the volumes. */
        BY_HAND
    }

    /** For a snapshot group. */
    public static HoldRequest ofSnapshotGroup(Duration commitTimeout, Duration timeToLive) {
        return new HoldRequest(Origin.SNAPSHOT_GROUP, commitTimeout, timeToLive);
    }

    /**
     * For an administrator.
     *
     * @param seconds time to live, 1 to {@link #BY_HAND_SECONDS_MAX}
     * @param commitTimeoutSeconds 1 to {@link #BY_HAND_COMMIT_SECONDS_MAX}
     * @throws IllegalArgumentException what is out of these bounds, in words
     */
    public static HoldRequest byHand(int seconds, int commitTimeoutSeconds) {
        requireWithin("seconds", seconds, BY_HAND_SECONDS_MAX);
        requireWithin("commit-timeout-seconds", commitTimeoutSeconds, BY_HAND_COMMIT_SECONDS_MAX);
        return new HoldRequest(Origin.BY_HAND, Duration.ofSeconds(commitTimeoutSeconds), Duration.ofSeconds(seconds));
    }

    private static void requireWithin(String name, int value, int max) {
        if (value < 1 || value > max) {
            throw new IllegalArgumentException(name + "=" + value + "; allowed: 1 to " + max);
        }
    }
}
