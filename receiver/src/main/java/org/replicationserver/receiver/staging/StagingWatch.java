package org.replicationserver.receiver.staging;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks once a second which EBS volumes are attached and what is stored of their statistics. Owns the thread {@code staging-watch};
 * what it saw last is read by any thread.
 */
public final class StagingWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StagingWatch.class);
    private static final long INTERVAL_MILLIS = 1000;

    /** A look takes milliseconds; this is for one that a file system holds up. */
    private static final long STOP_MILLIS_MAX = 2000;

    private final NvmeScanner scanner;
    private final StatisticsDirectory statisticsDirectory;
    private final Runnable onChange;
    private final CountDownLatch stop = new CountDownLatch(1);
    private final Thread thread =
            Thread.ofPlatform().name("staging-watch").daemon().unstarted(this::run);

    // written by the thread, read by any
    private volatile NvmeDevices devices = NvmeDevices.NONE;
    private volatile Map<String, VolumeStatistics> statistics = Map.of();

    /**
     * @param statisticsDirectory of the unit that asks the devices; it need not exist
     * @param onChange told on the thread when other devices or links are there than before
     */
    public StagingWatch(NvmeScanner scanner, Path statisticsDirectory, Runnable onChange) {
        this.scanner = scanner;
        this.statisticsDirectory = new StatisticsDirectory(statisticsDirectory, System::currentTimeMillis);
        this.onChange = onChange;
    }

    /** Takes the first look, then goes on by itself. */
    public void start() {
        look();
        thread.start();
    }

    private void run() {
        try {
            while (!stop.await(INTERVAL_MILLIS, TimeUnit.MILLISECONDS)) {
                look();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody does; the thread ends all the same
        }
    }

    private void look() {
        try {
            NvmeDevices seen = scanner.scan();
            statistics = statisticsDirectory.read();
            if (!seen.equals(devices)) {
                tell(devices, seen);
                devices = seen;
                onChange.run();
            }
        } catch (RuntimeException e) {
            LOG.atError().setCause(e).log("a fault of this program kept EBS volumes from being looked for");
        }
    }

    private static void tell(NvmeDevices before, NvmeDevices after) {
        for (NvmeDevice device : after.devices()) {
            if (!before.devices().contains(device)) {
                LOG.atInfo()
                        .addKeyValue("volume", device.volumeId())
                        .addKeyValue("device", device.name())
                        .addKeyValue("sizeBytes", device.sizeBytes())
                        .addKeyValue("model", device.model())
                        .log("EBS volume seen");
            }
        }
        for (NvmeDevice device : before.devices()) {
            if (!after.devices().contains(device)) {
                LOG.atInfo()
                        .addKeyValue("volume", device.volumeId())
                        .addKeyValue("device", device.name())
                        .log("EBS volume is not seen any more");
            }
        }
        after.contradictions().forEach((volumeId, why) -> {
            if (!why.equals(before.contradictions().get(volumeId))) {
                LOG.atError()
                        .addKeyValue("volume", volumeId)
                        .addKeyValue("cause", why)
                        .log("a link contradicts the serial number of its device, the volume is not opened");
            }
        });
    }

    /** As of the last look. */
    public NvmeDevices devices() {
        return devices;
    }

    /** Of a volume, as of the last look; null if nothing that is new enough is stored. */
    public @Nullable VolumeStatistics statistics(String volumeId) {
        return statistics.get(volumeId);
    }

    @Override
    public void close() {
        stop.countDown();
        try {
            thread.join(STOP_MILLIS_MAX);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
