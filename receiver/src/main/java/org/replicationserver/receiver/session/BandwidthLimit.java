package org.replicationserver.receiver.session;

import java.time.Instant;

/** A limit of bandwidth that follows a schedule. Event loop only. */
final class BandwidthLimit {
    /** What it allows now. */
    final ByteBucket bucket = new ByteBucket();

    private final SessionClock clock;
    private BandwidthSchedule schedule = BandwidthSchedule.UNLIMITED;
    private int mbps;

    BandwidthLimit(SessionClock clock) {
        this.clock = clock;
    }

    /** Follows another schedule from now on; whether that changes anything now. */
    boolean follow(BandwidthSchedule newSchedule) {
        schedule = newSchedule;
        return look();
    }

    /** Takes from the schedule what holds now; whether that is something else than before. */
    boolean look() {
        int newMbps = schedule.mbpsAt(Instant.ofEpochMilli(clock.millis()));
        boolean changed = newMbps != mbps;
        if (changed) {
            mbps = newMbps;
            bucket.setMbps(newMbps, clock.nanos());
        }
        return changed;
    }

    boolean isOn() {
        return bucket.isLimited();
    }
}
