package org.replicationserver.receiver.session;

/**
 * The bytes that a rate allows. What passes may be more than there are, then nothing passes until the debt is paid: so the average is the
 * rate whatever the sizes of the pieces. Confined to one thread; time is handed in.
 */
final class ByteBucket {
    /** Nothing more is saved up by who does not use it. */
    static final long IDLE_NANOS = 50_000_000L;

    /**
     * What is saved up for those who wait already, because a timer or the event loop was late. They make up for it, but not so much that
     * it shows in ten seconds.
     */
    static final long LATE_NANOS = 200_000_000L;

    /** A round of turns is what passes in so much time; short, so that turns are many even where the rate is small. */
    private static final long ROUND_NANOS = 20_000_000L;

    private static final int TURN_BYTES_MIN = 2 * 1024;
    private static final int TURN_BYTES_MAX = 64 * 1024;
    private static final double BYTES_PER_NANO_OF_A_MBPS = 125_000 / 1e9;

    /** 0 is no limit. */
    private double bytesPerNano;

    private double bytes;
    private long filledNanos;

    /** When it was ready last, so that somebody had his turn. */
    private long readyNanos;

    void setMbps(int mbps, long nowNanos) {
        fill(nowNanos, IDLE_NANOS);
        filledNanos = nowNanos;
        readyNanos = nowNanos;
        bytesPerNano = mbps * BYTES_PER_NANO_OF_A_MBPS;
        bytes = isLimited() ? Math.min(bytes, bytesPerNano * IDLE_NANOS) : 0;
    }

    boolean isLimited() {
        return bytesPerNano > 0;
    }

    private void fill(long nowNanos, long capNanos) {
        if (isLimited()) {
            bytes = Math.min(bytesPerNano * capNanos, bytes + bytesPerNano * (nowNanos - filledNanos));
            filledNanos = nowNanos;
        }
    }

    /** Nobody has waited until now; who had his turn a moment ago has only fetched more. */
    void rested(long nowNanos) {
        fill(nowNanos, nowNanos - readyNanos > IDLE_NANOS ? IDLE_NANOS : LATE_NANOS);
    }

    /** Whether something may pass; somebody waits for it. */
    boolean isReady(long nowNanos) {
        fill(nowNanos, LATE_NANOS);
        boolean ready = !isLimited() || bytes > 0;
        readyNanos = ready ? nowNanos : readyNanos;
        return ready;
    }

    /** Until it is ready, as of the last look. */
    long waitNanos() {
        return isLimited() && bytes <= 0 ? (long) (-bytes / bytesPerNano) + 1 : 0;
    }

    void take(int passedBytes) {
        if (isLimited()) {
            bytes -= passedBytes;
        }
    }

    /** What may pass at once where so many take turns; less the more they are, so that the next turn is not far. */
    int turnBytes(int sharers) {
        return isLimited()
                ? (int) Math.clamp(bytesPerNano * ROUND_NANOS / sharers, TURN_BYTES_MIN, TURN_BYTES_MAX)
                : TURN_BYTES_MAX;
    }
}
