package org.replicationserver.receiver.status;

/** Lets so many log lines through in a second and counts the rest, so that a peer cannot fill the log. Event loop only. */
final class LogLimit {
    private static final long SECOND_NANOS = 1_000_000_000L;
    private static final int LINES_PER_SECOND_MAX = 20;

    private long secondStartedNanos;
    private int lines;
    private long suppressed;

    /** Whether a line may be written now. */
    boolean allows(long nowNanos) {
        if (nowNanos - secondStartedNanos >= SECOND_NANOS) {
            secondStartedNanos = nowNanos;
            lines = 0;
        }
        if (lines >= LINES_PER_SECOND_MAX) {
            suppressed++;
            return false;
        }
        lines++;
        return true;
    }

    /** Lines left out since the last call. */
    long takeSuppressed() {
        long taken = suppressed;
        suppressed = 0;
        return taken;
    }
}
