package org.replicationserver.receiver.session;

import java.time.Duration;

/** Time that passes when a test says so. */
public final class ManualClock implements SessionClock {
    private long millis = 1_700_000_000_000L;

    public void pass(Duration time) {
        millis += time.toMillis();
    }

    @Override
    public long nanos() {
        return millis * 1_000_000;
    }

    @Override
    public long millis() {
        return millis;
    }
}
