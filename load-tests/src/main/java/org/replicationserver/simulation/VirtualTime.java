package org.replicationserver.simulation;

import java.util.PriorityQueue;

/** Time that passes only when nothing is left to do at the moment. Used by one thread at a time. */
final class VirtualTime {
    /** 2026-09-21T14:13:20Z: any moment would do, but the same in each run. */
    static final long BEGIN_MILLIS = 1_790_000_000_000L;

    private record Event(long atNanos, long order, Runnable action) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            return atNanos != other.atNanos ? Long.compare(atNanos, other.atNanos) : Long.compare(order, other.order);
        }
    }

    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private long nowNanos = 1;
    private long eventCount;

    /** Since the simulation began. */
    long nanos() {
        return nowNanos;
    }

    /** Since 1970-01-01T00:00Z. */
    long millis() {
        return BEGIN_MILLIS + nowNanos / 1_000_000;
    }

    /** Events at the same moment happen in the order in which they were asked for. */
    void at(long nanos, Runnable action) {
        events.add(new Event(Math.max(nanos, nowNanos), eventCount++, action));
    }

    void later(long delayNanos, Runnable action) {
        at(nowNanos + delayNanos, action);
    }

    /** Lets the next event happen; false if there is none until then. */
    boolean step(long untilNanos) {
        Event next = events.peek();
        if (next == null || next.atNanos > untilNanos) {
            nowNanos = Math.max(nowNanos, untilNanos);
            return false;
        }
        events.remove();
        nowNanos = next.atNanos;
        next.action.run();
        return true;
    }
}
