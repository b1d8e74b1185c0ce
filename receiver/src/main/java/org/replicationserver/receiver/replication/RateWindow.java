package org.replicationserver.receiver.replication;

import java.util.Arrays;
import java.util.OptionalDouble;

/**
 * What happened in the newest part of time: durable bytes, and how the backlog grew. A ring of {@link #BUCKETS} whole buckets and the one
 * that is being filled, so that memory is bounded and the window is never shorter than it is said to be. Event loop only.
 */
final class RateWindow {
    private static final int BUCKETS = 60;
    private static final int SLOTS = BUCKETS + 1;
    private static final long UNKNOWN = -1;
    private static final double SECOND_NANOS = 1e9;

    private final long windowNanos;
    private final long bucketNanos;
    private long startedNanos;
    private final long[] bytes = new long[SLOTS];

    // the first backlog that was known in each bucket, when that was, and the least of the bucket
    private final long[] backlogBytes = new long[SLOTS];
    private final long[] backlogNanos = new long[SLOTS];
    private final long[] backlogBytesMin = new long[SLOTS];

    private long bucket;
    private long newestBacklogBytes = UNKNOWN;
    private long newestBacklogNanos;

    RateWindow(long windowNanos, long nowNanos) {
        this.windowNanos = windowNanos;
        this.bucketNanos = Math.max(1, windowNanos / BUCKETS);
        this.startedNanos = nowNanos;
        Arrays.fill(backlogBytes, UNKNOWN);
    }

    /** What was before is forgotten. */
    void beginAnew(long nowNanos) {
        startedNanos = nowNanos;
        bucket = 0;
        Arrays.fill(bytes, 0);
        Arrays.fill(backlogBytes, UNKNOWN);
        newestBacklogBytes = UNKNOWN;
    }

    long windowNanos() {
        return windowNanos;
    }

    private int slot(long nowNanos) {
        long now = (nowNanos - startedNanos) / bucketNanos;
        long gone = Math.min(now - bucket, SLOTS);
        for (long i = 1; i <= gone; i++) {
            int slot = (int) ((now - gone + i) % SLOTS);
            bytes[slot] = 0;
            backlogBytes[slot] = UNKNOWN;
        }
        bucket = Math.max(bucket, now);
        return (int) (bucket % SLOTS);
    }

    void durable(long nowNanos, long newBytes) {
        bytes[slot(nowNanos)] += newBytes;
    }

    void backlog(long nowNanos, long nowBytes) {
        int slot = slot(nowNanos);
        if (backlogBytes[slot] == UNKNOWN) {
            backlogBytes[slot] = nowBytes;
            backlogNanos[slot] = nowNanos;
            backlogBytesMin[slot] = nowBytes;
        }
        backlogBytesMin[slot] = Math.min(backlogBytesMin[slot], nowBytes);
        newestBacklogBytes = nowBytes;
        newestBacklogNanos = nowNanos;
    }

    /** How long the window has been looked at, at most its length and one bucket. */
    private long observedNanos(long nowNanos) {
        slot(nowNanos);
        long inBucket = nowNanos - startedNanos - bucket * bucketNanos;
        return Math.min(nowNanos - startedNanos, BUCKETS * bucketNanos + inBucket);
    }

    /** Bytes that became durable in a second, over the window or since the beginning if that is shorter; 0 at the very beginning. */
    double durableBytesPerSecond(long nowNanos) {
        long observed = observedNanos(nowNanos);
        return observed <= 0 ? 0 : Arrays.stream(bytes).sum() * SECOND_NANOS / observed;
    }

    /** Whether it was looked at for so long. */
    boolean isObserved(long nowNanos, long nanos) {
        return observedNanos(nowNanos) >= nanos;
    }

    /**
     * By how much the backlog grew in a second, negative where it shrank: from the oldest that is known in the window to the newest.
     * Empty where nothing is known, or for less than {@code nanosMin}.
     */
    OptionalDouble growthBytesPerSecond(long nowNanos, long nanosMin) {
        int oldest = oldestKnown(nowNanos);
        if (oldest < 0 || newestBacklogBytes == UNKNOWN) {
            return OptionalDouble.empty();
        }
        long nanos = newestBacklogNanos - backlogNanos[oldest];
        if (nanos <= 0 || nanos < nanosMin) {
            return OptionalDouble.empty();
        }
        return OptionalDouble.of((newestBacklogBytes - backlogBytes[oldest]) * SECOND_NANOS / nanos);
    }

    /**
     * Whether the backlog is known from the beginning of the window to its end, but for a tenth, since agents tell it only now and then;
     * whether it grew, and was never gone in between.
     */
    boolean isBacklogGrowing(long nowNanos) {
        int oldest = oldestKnown(nowNanos);
        boolean whole = oldest >= 0
                && newestBacklogNanos - backlogNanos[oldest] >= windowNanos - windowNanos / 10
                && isObserved(nowNanos, windowNanos);
        OptionalDouble growth = growthBytesPerSecond(nowNanos, 0);
        return whole && growth.isPresent() && growth.getAsDouble() > 0 && leastBacklogBytes() > 0;
    }

    private long leastBacklogBytes() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < SLOTS; i++) {
            least = backlogBytes[i] == UNKNOWN ? least : Math.min(least, backlogBytesMin[i]);
        }
        return least;
    }

    /** The slot of the oldest known backlog, -1 if there is none. */
    private int oldestKnown(long nowNanos) {
        slot(nowNanos);
        for (long i = Math.max(0, bucket - BUCKETS); i <= bucket; i++) {
            int slot = (int) (i % SLOTS);
            if (backlogBytes[slot] != UNKNOWN) {
                return slot;
            }
        }
        return -1;
    }
}
