package org.replicationserver.receiver.session;

import java.time.Instant;
import java.util.function.Consumer;

/**
 * A limit of bandwidth that follows a schedule: the assigned one, or another that was set by hand since. It tells of each change of what
 * holds or of where that comes from. Event loop only.
 */
final class BandwidthLimit {
    /** What it allows now. */
    final ByteBucket bucket = new ByteBucket();

    private final SessionClock clock;
    private final Consumer<HeldLimit> listener;
    private BandwidthSchedule assigned = BandwidthSchedule.UNLIMITED;
    private BandwidthSchedule schedule = BandwidthSchedule.UNLIMITED;
    private int mbps;
    private boolean isOfEntry;
    private HeldLimit told = new HeldLimit(0, HeldLimit.Origin.ASSIGNED);

    BandwidthLimit(SessionClock clock, Consumer<HeldLimit> listener) {
        this.clock = clock;
        this.listener = listener;
    }

    boolean isAssigned(BandwidthSchedule asked) {
        return asked.equals(assigned);
    }

    /** Follows what is assigned from now on; whether that changes anything now. */
    boolean assign(BandwidthSchedule newAssigned) {
        assigned = newAssigned;
        return follow(newAssigned);
    }

    /** Follows another schedule from now on; whether that changes anything now. */
    boolean follow(BandwidthSchedule newSchedule) {
        schedule = newSchedule;
        return look();
    }

    /** Takes from the schedule what holds now; whether that is something else than before. */
    boolean look() {
        Instant now = Instant.ofEpochMilli(clock.millis());
        int newMbps = schedule.mbpsAt(now);
        isOfEntry = schedule.hasEntryAt(now);
        boolean changed = newMbps != mbps;
        if (changed) {
            mbps = newMbps;
            bucket.setMbps(newMbps, clock.nanos());
        }
        tell();
        return changed;
    }

    private void tell() {
        HeldLimit now = held();
        if (!now.equals(told)) {
            told = now;
            listener.accept(now);
        }
    }

    HeldLimit held() {
        if (!schedule.equals(assigned)) {
            return new HeldLimit(mbps, HeldLimit.Origin.BY_HAND);
        }
        return new HeldLimit(mbps, isOfEntry ? HeldLimit.Origin.SCHEDULE : HeldLimit.Origin.ASSIGNED);
    }

    boolean isOn() {
        return bucket.isLimited();
    }
}
