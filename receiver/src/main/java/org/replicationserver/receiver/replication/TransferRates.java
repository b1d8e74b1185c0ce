package org.replicationserver.receiver.replication;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.DataReplicationInfo.Rate;

/** How fast bytes become durable and how fast the source writes, over a short and a long window. Event loop only. */
final class TransferRates {
    /** What would take longer is no forecast. */
    private static final Duration ETA_MAX = Duration.ofDays(3650);

    private final RateWindow shortWindow;
    private final RateWindow longWindow;
    private final List<RateWindow> windows;
    private final long observedNanosMin;

    TransferRates(ReplicationSettings settings, long nowNanos) {
        this.shortWindow = new RateWindow(settings.rateWindowShort().toNanos(), nowNanos);
        this.longWindow = new RateWindow(settings.rateWindowLong().toNanos(), nowNanos);
        this.windows = List.of(shortWindow, longWindow);
        this.observedNanosMin = settings.rateObservedMin().toNanos();
    }

    void durable(long nowNanos, long bytes) {
        windows.forEach(window -> window.durable(nowNanos, bytes));
    }

    /** What the agent has still to send. */
    void backlog(long nowNanos, long bytes) {
        windows.forEach(window -> window.backlog(nowNanos, bytes));
    }

    /** Something else is measured from now on: disks are sent again, others are assigned, or replication goes on after a rest. */
    void beginAnew(long nowNanos) {
        windows.forEach(window -> window.beginAnew(nowNanos));
    }

    /** The rates of both windows, the shorter first; what the source writes only where its agent reports. */
    List<Rate> rates(long nowNanos, boolean reporting) {
        return windows.stream().map(window -> rate(window, nowNanos, reporting)).toList();
    }

    /** The rates of the longer window. */
    Rate longRate(long nowNanos) {
        return rate(longWindow, nowNanos, true);
    }

    private Rate rate(RateWindow window, long nowNanos, boolean reporting) {
        double durable = window.durableBytesPerSecond(nowNanos);
        OptionalDouble growth = window.growthBytesPerSecond(nowNanos, observedNanosMin);
        Long arriving =
                reporting && growth.isPresent() ? Math.round(Math.max(0, durable + growth.getAsDouble())) : null;
        return new Rate(window.windowNanos() / 1_000_000_000L, Math.round(durable), arriving);
    }

    /** Whether the backlog grew over both windows. */
    boolean isNotConverging(long nowNanos) {
        return shortWindow.isBacklogGrowing(nowNanos) && longWindow.isBacklogGrowing(nowNanos);
    }

    /** When so many bytes will be durable and what comes meanwhile too; null where that cannot be said. */
    @Nullable
    EtaRange eta(Moment now, long remainingBytes) {
        double slowest = Double.MAX_VALUE;
        double fastest = 0;
        for (RateWindow window : windows) {
            double net = netBytesPerSecond(window, now.nanos());
            slowest = Math.min(slowest, net);
            fastest = Math.max(fastest, net);
        }
        if (remainingBytes <= 0 || slowest <= 0 || remainingBytes / slowest > ETA_MAX.toSeconds()) {
            return null;
        }
        return new EtaRange(after(now, remainingBytes / fastest), after(now, remainingBytes / slowest));
    }

    /** By how much less there is to do after a second; 0 if that is not known. */
    private double netBytesPerSecond(RateWindow window, long nowNanos) {
        if (!window.isObserved(nowNanos, observedNanosMin)) {
            return 0;
        }
        OptionalDouble growth = window.growthBytesPerSecond(nowNanos, observedNanosMin);
        return growth.isPresent() ? -growth.getAsDouble() : window.durableBytesPerSecond(nowNanos);
    }

    private static Instant after(Moment now, double seconds) {
        return now.instant().plusMillis(Math.round(seconds * 1000));
    }
}
