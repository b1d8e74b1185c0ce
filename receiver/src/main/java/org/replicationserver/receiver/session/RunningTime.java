package org.replicationserver.receiver.session;

/**
 * Time on the clock in which at least one of several things was so: it does not run faster when two of them are. Event loop only.
 */
final class RunningTime {
    private final SessionClock clock;
    private int running;
    private long beganNanos;
    private long endedNanos;

    RunningTime(SessionClock clock) {
        this.clock = clock;
    }

    /** One more is so. */
    void begin() {
        if (running++ == 0) {
            beganNanos = clock.nanos();
        }
    }

    /** One less is so. */
    void end() {
        if (--running == 0) {
            endedNanos += clock.nanos() - beganNanos;
        }
        assert running >= 0 : "ended more often than begun";
    }

    /** How many it is so of now. */
    int running() {
        return running;
    }

    /** Until now; never decreases. */
    long nanos() {
        return endedNanos + (running == 0 ? 0 : clock.nanos() - beganNanos);
    }
}
