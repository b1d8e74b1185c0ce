package org.replicationserver.receiver.replication;

import java.time.Duration;
import java.util.ArrayDeque;

/** The sessions that were lost lately. Event loop only. */
final class Disconnects {
    /** More than that in one window say nothing more. */
    private static final int KEPT_MAX = 1000;

    private final Duration window;
    private final ArrayDeque<Long> lostNanos = new ArrayDeque<>();

    Disconnects(Duration window) {
        this.window = window;
    }

    void lost(Moment now) {
        lostNanos.addLast(now.nanos());
        if (lostNanos.size() > KEPT_MAX) {
            lostNanos.removeFirst();
        }
    }

    /** How many were lost within the window. */
    int count(Moment now) {
        while (!lostNanos.isEmpty() && now.isAfter(lostNanos.peekFirst(), window)) {
            lostNanos.removeFirst();
        }
        return lostNanos.size();
    }
}
