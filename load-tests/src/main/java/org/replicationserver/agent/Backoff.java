package org.replicationserver.agent;

import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/** Waits between attempts, at random between a floor and a ceiling that doubles. Event loop only. */
final class Backoff {
    private final RandomGenerator random;
    private final long floorNanos;
    private final long firstNanos;
    private final long capNanos;
    private long ceilingNanos;

    private Backoff(RandomGenerator random, long floorSeconds, long firstSeconds, long capSeconds) {
        this.random = random;
        this.floorNanos = TimeUnit.SECONDS.toNanos(floorSeconds);
        this.firstNanos = TimeUnit.SECONDS.toNanos(firstSeconds);
        this.capNanos = TimeUnit.SECONDS.toNanos(capSeconds);
        this.ceilingNanos = firstNanos;
    }

    /** Of sessions: from 1 s to 60 s with full jitter. */
    static Backoff ofSessions(RandomGenerator random) {
        return new Backoff(random, 0, 1, 60);
    }

    /** Of offers of disks that the server refused: 2 to 4 s at first, up to 5 minutes. Each of them ends a session of the other disks. */
    static Backoff ofRefusedDisks(RandomGenerator random) {
        return new Backoff(random, 2, 4, 300);
    }

    /** The next wait; the one after it may be twice as long. */
    long nextNanos() {
        long wait = random.nextLong(floorNanos, ceilingNanos + 1);
        ceilingNanos = Math.min(capNanos, 2 * ceilingNanos);
        return wait;
    }

    void reset() {
        ceilingNanos = firstNanos;
    }
}
