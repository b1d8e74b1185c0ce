package org.replicationserver.receiver.replication;

import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** How much of a time went into each stage; immutable. */
public final class StageTimes {
    static final StageTimes NONE = new StageTimes(new long[LagStage.COUNT]);

    private final long[] nanos;

    StageTimes(long[] nanos) {
        this.nanos = nanos.clone();
    }

    public long nanos(LagStage stage) {
        return nanos[stage.index()];
    }

    public long totalNanos() {
        long sum = 0;
        for (long part : nanos) {
            sum += part;
        }
        return sum;
    }

    /** The stages that took time, the largest share first. */
    public List<LagStage> byShare() {
        return Stream.of(LagStage.values())
                .filter(stage -> nanos(stage) > 0)
                .sorted(Comparator.comparingLong(this::nanos).reversed())
                .toList();
    }

    /** The stage with the largest share, or null where no time went anywhere. */
    public @Nullable LagStage largest() {
        List<LagStage> stages = byShare();
        return stages.isEmpty() ? null : stages.getFirst();
    }

    /** 0 to 100. */
    public long percent(LagStage stage) {
        long total = totalNanos();
        return total == 0 ? 0 : Math.round(100.0 * nanos(stage) / total);
    }

    StageTimes minus(StageTimes earlier) {
        long[] difference = nanos.clone();
        for (int i = 0; i < difference.length; i++) {
            difference[i] -= earlier.nanos[i];
        }
        return new StageTimes(difference);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        byShare()
                .forEach(stage -> text.append(text.isEmpty() ? "" : " ")
                        .append(stage)
                        .append('=')
                        .append(nanos(stage) / 1_000_000)
                        .append("ms"));
        return text.toString();
    }
}
