package org.replicationserver.receiver.replication;

import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The rule by which a time with lag is split over the stages: which fraction of it went where. Fractions are never negative and their
 * sum is 1. README, "Lag attribution", states the same in words.
 */
final class LagSplit {
    /** Of a time, the fractions in which the agent waited; their sum is at most 1. */
    record AgentShares(double source, double network, double window) {
        static AgentShares of(AgentWaits from, AgentWaits to, long elapsedNanos) {
            double source = fraction(to.sourceNanos() - from.sourceNanos(), elapsedNanos);
            double network = fraction(to.networkNanos() - from.networkNanos(), elapsedNanos);
            double window = fraction(to.windowNanos() - from.windowNanos(), elapsedNanos);
            double sum = Math.max(1, source + network + window);
            return new AgentShares(source / sum, network / sum, window / sum);
        }
    }

    private final double throttle;
    private final double memory;
    private final double hold;
    private final double device;
    private final double limited;
    private final double expanding;
    private final double saturated;
    private final double windowUsedUp;
    private final double idle;

    private final Map<LagStage, Double> shares = new EnumMap<>(LagStage.class);

    private LagSplit(StageClocks from, StageClocks to, long elapsedNanos, int saturatedPercent) {
        this.throttle = fraction(to.throttlePausedNanos() - from.throttlePausedNanos(), elapsedNanos);
        this.memory = fraction(to.memoryPausedNanos() - from.memoryPausedNanos(), elapsedNanos);
        this.hold = fraction(to.holdNanos() - from.holdNanos(), elapsedNanos);
        this.device = fraction(to.deviceBusyNanos() - from.deviceBusyNanos(), elapsedNanos);
        this.limited = to.knowsInstanceLimit() && from.knowsInstanceLimit()
                ? fraction(to.instanceLimitedNanos() - from.instanceLimitedNanos(), elapsedNanos)
                : 0;
        this.expanding = fraction(to.expandBusyNanos() - from.expandBusyNanos(), elapsedNanos);
        double loop = fraction(to.loopCpuNanos() - from.loopCpuNanos(), elapsedNanos);
        this.saturated = loop > saturatedPercent / 100.0 ? loop : 0;
        this.windowUsedUp = fraction(to.windowUsedUpNanos() - from.windowUsedUpNanos(), elapsedNanos);
        this.idle = 1 - fraction(to.blocksUnderWayNanos() - from.blocksUnderWayNanos(), elapsedNanos);
    }

    /**
     * Splits a time.
     *
     * @param agent what its agent told, or null if it tells nothing
     * @param commitWaiting the fraction in which a commit waited
     */
    static Map<LagStage, Double> split(
            StageClocks from,
            StageClocks to,
            long elapsedNanos,
            int saturatedPercent,
            @Nullable AgentShares agent,
            double commitWaiting) {
        LagSplit split = new LagSplit(from, to, elapsedNanos, saturatedPercent);
        double told = agent == null ? split.windowUsedUp : agent.source + agent.network + agent.window;
        double untold = Math.max(0, 1 - told);
        untold -= split.add(LagStage.HOLD, Math.min(untold, split.hold));
        // Who waits for a commit has sent all: it is the server that is waited for.
        double commit = untold * commitWaiting;
        double rest = untold - commit;
        if (agent == null) {
            // While a device is busy with what came, more from the source would not help.
            double served = Math.min(rest, split.device);
            split.window(split.windowUsedUp + commit + served + split.socket(rest - served, LagStage.SOURCE));
        } else {
            split.add(LagStage.SOURCE, agent.source + rest);
            split.window(agent.window + commit + split.socket(agent.network, LagStage.NETWORK));
        }
        return split.shares;
    }

    /**
     * Splits the part in which sockets took no more, or may not have. A connection that is not read is what stops the agent, so each
     * reason takes as much of the part as it lasted. Returns what is for the window's rule.
     */
    private double socket(double part, LagStage remainder) {
        double left = part;
        left -= add(LagStage.THROTTLE, Math.min(left, throttle));
        double byMemory = Math.min(left, memory);
        left -= byMemory;
        left -= add(LagStage.CPU_TLS_LZ4, Math.min(left, saturated));
        add(remainder, left);
        return byMemory;
    }

    /** Splits the part in which the window was used up by what the server did, as fractions of the whole time. */
    private void window(double part) {
        double left = 1;
        double inDevice = Math.min(left, device);
        double byInstance = Math.min(inDevice, limited);
        add(LagStage.INSTANCE_LIMIT, part, byInstance);
        add(LagStage.VOLUME, part, inDevice - byInstance);
        left -= inDevice;
        left -= add(LagStage.CPU_TLS_LZ4, part, Math.min(left, Math.max(expanding, saturated)));
        // What nobody has received yet is on its way, or waits before the server reads it.
        double outside = Math.min(left, idle);
        double throttled = add(LagStage.THROTTLE, part, Math.min(outside, throttle));
        add(LagStage.NETWORK, part, outside - throttled);
        add(LagStage.WRITE_QUEUE, part, left - outside);
    }

    private double add(LagStage stage, double part, double fraction) {
        add(stage, part * fraction);
        return fraction;
    }

    private double add(LagStage stage, double share) {
        shares.merge(stage, share, Double::sum);
        return share;
    }

    private static double fraction(long nanos, long elapsedNanos) {
        return elapsedNanos <= 0 ? 0 : Math.clamp((double) nanos / elapsedNanos, 0.0, 1.0);
    }
}
