package org.replicationserver.receiver.session;

/**
 * Has replication go first: while data of any session arrives, all speed tests together get a small share of it. Event loop only; time is
 * handed in.
 *
 * <p>What passes may be more than the share allows at the moment, then nothing passes until replication has made up for it: so the average
 * is the share, whatever the sizes of blocks.
 */
final class TestPace {
    /** Replication goes on as long as its data came within this time. */
    static final long QUIET_NANOS = 1_000_000_000L;

    /** Of so many bytes of replication speed tests get one: 2 %, so that with what it costs to share out, 5 % are never reached. */
    static final int REPLICATION_PER_TEST = 50;

    /** Nothing more is saved up by tests that do not use it, in bytes of replication. */
    private static final long SAVED_BYTES_MAX = 1024L * 1024 * REPLICATION_PER_TEST;

    private boolean replicated;
    private long replicatedNanos;

    /** Bytes of replication that no test has used up; below 0 a debt. */
    private long savedBytes;

    /** Bytes of a session's data connection arrived. */
    void replicated(int bytes, long nowNanos) {
        if (isQuiet(nowNanos)) {
            savedBytes = 0;
        }
        replicated = true;
        replicatedNanos = nowNanos;
        savedBytes = Math.min(SAVED_BYTES_MAX, savedBytes + bytes);
    }

    boolean mayPass(long nowNanos) {
        return isQuiet(nowNanos) || savedBytes > 0;
    }

    /** Bytes of a test passed. */
    void passed(int bytes, long nowNanos) {
        if (!isQuiet(nowNanos)) {
            savedBytes -= (long) bytes * REPLICATION_PER_TEST;
        }
    }

    private boolean isQuiet(long nowNanos) {
        return !replicated || nowNanos - replicatedNanos > QUIET_NANOS;
    }
}
