package org.replicationserver.receiver.session;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** A throttle in virtual time, with timers that are late and streams that always have bytes, or come and go. */
final class ThrottleWorld implements SessionClock, LoopTimer {
    static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** What passed at one moment. */
    record Passed(long atNanos, long bytes) {}

    private record Event(long atNanos, long order, Runnable action) {}

    private final Random random;
    private final PriorityQueue<Event> queue = new PriorityQueue<>(
            (a, b) -> a.atNanos != b.atNanos ? Long.compare(a.atNanos, b.atNanos) : Long.compare(a.order, b.order));
    private long nowNanos = 1;
    private long order;
    int alarmsSet;
    int alarmsLost;

    /** A timer is late by up to so much; one in {@link #stallOdds} by so much more. */
    long lateNanosMax = 1_200_000;

    long stallNanos;
    int stallOdds = 1;

    /** A stream needs up to so much to fetch what comes next. */
    long fetchNanosMax = 60_000;

    final Throttle throttle = new Throttle(this, this, limit -> {});

    ThrottleWorld(Random random) {
        this.random = random;
    }

    @Override
    public long nanos() {
        return nowNanos;
    }

    @Override
    public long millis() {
        return nowNanos / 1_000_000;
    }

    @Override
    public Runnable after(long delayNanos, Runnable task) {
        alarmsSet++;
        long lateNanos = random.nextLong(lateNanosMax + 1) + (random.nextInt(stallOdds) == 0 ? stallNanos : 0);
        Event alarm = at(nowNanos + delayNanos + lateNanos, () -> {
            alarmsSet--;
            task.run();
        });
        return () -> alarmsSet -= queue.remove(alarm) ? 1 : 0;
    }

    private Event at(long atNanos, Runnable action) {
        Event event = new Event(atNanos, order++, action);
        queue.add(event);
        return event;
    }

    void runFor(double seconds) {
        long endNanos = nowNanos + (long) (seconds * SECOND_NANOS);
        while (!queue.isEmpty() && queue.peek().atNanos <= endNanos) {
            Event event = queue.remove();
            nowNanos = Math.max(nowNanos, event.atNanos);
            event.action.run();
        }
        nowNanos = endNanos;
    }

    /** Streams of a new source server that always have bytes. */
    List<Stream> busy(SourceThrottle source, int streams) {
        List<Stream> made = new ArrayList<>();
        for (int i = 0; i < streams; i++) {
            Stream stream = new Stream(source);
            made.add(stream);
            source.join(stream);
            stream.busy(true);
        }
        return made;
    }

    /** A data connection: fetches up to 64 KiB at a time from a kernel that is quick and never empty while the stream is busy. */
    final class Stream implements ThrottledStream {
        static final int FETCH_BYTES = 64 * 1024;

        final List<Passed> passed = new ArrayList<>();
        private final SourceThrottle source;
        private int heldBytes;
        private boolean busy;
        private boolean fetching;
        boolean on;

        Stream(SourceThrottle source) {
            this.source = source;
        }

        void busy(boolean newBusy) {
            busy = newBusy;
            fetch();
        }

        @Override
        public void throttled(boolean newOn) {
            on = newOn;
            fetch();
        }

        private void fetch() {
            if (busy && on && heldBytes == 0 && !fetching) {
                fetching = true;
                at(nowNanos + random.nextLong(fetchNanosMax), () -> {
                    fetching = false;
                    heldBytes = FETCH_BYTES - random.nextInt(4) * random.nextInt(1000);
                    if (on) {
                        source.wants(this);
                    }
                });
            }
        }

        @Override
        public int pass(int bytesMax) {
            if (!on || heldBytes == 0) {
                throw new AssertionError("a turn that nobody asked for");
            }
            int bytes = Math.min(bytesMax, heldBytes);
            heldBytes -= bytes;
            passed.add(new Passed(nowNanos, bytes));
            if (heldBytes > 0) {
                source.wants(this);
            } else {
                fetch();
            }
            return bytes;
        }

        long bytes() {
            return passed.stream().mapToLong(Passed::bytes).sum();
        }
    }

    static List<Passed> merged(List<Stream> streams) {
        return streams.stream()
                .flatMap(stream -> stream.passed.stream())
                .sorted((a, b) -> Long.compare(a.atNanos, b.atNanos))
                .toList();
    }

    /** The least and the most that passed in any window of ten seconds between two moments, in megabits per second. */
    static double[] extremesOverTenSeconds(List<Passed> passed, long fromNanos, long toNanos) {
        long windowNanos = 10 * SECOND_NANOS;
        double least = Double.MAX_VALUE;
        double most = 0;
        int begin = 0;
        int end = 0;
        long bytes = 0;
        // Windows that begin just after a piece are the poorest, those that begin with one the richest.
        while (begin < passed.size()) {
            long at = passed.get(begin).atNanos;
            while (end < passed.size() && passed.get(end).atNanos < at + windowNanos) {
                bytes += passed.get(end++).bytes;
            }
            if (at >= fromNanos && at + windowNanos <= toNanos) {
                most = Math.max(most, mbps(bytes));
                least = Math.min(least, mbps(bytes - passed.get(begin).bytes));
            }
            bytes -= passed.get(begin++).bytes;
        }
        return new double[] {least, most};
    }

    private static double mbps(long bytes) {
        return bytes * 8 / 1e6 / 10;
    }
}
