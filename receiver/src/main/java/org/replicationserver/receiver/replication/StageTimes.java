package org.replicationserver.receiver.replication;

import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** How much of a time went into each stage; immutable. */
public final class StageTimes {
    static final StageTimes NONE = new StageTimes(Map.of());

    private final Map<LagStage, Long> nanos = new EnumMap<>(LagStage.class);

    StageTimes(Map<LagStage, Long> nanos) {
        this.nanos.putAll(nanos);
    }

    public long nanos(LagStage stage) {
        return nanos.getOrDefault(stage, 0L);
    }

    public long totalNanos() {
        return nanos.values().stream().mapToLong(Long::longValue).sum();
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
        Map<LagStage, Long> difference = new EnumMap<>(LagStage.class);
        nanos.forEach((stage, time) -> difference.put(stage, time - earlier.nanos(stage)));
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
