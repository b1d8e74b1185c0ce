package org.replicationserver.receiver.status;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.staging.StatisticsPage;
import org.replicationserver.receiver.staging.VolumeStatistics;
import org.replicationserver.volume.BlockWrite;
import org.replicationserver.volume.VolumeId;
import org.replicationserver.volume.VolumeWriter;
import org.replicationserver.volume.VolumeWriterOptions;
import org.replicationserver.volume.testing.Blocks;
import org.replicationserver.volume.testing.CollectingListener;
import org.replicationserver.volume.testing.MemoryDevice;

/** What is read of the machine and of volumes. */
final class ResourceSamplerTest {
    private static final int VOLUME_BYTES = 1 << 20;

    @TempDir
    Path proc;

    private void write(String file, String content) throws IOException {
        Path path = proc.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, content);
    }

    private static ResourceSampler ofMachine(Path proc) {
        return new ResourceSampler(proc, Set::of, id -> null, id -> null);
    }

    private static @Nullable Double value(List<ResourceMetric> metrics, String name) {
        return metrics.stream()
                .filter(metric -> metric.name().equals(name))
                .map(ResourceMetric::value)
                .findFirst()
                .orElse(null);
    }

    @Test
    void processorIsBusyWithWhatIsNeitherIdleNorWaitingSinceTheSampleBefore() throws Exception {
        ResourceSampler sampler = ofMachine(proc);
        write("stat", "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
        assertThat(value(sampler.sample(), "CPUUtilization")).isNull();
        write("stat", "cpu  130 0 110 730 120 0 0 10 70 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
        List<ResourceMetric> second = sampler.sample();
        assertThat(value(second, "CPUUtilization")).isCloseTo(50, within(1e-9));
        assertThat(value(second, "CPUStealTime")).isCloseTo(10, within(1e-9));
    }

    @Test
    void memoryIsToldInBytes() throws Exception {
        write("meminfo", "MemTotal:        2097152 kB\nMemFree: 1 kB\nMemAvailable:    1048576 kB\n");
        write("self/status", "Name:\tjava\nVmRSS:\t  204800 kB\n");
        List<ResourceMetric> metrics = ofMachine(proc).sample();
        assertThat(value(metrics, "MemoryTotal")).isEqualTo(2.0 * (1 << 30));
        assertThat(value(metrics, "MemoryAvailable")).isEqualTo(1 << 30);
        assertThat(value(metrics, "ProcessMemoryResident")).isEqualTo(200 << 20);
    }

    @Test
    void networkIsAllInterfacesButLoopback() throws Exception {
        String head = "Inter-|   Receive\n face |bytes packets\n";
        ResourceSampler sampler = ofMachine(proc);
        write(
                "net/dev",
                head + "    lo: 500 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n  eth0:100 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0\n");
        sampler.sample();
        write(
                "net/dev",
                head + "    lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0\n  eth0:350 1 0 0 0 0 0 0 30 1 0 0 0 0 0 0\n"
                        + "  eth1:  7 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
        List<ResourceMetric> second = sampler.sample();
        assertThat(value(second, "NetworkIn")).isEqualTo(257);
        assertThat(value(second, "NetworkOut")).isEqualTo(21);
    }

    @Test
    void whatTheSystemDoesNotTellIsLeftOut() {
        assertThat(ofMachine(proc.resolve("none")).sample()).isEmpty();
    }

    @Test
    void thisMachineTellsAllOfIt() {
        ResourceSampler sampler = ofMachine(Path.of("/proc"));
        sampler.sample();
        assertThat(sampler.sample())
                .extracting(ResourceMetric::name)
                .contains("MemoryTotal", "MemoryAvailable", "ProcessMemoryResident", "NetworkIn", "NetworkOut");
    }

    @Test
    void volumesTellWhatTheyWroteSinceTheSampleBefore() {
        CollectingListener listener = new CollectingListener();
        VolumeWriter writer = VolumeWriter.withoutThread(
                new VolumeId("vol-1"),
                new MemoryDevice(VOLUME_BYTES),
                VOLUME_BYTES,
                VolumeWriterOptions.defaults(),
                listener,
                System::nanoTime);
        ResourceSampler sampler = new ResourceSampler(
                proc, () -> Set.of("vol-1", "vol-closed"), id -> id.equals("vol-1") ? writer : null, id -> null);
        sampler.sample();
        BlockWrite block = Blocks.stored("owner", 0, new byte[4096]);
        writer.submit(block);
        List<ResourceMetric> queued = sampler.sample();
        assertThat(value(queued, "VolumeQueueLength")).isEqualTo(1);
        assertThat(value(queued, "VolumeWriteBytes")).isEqualTo(0);
        while (writer.runBatch()) {}
        List<ResourceMetric> written = sampler.sample();
        assertThat(value(written, "VolumeWriteBytes")).isEqualTo(4096);
        assertThat(value(written, "VolumeWriteOps")).isEqualTo(1);
        assertThat(value(written, "VolumeTotalWriteTime")).isGreaterThan(0);
        assertThat(written)
                .allSatisfy(metric -> assertThat(metric.dimensions()).isEqualTo(Map.of("VolumeId", "vol-1")));
    }

    @Test
    void limitsOfAVolumesDeviceAreTimesSinceTheSampleBeforeAndItsQueueIsWhatItIs() throws Exception {
        AtomicReference<@Nullable VolumeStatistics> told = new AtomicReference<>();
        ResourceSampler sampler = new ResourceSampler(proc, () -> Set.of("vol-1"), id -> null, id -> told.get());
        assertThat(sampler.sample()).isEmpty();
        told.set(statistics(new StatisticsPage(1_000_000, 0, 5_000_000, 0, 3)));
        assertThat(sampler.sample())
                .extracting(ResourceMetric::name)
                .as("times have no sample before")
                .containsExactly("VolumeDeviceQueueLength");
        told.set(statistics(new StatisticsPage(1_500_000, 0, 7_000_000, 250_000, 4)));
        List<ResourceMetric> metrics = sampler.sample();
        assertThat(value(metrics, "VolumeIOPSExceededTime")).isEqualTo(0.5);
        assertThat(value(metrics, "VolumeThroughputExceededTime")).isEqualTo(0);
        assertThat(value(metrics, "InstanceEBSIOPSExceededTime")).isEqualTo(2);
        assertThat(value(metrics, "InstanceEBSThroughputExceededTime")).isEqualTo(0.25);
        assertThat(value(metrics, "VolumeDeviceQueueLength")).isEqualTo(4);
        told.set(null);
        assertThat(sampler.sample()).as("nobody knows").isEmpty();
    }

    private static VolumeStatistics statistics(StatisticsPage page) {
        return new VolumeStatistics("vol-1", null, page, 0, 0);
    }
}
