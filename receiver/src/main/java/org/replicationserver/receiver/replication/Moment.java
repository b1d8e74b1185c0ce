package org.replicationserver.receiver.replication;

import java.time.Duration;
import java.time.Instant;

/**
 * Now, on both clocks.
 *
 * @param nanos of a clock that never goes back, in any epoch; durations are measured by it
 * @param wallMillis since 1970-01-01T00:00Z; what is told to others, and the lag against the agent's mark
 */
public record Moment(long nanos, long wallMillis) {
    Instant instant() {
        return Instant.ofEpochMilli(wallMillis);
    }

    /** Whether so much time has passed since {@code sinceNanos}. */
    boolean isAfter(long sinceNanos, Duration duration) {
        return nanos - sinceNanos >= duration.toNanos();
    }

    long secondsSince(long sinceNanos) {
        return Math.max(0, nanos - sinceNanos) / 1_000_000_000L;
    }
}
