package org.replicationserver.receiver.server;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.StageClocks;
import org.replicationserver.receiver.staging.VolumeStatistics;

/**
 * For each source server, the time in which the instance exceeded its limit to EBS, as a clock beside those of the other stages. Event
 * loop only.
 *
 * <p>Devices are asked every ten seconds only, and stages are told apart four times a second. So the fraction of the newest such interval
 * is taken to hold until the next one is known: the clock runs that fast, instead of leaping once. Of several volumes the one counts
 * that saw the most of it.
 */
final class InstanceLimitClock {
    private record Reading(long atNanos, double nanos) {}

    private final Function<String, @Nullable VolumeStatistics> statistics;
    private final LongSupplier clockNanos;
    private final Map<String, Reading> readings = new HashMap<>();

    /** @param statistics of a volume, null if they are not known */
    InstanceLimitClock(Function<String, @Nullable VolumeStatistics> statistics, LongSupplier clockNanos) {
        this.statistics = statistics;
        this.clockNanos = clockNanos;
    }

    /** Nanoseconds since the clock of this source server began, or {@link StageClocks#UNKNOWN} if no volume of it tells. */
    long nanos(String sourceServerId, Collection<String> volumeIds) {
        double fraction = volumeIds.stream()
                .map(statistics)
                .filter(one -> one != null && one.knowsInstanceLimit())
                .mapToDouble(VolumeStatistics::instanceLimited)
                .max()
                .orElse(-1);
        if (fraction < 0) {
            readings.remove(sourceServerId);
            return StageClocks.UNKNOWN;
        }
        long now = clockNanos.getAsLong();
        Reading reading = readings.merge(
                sourceServerId,
                new Reading(now, 0),
                (before, none) -> new Reading(now, before.nanos + fraction * (now - before.atNanos)));
        return (long) reading.nanos;
    }

    /** Forgets the source servers that are gone. */
    void keepOnly(Set<String> sourceServerIds) {
        readings.keySet().retainAll(sourceServerIds);
    }
}
