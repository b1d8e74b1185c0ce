package org.replicationserver.controlplane;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** A clock that may be set ahead or behind. Any thread. */
final class ShiftedClock implements InstantSource {
    private final InstantSource base;
    private volatile Duration shift = Duration.ZERO;

    ShiftedClock(InstantSource base) {
        this.base = base;
    }

    void shift(Duration ahead) {
        shift = ahead;
    }

    @Override
    public Instant instant() {
        return base.instant().plus(shift);
    }
}
