package org.replicationserver.receiver.replication;

import java.time.Duration;

/** Finds that work waits and no byte becomes durable. Event loop only. */
final class StallDetector {
    private final Duration stalledAfter;
    private boolean waiting;
    private long sinceNanos;
    private StageTimes stagesSince = StageTimes.NONE;

    StallDetector(Duration stalledAfter) {
        this.stalledAfter = stalledAfter;
    }

    /**
     * Whether work waits from now on.
     *
     * @param stages the attribution up to now
     */
    void waiting(Moment now, boolean nowWaiting, StageTimes stages) {
        if (nowWaiting && !waiting) {
            restart(now, stages);
        }
        waiting = nowWaiting;
    }

    /** A byte became durable, or there was a reason why none could. */
    void restart(Moment now, StageTimes stages) {
        sinceNanos = now.nanos();
        stagesSince = stages;
    }

    boolean isWaiting() {
        return waiting;
    }

    boolean isStalled(Moment now) {
        return waiting && now.isAfter(sinceNanos, stalledAfter);
    }

    /** How long work has waited without progress, 0 if none waits. */
    long seconds(Moment now) {
        return waiting ? now.secondsSince(sinceNanos) : 0;
    }

    /** Where that time went. */
    StageTimes stages(StageTimes stages) {
        return stages.minus(stagesSince);
    }
}
