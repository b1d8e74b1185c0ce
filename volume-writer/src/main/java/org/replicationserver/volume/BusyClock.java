package org.replicationserver.volume;

import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * How long one thread has been busy with something, also while it still is: what does not return counts as it goes on. The busy thread
 * begins and ends, any thread reads.
 *
 * <p>Invariant: what is read never decreases. One number holds the state, so that it is read whole: twice the busy time if idle; if
 * busy, twice the number that gives the busy time when the present is added, and 1.
 */
final class BusyClock {
    private final LongSupplier clockNanos;
    private final long madeNanos;
    private final AtomicLong state = new AtomicLong();

    /**
     * A reader may come between the moment in which the busy thread looks at the clock to end and the one in which that is seen, and read
     * a little too much; the next readings stay there until it is true.
     */
    private final AtomicLong highestRead = new AtomicLong();

    // busy thread only
    private long beganNanos;

    BusyClock(LongSupplier clockNanos) {
        this.clockNanos = clockNanos;
        this.madeNanos = clockNanos.getAsLong();
    }

    private long sinceMade() {
        return clockNanos.getAsLong() - madeNanos;
    }

    void begin() {
        beganNanos = sinceMade();
        // No fence: the processor hands it on within a moment, and whoever reads has no other promise.
        state.lazySet((state.getPlain() - (beganNanos << 1)) | 1);
    }

    /** Says how long it took. */
    long end() {
        long endedNanos = sinceMade();
        state.lazySet((state.getPlain() & ~1L) + (endedNanos << 1));
        return endedNanos - beganNanos;
    }

    /** Busy time so far. */
    long nanos() {
        return highestRead.accumulateAndGet(readNanos(), Math::max);
    }

    private long readNanos() {
        while (true) {
            long seen = state.get();
            if ((seen & 1) == 0) {
                return seen >> 1;
            }
            long nowNanos = sinceMade();
            // Still busy then, or the present would be added to what ended before it.
            if (state.get() == seen) {
                return (seen >> 1) + nowNanos;
            }
        }
    }
}
