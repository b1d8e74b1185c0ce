package org.replicationserver.receiver.server;

import java.time.Duration;

/**
 * How often the control plane is told that one agent has come or was refused: {@value #BURST} times at once, then once in {@link
 * #INTERVAL}. An agent that comes and goes must not push what others have to tell out of the outbox. Event loop only.
 */
final class AgentReportLimit {
    static final int BURST = 20;
    static final Duration INTERVAL = Duration.ofSeconds(30);

    /** When as much may be told at once as after a long silence. */
    private long fullMillis;

    private long suppressed;

    /** Whether it may be told now; what may not is counted. */
    boolean take(long nowMillis) {
        long full = Math.max(fullMillis, nowMillis) + INTERVAL.toMillis();
        if (full - nowMillis > BURST * INTERVAL.toMillis()) {
            suppressed++;
            return false;
        }
        fullMillis = full;
        return true;
    }

    /** How many were not told since this was asked before. */
    long takeSuppressed() {
        long since = suppressed;
        suppressed = 0;
        return since;
    }
}
