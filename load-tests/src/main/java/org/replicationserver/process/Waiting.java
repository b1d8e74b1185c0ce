package org.replicationserver.process;

import java.time.Duration;
import java.util.function.Supplier;

/** Waits for what others do. Any thread. */
public final class Waiting {
    private static final long POLL_MILLIS = 5;

    private Waiting() {}

    /** Whether it is reached; fails if it cannot be reached any more. */
    public interface Reached {
        boolean test() throws RunException, InterruptedException;
    }

    /**
     * Returns when something is reached.
     *
     * @param standing what is told of the state of things if that takes too long
     * @param reached asked every few milliseconds
     */
    public static void until(String awaited, Duration timeout, Supplier<String> standing, Reached reached)
            throws RunException, InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (!reached.test()) {
            if (System.nanoTime() > deadline) {
                throw new RunException("waiting for " + awaited + " takes too long" + standing.get());
            }
            Thread.sleep(POLL_MILLIS);
        }
    }
}
