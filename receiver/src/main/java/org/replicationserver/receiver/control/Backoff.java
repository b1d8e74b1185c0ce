package org.replicationserver.receiver.control;

import java.time.Duration;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import software.amazon.awssdk.retries.api.BackoffStrategy;

/**
 * Waits after a failed call until the next one has a chance: as long as the circuit is open, if that is why; otherwise for a random part of
 * a time that begins at a second and doubles to {@link #MAX}. Confined to one thread.
 */
final class Backoff {
    static final Duration FIRST = Duration.ofSeconds(1);
    static final Duration MAX = Duration.ofSeconds(20);

    /** For who gives up at no time. */
    static final Duration FOR_EVER = Duration.ofDays(365);

    private final ControlPlane controlPlane;
    private final BackoffStrategy strategy = BackoffStrategy.exponentialDelay(FIRST, MAX);
    private int failures;

    Backoff(ControlPlane controlPlane) {
        this.controlPlane = controlPlane;
    }

    /** Says whether the next call may be made now; false, as soon as that is known, if it would be later than {@code atMost}. */
    boolean await(ControlPlaneException failure, Duration atMost) throws InterruptedException {
        // Who is told that the circuit is open has not tried anything, and goes on as soon as anybody is answered.
        return failure.kind() == Kind.CIRCUIT_OPEN ? controlPlane.awaitAttempt(atMost) : pause(atMost);
    }

    /** The same after a failure that the control plane has no part in. */
    boolean pause(Duration atMost) throws InterruptedException {
        // The strategy counts attempts, of which the first one has no delay before it.
        failures = Math.min(failures + 1, 100);
        Duration pause = strategy.computeDelay(failures + 1);
        if (pause.compareTo(atMost) > 0) {
            return false;
        }
        Thread.sleep(pause);
        return true;
    }

    void reset() {
        failures = 0;
    }
}
