package org.replicationserver.receiver.replication;

import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.LagSplit.AgentShares;

/**
 * Where each second of a lag went. Event loop only.
 *
 * <p>Time counts while there is lag and the agent is connected, to the nanosecond of the calls of {@link #lagging}; at a tick what has
 * gathered is split by {@link LagSplit} over what the clocks did since the last split. Where the agent reports its waits, that is when the
 * report has come that tells of this time. A lag that is cut by a lost session goes on with the next one.
 *
 * <p>Invariant: the times of the stages sum up to exactly the time with lag that was split; what is not split yet is younger than the
 * agent's last report, or than the last tick where it does not report.
 */
final class LagAttribution {
    private static final int SECONDS_KEPT = 60;
    private static final long SECOND_NANOS = 1_000_000_000L;

    private final ReplicationSettings settings;
    private final long startedNanos;

    // the lag that there is
    private boolean lagging;
    private boolean commitWaiting;
    private boolean hasLag;
    private long beganNanos;
    private long accruedNanos;
    private long unsplitNanos;
    private long unsplitCommitNanos;

    // what it was split over
    private final Map<LagStage, Long> totals = new EnumMap<>(LagStage.class);
    private StageTimes total = StageTimes.NONE;
    private StageTimes totalAtBegin = StageTimes.NONE;
    private final List<Map<LagStage, Long>> seconds = IntStream.range(0, SECONDS_KEPT)
            .<Map<LagStage, Long>>mapToObj(_ -> new EnumMap<>(LagStage.class))
            .toList();
    private long second;

    // the clocks at the last tick
    private @Nullable StageClocks clocks;
    private long clocksNanos;

    // the agent's clocks at its last report
    private AgentWaits waits = AgentWaits.NONE;
    private long waitsNanos;
    private @Nullable AgentShares agentShares;
    private boolean reports;

    LagAttribution(ReplicationSettings settings, long nowNanos) {
        this.settings = settings;
        this.startedNanos = nowNanos;
        this.accruedNanos = nowNanos;
        this.waitsNanos = nowNanos;
    }

    /**
     * There is lag from now on, or none.
     *
     * @param connected whether a session is open; without one a lag only pauses
     * @param nowLagging whether there is lag that can be attributed
     * @param nowCommitWaiting whether a commit waits
     */
    void lagging(long nowNanos, boolean connected, boolean nowLagging, boolean nowCommitWaiting) {
        accrue(nowNanos);
        lagging = nowLagging;
        commitWaiting = nowCommitWaiting;
        if (nowLagging && !hasLag) {
            hasLag = true;
            beganNanos = nowNanos;
            totalAtBegin = total;
        } else if (connected && !nowLagging) {
            hasLag = false;
        }
    }

    private void accrue(long nowNanos) {
        if (lagging) {
            unsplitNanos += nowNanos - accruedNanos;
            unsplitCommitNanos += commitWaiting ? nowNanos - accruedNanos : 0;
        }
        accruedNanos = nowNanos;
    }

    /** The agent's clocks begin at 0. */
    void sessionOpened(long nowNanos) {
        waits = AgentWaits.NONE;
        waitsNanos = nowNanos;
        agentShares = null;
        reports = false;
    }

    void agentWaited(long nowNanos, AgentWaits reported) {
        agentShares = AgentShares.of(waits, reported, nowNanos - waitsNanos);
        reports = true;
        waits = reported;
        waitsNanos = nowNanos;
    }

    void tick(long nowNanos, StageClocks now) {
        accrue(nowNanos);
        StageClocks before = clocks;
        if (before != null && (nowNanos <= clocksNanos || awaitsReport(nowNanos))) {
            return;
        }
        if (before != null && unsplitNanos > 0) {
            Map<LagStage, Double> shares = LagSplit.split(
                    before,
                    now,
                    nowNanos - clocksNanos,
                    settings.saturatedPercent(),
                    agentShares,
                    (double) unsplitCommitNanos / unsplitNanos);
            distribute(nowNanos, shares);
        }
        clocks = now;
        clocksNanos = nowNanos;
        agentShares = null;
    }

    /** What has gathered is told of by a report that is still to come. */
    private boolean awaitsReport(long nowNanos) {
        return tellsWaits(nowNanos) && agentShares == null;
    }

    private void distribute(long nowNanos, Map<LagStage, Double> shares) {
        advance(nowNanos);
        Map<LagStage, Long> parts = seconds.get((int) (second % SECONDS_KEPT));
        LagStage largest =
                Collections.max(shares.entrySet(), Map.Entry.comparingByValue()).getKey();
        long left = unsplitNanos;
        for (Map.Entry<LagStage, Double> share : shares.entrySet()) {
            long part = Math.min(left, (long) (unsplitNanos * share.getValue()));
            add(parts, share.getKey(), part);
            left -= part;
        }
        add(parts, largest, left); // what rounding has left
        total = new StageTimes(totals);
        unsplitNanos = 0;
        unsplitCommitNanos = 0;
    }

    private void add(Map<LagStage, Long> parts, LagStage stage, long nanos) {
        totals.merge(stage, nanos, Long::sum);
        parts.merge(stage, nanos, Long::sum);
    }

    private void advance(long nowNanos) {
        long now = (nowNanos - startedNanos) / SECOND_NANOS;
        long gone = Math.min(now - second, SECONDS_KEPT);
        for (long i = 1; i <= gone; i++) {
            seconds.get((int) ((now - gone + i) % SECONDS_KEPT)).clear();
        }
        second = now;
    }

    /** Whether the agent has told lately what it waits for. */
    boolean tellsWaits(long nowNanos) {
        return reports && nowNanos - waitsNanos <= settings.agentWaitsKept().toNanos();
    }

    /** Whether it is known when the instance exceeds its EBS limit. */
    boolean knowsInstanceLimit() {
        return clocks != null && clocks.knowsInstanceLimit();
    }

    /** How long there has been lag, 0 if there is none now. */
    long lagNanos(long nowNanos) {
        return lagging ? nowNanos - beganNanos : 0;
    }

    /** Over all lags, up to the last tick; it only grows. */
    StageTimes total() {
        return total;
    }

    /** Since the present lag began, or of the last one. */
    StageTimes sinceLagBegan() {
        return total.minus(totalAtBegin);
    }

    /** Over the last 60 s. */
    StageTimes lastMinute(long nowNanos) {
        advance(nowNanos);
        Map<LagStage, Long> sum = new EnumMap<>(LagStage.class);
        seconds.forEach(parts -> parts.forEach((stage, nanos) -> sum.merge(stage, nanos, Long::sum)));
        return new StageTimes(sum);
    }
}
