package org.replicationserver.receiver.status;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.VolumeCounters;
import org.replicationserver.volume.VolumeWriter;

/**
 * The meters of the assigned volumes, which read what their writers count. A volume that is not open shows zeros; a counter begins
 * again when its volume is reopened. Event loop only; what is registered is read by any thread.
 */
public final class VolumeMeters {
    private static final double NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);

    private final MeterRegistry registry;
    private final Function<String, @Nullable VolumeWriter> writers;
    private final Map<String, List<Meter>> metersByVolume = new HashMap<>();

    /** @param writers gives a volume's writer as it is now, or null, to any thread */
    public VolumeMeters(MeterRegistry registry, Function<String, @Nullable VolumeWriter> writers) {
        this.registry = registry;
        this.writers = writers;
    }

    /** Registers the meters of volumes that came, removes those of volumes that went. */
    public void keepOnly(Set<String> volumeIds) {
        metersByVolume.entrySet().removeIf(entry -> {
            boolean gone = !volumeIds.contains(entry.getKey());
            if (gone) {
                entry.getValue().forEach(registry::remove);
            }
            return gone;
        });
        volumeIds.forEach(id -> metersByVolume.computeIfAbsent(id, this::register));
    }

    private List<Meter> register(String volumeId) {
        return List.of(
                counter(volumeId, "blocks", VolumeCounters::blocks),
                counter(volumeId, "written_bytes", VolumeCounters::bytesWritten),
                counter(volumeId, "zeroed_bytes", VolumeCounters::bytesZeroed),
                counter(volumeId, "skipped_zero_bytes", VolumeCounters::bytesSkipped),
                counter(volumeId, "device_writes", VolumeCounters::deviceWrites),
                counter(volumeId, "write_seconds", counters -> counters.writeNanos() / NANOS_PER_SECOND),
                counter(volumeId, "forces", VolumeCounters::forces),
                counter(volumeId, "force_seconds", counters -> counters.forceNanos() / NANOS_PER_SECOND),
                counter(volumeId, "device_busy_seconds", counters -> counters.deviceBusyNanos() / NANOS_PER_SECOND),
                counter(volumeId, "expand_busy_seconds", counters -> counters.expandBusyNanos() / NANOS_PER_SECOND),
                counter(volumeId, "corrupt_blocks", VolumeCounters::corruptBlocks),
                counter(volumeId, "dropped_blocks", VolumeCounters::droppedBlocks),
                gauge(volumeId, "queued_bytes", VolumeWriter::queuedBytes),
                // What tells a stuck device: it grows as long as the device does not answer.
                gauge(volumeId, "running_seconds", open -> open.runningNanos() / NANOS_PER_SECOND),
                gauge(volumeId, "usable", open -> open.failure() == null ? 1 : 0));
    }

    private Meter counter(String volumeId, String name, ToDoubleFunction<VolumeCounters> value) {
        return FunctionCounter.builder(
                        ServerEvents.PREFIX + "volume_" + name,
                        writers,
                        all -> of(volumeId, writer -> value.applyAsDouble(writer.counters())))
                .tag("volume", volumeId)
                .register(registry);
    }

    private Meter gauge(String volumeId, String name, ToDoubleFunction<VolumeWriter> value) {
        return Gauge.builder(ServerEvents.PREFIX + "volume_" + name, () -> of(volumeId, value))
                .tag("volume", volumeId)
                .register(registry);
    }

    private double of(String volumeId, ToDoubleFunction<VolumeWriter> value) {
        VolumeWriter open = writers.apply(volumeId);
        return open == null ? 0 : value.applyAsDouble(open);
    }
}
