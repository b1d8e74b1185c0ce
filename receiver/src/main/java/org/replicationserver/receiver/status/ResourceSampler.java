package org.replicationserver.receiver.status;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.staging.StatisticsPage;
import org.replicationserver.receiver.staging.VolumeStatistics;
import org.replicationserver.volume.VolumeCounters;
import org.replicationserver.volume.VolumeWriter;

/**
 * Looks at the machine and at the volumes: processor, memory, network from Linux's {@code /proc} ({@code proc(5)}), what volumes
 * wrote from their writers, what held them up from their devices. Figures of work are those since the sample before, so the first has none of them. Confined to one thread,
 * which may block.
 */
public final class ResourceSampler {
    private static final Pattern SPACES = Pattern.compile("\\s+");
    private static final double NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final double MICROS_PER_SECOND = TimeUnit.SECONDS.toMicros(1);
    private static final double PERCENT = 100;
    private static final long KIB = 1024;
    private static final String LOOPBACK = "lo";

    // columns of the line "cpu" in /proc/stat
    private static final int IDLE = 4;
    private static final int IO_WAIT = 5;
    private static final int STEAL = 8;

    // columns of /proc/net/dev after the interface's name
    private static final int RECEIVED_BYTES = 0;
    private static final int SENT_BYTES = 8;

    private final Path proc;
    private final Supplier<Set<String>> volumeIds;
    private final Function<String, @Nullable VolumeWriter> writers;
    private final Function<String, @Nullable VolumeStatistics> statistics;
    private final Map<String, Double> countsBefore = new HashMap<>();

    /**
     * @param proc where Linux tells of itself; {@code /proc}
     * @param volumeIds those to look at, any thread
     * @param writers gives a volume's writer or null, any thread
     * @param statistics gives what a volume's device tells or null, any thread
     */
    public ResourceSampler(
            Path proc,
            Supplier<Set<String>> volumeIds,
            Function<String, @Nullable VolumeWriter> writers,
            Function<String, @Nullable VolumeStatistics> statistics) {
        this.proc = proc;
        this.volumeIds = volumeIds;
        this.writers = writers;
        this.statistics = statistics;
    }

    /** Takes a sample; a figure that the system does not give is left out. */
    public List<ResourceMetric> sample() {
        List<ResourceMetric> metrics = new ArrayList<>();
        addProcessor(metrics);
        addMemory(metrics);
        addNetwork(metrics);
        Set<String> volumes = volumeIds.get();
        volumes.forEach(id -> {
            addVolume(metrics, id);
            addDevice(metrics, id);
        });
        countsBefore.keySet().removeIf(key -> key.startsWith(VOLUME) && !volumes.contains(volumeOf(key)));
        return metrics;
    }

    private void addProcessor(List<ResourceMetric> metrics) {
        for (String line : linesOf("stat")) {
            String[] columns = SPACES.split(line, -1);
            if (columns[0].equals("cpu") && columns.length > STEAL) {
                double total = 0;
                for (int i = 1; i <= STEAL; i++) { // guest time is part of user time
                    total += Double.parseDouble(columns[i]);
                }
                double idle = Double.parseDouble(columns[IDLE]) + Double.parseDouble(columns[IO_WAIT]);
                Double ticks = sinceBefore("cpu", total);
                Double idleTicks = sinceBefore("cpu idle", idle);
                Double stolenTicks = sinceBefore("cpu steal", Double.parseDouble(columns[STEAL]));
                if (ticks != null && idleTicks != null && stolenTicks != null && ticks > 0) {
                    metrics.add(ofMachine("CPUUtilization", "Percent", PERCENT * (ticks - idleTicks) / ticks));
                    metrics.add(ofMachine("CPUStealTime", "Percent", PERCENT * stolenTicks / ticks));
                }
            }
        }
    }

    private void addMemory(List<ResourceMetric> metrics) {
        for (String line : linesOf("meminfo")) {
            String[] columns = SPACES.split(line, -1);
            switch (columns[0]) {
                case "MemTotal:" -> metrics.add(ofMachine("MemoryTotal", "Bytes", kibibytes(columns)));
                case "MemAvailable:" -> metrics.add(ofMachine("MemoryAvailable", "Bytes", kibibytes(columns)));
                default -> {}
            }
        }
        for (String line : linesOf("self/status")) {
            String[] columns = SPACES.split(line, -1);
            if (columns[0].equals("VmRSS:")) {
                metrics.add(ofMachine("ProcessMemoryResident", "Bytes", kibibytes(columns)));
            }
        }
    }

    private static double kibibytes(String[] columns) {
        return (double) Long.parseLong(columns[1]) * KIB;
    }

    private void addNetwork(List<ResourceMetric> metrics) {
        List<String> lines = linesOf("net/dev");
        if (lines.isEmpty()) {
            return;
        }
        double received = 0;
        double sent = 0;
        for (String line : lines) {
            int colon = line.indexOf(':');
            if (colon > 0 && !line.substring(0, colon).strip().equals(LOOPBACK)) {
                String[] columns = SPACES.split(line.substring(colon + 1).strip(), -1);
                received += Double.parseDouble(columns[RECEIVED_BYTES]);
                sent += Double.parseDouble(columns[SENT_BYTES]);
            }
        }
        addSince(metrics, "NetworkIn", "Bytes", received, Map.of());
        addSince(metrics, "NetworkOut", "Bytes", sent, Map.of());
    }

    private void addVolume(List<ResourceMetric> metrics, String volumeId) {
        VolumeWriter writer = writers.apply(volumeId);
        if (writer == null) {
            return;
        }
        VolumeCounters counters = writer.counters();
        Map<String, String> of = Map.of("VolumeId", volumeId);
        double busySeconds = (counters.writeNanos() + counters.forceNanos()) / NANOS_PER_SECOND;
        addSince(metrics, "VolumeWriteBytes", "Bytes", (double) (counters.bytesWritten() + counters.bytesZeroed()), of);
        addSince(metrics, "VolumeWriteOps", "Count", (double) counters.deviceWrites(), of);
        addSince(metrics, "VolumeTotalWriteTime", "Seconds", busySeconds, of);
        metrics.add(new ResourceMetric("VolumeQueueLength", "Count", writer.queuedWrites(), of));
    }

    /** What the device of an EBS volume tells, where that is known. */
    private void addDevice(List<ResourceMetric> metrics, String volumeId) {
        VolumeStatistics told = statistics.apply(volumeId);
        StatisticsPage page = told == null ? null : told.page();
        if (page == null) {
            return;
        }
        Map<String, String> of = Map.of("VolumeId", volumeId);
        addSince(metrics, "VolumeIOPSExceededTime", "Seconds", seconds(page.volumeIopsExceededMicros()), of);
        addSince(
                metrics, "VolumeThroughputExceededTime", "Seconds", seconds(page.volumeThroughputExceededMicros()), of);
        addSince(metrics, "InstanceEBSIOPSExceededTime", "Seconds", seconds(page.instanceIopsExceededMicros()), of);
        addSince(
                metrics,
                "InstanceEBSThroughputExceededTime",
                "Seconds",
                seconds(page.instanceThroughputExceededMicros()),
                of);
        metrics.add(new ResourceMetric("VolumeDeviceQueueLength", "Count", page.queueLength(), of));
    }

    private static double seconds(long micros) {
        return micros / MICROS_PER_SECOND;
    }

    private static final String VOLUME = "VolumeId=";

    private void addSince(
            List<ResourceMetric> metrics, String name, String unit, double count, Map<String, String> dimensions) {
        String volumeId = dimensions.get("VolumeId");
        Double since = sinceBefore(volumeId == null ? name : VOLUME + volumeId + " " + name, count);
        if (since != null) {
            metrics.add(new ResourceMetric(name, unit, since, dimensions));
        }
    }

    private static String volumeOf(String key) {
        return key.substring(VOLUME.length(), key.lastIndexOf(' '));
    }

    /** Null the first time. A count that went back began again, as a reopened volume's does. */
    private @Nullable Double sinceBefore(String key, double count) {
        Double before = countsBefore.put(key, count);
        return before == null ? null : Double.valueOf(count < before ? count : count - before);
    }

    private static ResourceMetric ofMachine(String name, String unit, double value) {
        return new ResourceMetric(name, unit, value, Map.of());
    }

    private List<String> linesOf(String file) {
        try {
            return Files.readAllLines(proc.resolve(file));
        } catch (IOException e) {
            return List.of();
        }
    }
}
