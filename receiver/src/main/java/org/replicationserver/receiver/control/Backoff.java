package org.replicationserver.receiver.control;

import java.time.Duration;
import software.amazon.awssdk.retries.api.BackoffStrategy;

/**
 * How long to wait after a failure, and after another: a random part of a time that begins at a second and doubles to {@link #MAX}, or
 * what the control plane asks for, up to {@link #RETRY_AFTER_MAX}. Confined to one thread.
 */
final class Backoff {
    static final Duration FIRST = Duration.ofSeconds(1);
    static final Duration MAX = Duration.ofSeconds(20);

    /** What is believed of Retry-After; a mistake there must not silence a server for a day. */
    static final Duration RETRY_AFTER_MAX = Duration.ofMinutes(5);

    private final BackoffStrategy strategy = BackoffStrategy.exponentialDelay(FIRST, MAX);
    private int failures;

    /** The pause after one more failure. */
    Duration next() {
        // The strategy counts attempts, of which the first one has no delay before it.
        failures = Math.min(failures + 1, 100);
        return strategy.computeDelay(failures + 1);
    }

    Duration next(ControlPlaneException failure) {
        Duration own = next();
        Duration asked = failure.retryAfter().orElse(Duration.ZERO);
        Duration believed = asked.compareTo(RETRY_AFTER_MAX) > 0 ? RETRY_AFTER_MAX : asked;
        return own.compareTo(believed) > 0 ? own : believed;
    }

    void reset() {
        failures = 0;
    }
}
