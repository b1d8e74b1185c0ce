package org.replicationserver.demo;

import java.util.Locale;
import org.replicationserver.process.RunException;

/**
 * A rate on the wire that was measured while a limit held.
 *
 * @param bytes that the server read: from the agent, TLS included, and what little it reads beside
 */
record ThrottledRate(int limitMbps, long bytes, double seconds) {
    /** What a server reads beside, and lets through at once, in hundredths of the limit. */
    private static final int TOLERATED_PERCENT = 20;

    private static final double BITS_PER_MEGABIT = 1e6;

    double mbps() {
        return bytes * Byte.SIZE / BITS_PER_MEGABIT / seconds;
    }

    String text() {
        return String.format(
                Locale.ROOT, "%.1f Mbps on the wire over %.1f s, the limit is %d Mbps", mbps(), seconds, limitMbps);
    }

    void requireKept() throws RunException {
        if (mbps() > limitMbps * (100 + TOLERATED_PERCENT) / 100.0) {
            throw new RunException("the limit of bandwidth is not kept: " + text());
        }
    }
}
