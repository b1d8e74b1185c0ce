package org.replicationserver.receiver.session;

/** A token bucket. Confined to the thread of its connection. */
final class RateLimit {
    private static final double NANOS_PER_SECOND = 1e9;

    private final double perNano;
    private final double burst;
    private double tokens;
    private long filledNanos;

    RateLimit(int perSecond, int burst, long nowNanos) {
        this.perNano = perSecond / NANOS_PER_SECOND;
        this.burst = burst;
        this.tokens = burst;
        this.filledNanos = nowNanos;
    }

    /** Takes one token; false if there is none. */
    boolean take(long nowNanos) {
        tokens = Math.min(burst, tokens + (nowNanos - filledNanos) * perNano);
        filledNanos = nowNanos;
        if (tokens < 1) {
            return false;
        }
        tokens--;
        return true;
    }
}
