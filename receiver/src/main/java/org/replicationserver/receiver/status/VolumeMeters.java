package org.replicationserver.receiver.status;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.VolumeCounters;
import org.replicationserver.volume.VolumeWriter;

/**
 * The meters of one volume, which read what its writer counts. A volume that is not open shows zeros; a counter begins again when its
 * volume is reopened.
 */
public final class VolumeMeters {
    private static final double NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);

    private final MeterRegistry registry;
    private final String volumeId;
    private final Supplier<@Nullable VolumeWriter> writer;

    private VolumeMeters(MeterRegistry registry, String volumeId, Supplier<@Nullable VolumeWriter> writer) {
        this.registry = registry;
        this.volumeId = volumeId;
        this.writer = writer;
    }

    /**
     * Registers the meters of a volume.
     *
     * @param writer the volume's writer as it is now, from any thread
     */
    public static void register(MeterRegistry registry, String volumeId, Supplier<@Nullable VolumeWriter> writer) {
        VolumeMeters meters = new VolumeMeters(registry, volumeId, writer);
        meters.counter("blocks", VolumeCounters::blocks);
        meters.counter("written_bytes", VolumeCounters::bytesWritten);
        meters.counter("zeroed_bytes", VolumeCounters::bytesZeroed);
        meters.counter("skipped_zero_bytes", VolumeCounters::bytesSkipped);
        meters.counter("device_writes", VolumeCounters::deviceWrites);
        meters.counter("write_seconds", counters -> counters.writeNanos() / NANOS_PER_SECOND);
        meters.counter("forces", VolumeCounters::forces);
        meters.counter("force_seconds", counters -> counters.forceNanos() / NANOS_PER_SECOND);
        meters.counter("device_busy_seconds", counters -> counters.deviceBusyNanos() / NANOS_PER_SECOND);
        meters.counter("expand_busy_seconds", counters -> counters.expandBusyNanos() / NANOS_PER_SECOND);
        meters.counter("corrupt_blocks", VolumeCounters::corruptBlocks);
        meters.counter("dropped_blocks", VolumeCounters::droppedBlocks);
        meters.gauge("queued_bytes", VolumeWriter::queuedBytes);
        // What tells a stuck device: it grows as long as the device does not answer.
        meters.gauge("running_seconds", open -> open.runningNanos() / NANOS_PER_SECOND);
        meters.gauge("usable", open -> open.failure() == null ? 1 : 0);
    }

    private void counter(String name, ToDoubleFunction<VolumeCounters> value) {
        FunctionCounter.builder(
                        ServerEvents.PREFIX + "volume_" + name,
                        writer,
                        open -> of(open, w -> value.applyAsDouble(w.counters())))
                .tag("volume", volumeId)
                .register(registry);
    }

    private void gauge(String name, ToDoubleFunction<VolumeWriter> value) {
        Gauge.builder(ServerEvents.PREFIX + "volume_" + name, () -> of(writer, value))
                .tag("volume", volumeId)
                .register(registry);
    }

    private static double of(Supplier<@Nullable VolumeWriter> writer, ToDoubleFunction<VolumeWriter> value) {
        VolumeWriter open = writer.get();
        return open == null ? 0 : value.applyAsDouble(open);
    }
}
