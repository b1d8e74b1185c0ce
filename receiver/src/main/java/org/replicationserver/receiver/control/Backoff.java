package org.replicationserver.receiver.control;

import java.time.Duration;
import software.amazon.awssdk.retries.api.BackoffStrategy;

/**
 * How long to wait after a failure, and after another: a random part of a time that begins at a second and doubles to {@link #MAX}.
 * Confined to one thread.
 */
final class Backoff {
    static final Duration FIRST = Duration.ofSeconds(1);
    static final Duration MAX = Duration.ofSeconds(20);

    private final BackoffStrategy strategy = BackoffStrategy.exponentialDelay(FIRST, MAX);
    private int failures;

    /** The pause after one more failure. */
    Duration next() {
        // The strategy counts attempts, of which the first one has no delay before it.
        failures = Math.min(failures + 1, 100);
        return strategy.computeDelay(failures + 1);
    }

    void reset() {
        failures = 0;
    }
}
