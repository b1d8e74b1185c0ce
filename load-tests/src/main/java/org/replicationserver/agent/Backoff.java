package org.replicationserver.agent;

import java.util.random.RandomGenerator;

/** Waits between attempts: exponential from 1 s to 60 s with full jitter. Event loop only. */
final class Backoff {
    private static final long BASE_NANOS = 1_000_000_000L;
    private static final long CAP_NANOS = 60 * BASE_NANOS;

    private final RandomGenerator random;
    private long ceilingNanos = BASE_NANOS;

    Backoff(RandomGenerator random) {
        this.random = random;
    }

    /** The next wait; the one after it may be twice as long. */
    long nextNanos() {
        long wait = random.nextLong(ceilingNanos + 1);
        ceilingNanos = Math.min(CAP_NANOS, 2 * ceilingNanos);
        return wait;
    }

    void reset() {
        ceilingNanos = BASE_NANOS;
    }
}
