package org.replicationserver.receiver.session;

import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What all source servers together may receive, and whose turn it is. Event loop only.
 *
 * <p>Source servers that have bytes take turns at the server's rate, however many data connections they have; in its turn a source server
 * has its data connections take theirs. Turns are short and go to whoever has bytes, so that what one source server does not use the others
 * may. Nothing is polled: turns are given when bytes come, and at one alarm for the moment when the first that waits may go on.
 *
 * <p>Invariant: at most one alarm is set.
 */
final class Throttle {
    private final SessionClock clock;
    private final LoopTimer timer;
    private final BandwidthLimit limit;

    /** Source servers with data connections, so at most as many as there are assigned. */
    private final Set<SourceThrottle> sources = new LinkedHashSet<>();

    /** Those that have bytes, in order of their turn. */
    private final ArrayDeque<SourceThrottle> waiting = new ArrayDeque<>();

    private boolean serving;

    private @Nullable Runnable alarm;
    private long alarmNanos;

    /** @param listener told of each limit that holds from then on */
    Throttle(SessionClock clock, LoopTimer timer, Consumer<HeldLimit> listener) {
        this.clock = clock;
        this.timer = timer;
        this.limit = new BandwidthLimit(clock, listener);
    }

    /**
     * The throttle of one more source server, without a limit of its own.
     *
     * @param listener told of each limit of its own that holds from then on
     */
    SourceThrottle newSource(Consumer<HeldLimit> listener) {
        return new SourceThrottle(this, clock, listener);
    }

    void assign(BandwidthSchedule schedule) {
        changed(limit.assign(schedule));
    }

    /** Until another one is assigned. */
    void setSchedule(BandwidthSchedule schedule) {
        changed(limit.follow(schedule));
    }

    /** Looks at the schedule. */
    void look() {
        changed(limit.look());
    }

    private void changed(boolean changed) {
        if (changed) {
            Set.copyOf(sources).forEach(SourceThrottle::limitChanged);
            serve();
        }
    }

    HeldLimit held() {
        return limit.held();
    }

    boolean isOn() {
        return limit.isOn();
    }

    // --- from sources

    void sourceJoined(SourceThrottle source) {
        sources.add(source);
        source.limitChanged();
    }

    void sourceLeft(SourceThrottle source) {
        sources.remove(source);
        waiting.remove(source);
    }

    void hasWaiting(SourceThrottle source) {
        if (waiting.isEmpty()) {
            limit.bucket.rested(clock.nanos());
        }
        if (!waiting.contains(source)) {
            waiting.addLast(source);
        }
    }

    /** Gives turns as long as somebody may have one. */
    void serve() {
        if (serving) { // a turn has brought more bytes, which get theirs
            return;
        }
        serving = true;
        try {
            long waitNanos = serveReady(clock.nanos());
            waiting.forEach(SourceThrottle::pauseBegins);
            setAlarm(waitNanos);
        } finally {
            serving = false;
        }
    }

    /** Says how long it takes until the next may have a turn; the largest number if nobody waits. */
    private long serveReady(long nowNanos) {
        long waitNanos = Long.MAX_VALUE;
        int heldBack = 0;
        while (heldBack < waiting.size()) {
            if (!limit.bucket.isReady(nowNanos)) {
                return limit.bucket.waitNanos();
            }
            SourceThrottle source = waiting.removeFirst();
            if (!source.hasWaiting()) {
                continue;
            }
            if (source.bucket.isReady(nowNanos)) {
                limit.bucket.take(source.serve(limit.bucket.turnBytes(waiting.size() + 1), nowNanos));
                heldBack = 0;
            } else {
                waitNanos = Math.min(waitNanos, source.bucket.waitNanos());
                heldBack++;
            }
            if (source.hasWaiting() && !waiting.contains(source)) {
                waiting.addLast(source);
            }
        }
        return waitNanos;
    }

    private void setAlarm(long waitNanos) {
        long atNanos = clock.nanos() + waitNanos;
        if (waitNanos == Long.MAX_VALUE || (alarm != null && atNanos - alarmNanos >= 0)) {
            return; // what rings too early sets the next
        }
        if (alarm != null) {
            alarm.run();
        }
        alarmNanos = atNanos;
        alarm = timer.after(waitNanos, this::rings);
    }

    private void rings() {
        alarm = null;
        serve();
    }
}
