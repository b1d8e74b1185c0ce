package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.config.VolumeConfig;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.receiver.status.ServerEvents;
import org.replicationserver.volume.BlockWrite;
import org.replicationserver.volume.CacheMode;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.StateDirectory;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeFailure;
import org.replicationserver.volume.VolumeListener;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;
import org.replicationserver.volume.testing.MemoryDevice;

/** Which volumes are opened at a start, and which of them count as fresh. */
final class StagingVolumesTest {
    private static final int SIZE_BYTES = 1 << 20;
    private static final VolumeRecord KNOWN = new VolumeRecord("0".repeat(32), Origin.NEW_VOLUME, null);
    private static final VolumeListener SILENT = new VolumeListener() {
        @Override
        public void roundCompleted(Volume volume, List<BlockWrite> writes) {}

        @Override
        public void failed(Volume volume, VolumeFailure failure) {}
    };

    @TempDir
    Path directory;

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final ServerEvents events = new ServerEvents(metrics, SessionClock.system());

    private StagingVolumes volumes(DeviceOpener devices) {
        return new StagingVolumes(
                new VolumeConfig(8 << 20, CacheMode.DIRECT, CacheMode.BUFFERED),
                24,
                Runnable::run,
                System::nanoTime,
                devices,
                events);
    }

    /** What becomes of the one volume of a source server with this record. */
    private Availability opened(SourceRecord record, Path path, boolean saidToBeFresh, DeviceOpener devices)
            throws Exception {
        VolumeAssignment volume = new VolumeAssignment("vol-1", "/dev/sda", path, SIZE_BYTES, saidToBeFresh);
        List<SourceAssignment> assignments = List.of(new SourceAssignment("s-1", List.of(volume)));
        try (StateDirectory state = StateDirectory.open(directory.resolve("state"), failure -> {})) {
            StateRecords records = new StateRecords(state, Runnable::run, events::recordLost);
            records.store("s-1", record).toCompletableFuture().join();
            StagingVolumes.createMissingImages(assignments, records);
            StagingVolumes volumes = volumes(devices);
            volumes.openAll(assignments, records, SILENT);
            Availability availability = volumes.find("vol-1");
            volumes.closeAll().toCompletableFuture().join();
            return availability;
        }
    }

    private boolean isBlockDeviceFresh(SourceRecord record, boolean saidToBeFresh) throws Exception {
        Path device = Path.of("/dev/no-such-device");
        return opened(record, device, saidToBeFresh, spec -> new MemoryDevice(SIZE_BYTES))
                        instanceof Availability.Open open
                && open.volume().isFresh();
    }

    @Test
    void blockDeviceIsFreshOnlyIfItIsSaidToBeAndNothingIsKnownOfIt() throws Exception {
        assertThat(isBlockDeviceFresh(SourceRecord.initial(), true)).isTrue();
        assertThat(isBlockDeviceFresh(SourceRecord.initial(), false)).isFalse();
        assertThat(isBlockDeviceFresh(SourceRecord.initial().withVolume("vol-1", KNOWN), true))
                .isFalse();
        assertThat(isBlockDeviceFresh(SourceRecord.initial().withVolume("vol-2", KNOWN), true))
                .isTrue();
    }

    @Test
    void nothingIsFreshOnTheWordOfAnAssignmentAfterTheStateWasLost() throws Exception {
        assertThat(isBlockDeviceFresh(SourceRecord.lost(), true)).isFalse();
    }

    @Test
    void imageWithDataIsNotFreshWhateverTheRecordAndTheAssignmentSay() throws Exception {
        Path image = Files.write(directory.resolve("used.img"), new byte[SIZE_BYTES]);
        Availability used = opened(
                SourceRecord.initial(), image, true, spec -> LinuxBlockDevice.open(spec.path(), spec.openOptions()));
        assertThat(used)
                .isInstanceOfSatisfying(
                        Availability.Open.class,
                        open -> assertThat(open.volume().isFresh()).isFalse());
    }

    @Test
    void missingImageIsMadeAndFreshAndWhatWasKnownOfItForgotten() throws Exception {
        Path image = directory.resolve("new.img");
        Availability made = opened(
                SourceRecord.initial().withVolume("vol-1", KNOWN),
                image,
                false,
                spec -> LinuxBlockDevice.open(spec.path(), spec.openOptions()));
        assertThat(made)
                .isInstanceOfSatisfying(
                        Availability.Open.class,
                        open -> assertThat(open.volume().isFresh()).isTrue());
        assertThat(Files.size(image)).isEqualTo(SIZE_BYTES);
        try (StateDirectory state = StateDirectory.open(directory.resolve("state"), failure -> {})) {
            assertThat(new StateRecords(state, Runnable::run, (source, cause) -> {})
                            .load("s-1")
                            .volumes())
                    .isEmpty();
        }
    }

    @Test
    void volumeThatHasFailedIsNotOpened() throws Exception {
        SourceRecord failed =
                SourceRecord.initial().withVolume("vol-1", new VolumeRecord(KNOWN.dataGen(), KNOWN.origin(), "EIO"));
        assertThat(opened(failed, Path.of("/dev/no-such-device"), true, spec -> {
                    throw new AssertionError("was opened");
                }))
                .isEqualTo(new Availability.Unavailable("EIO"));
    }

    /** Otherwise a session would be given the writer that failed, and wait for what it never does. */
    @Test
    void volumeIsNotAvailableWhileItsDeviceIsBeingReopened() throws Exception {
        VolumeAssignment volume = new VolumeAssignment("vol-1", "/dev/sda", Path.of("/dev/none"), SIZE_BYTES, false);
        List<SourceAssignment> assignments = List.of(new SourceAssignment("s-1", List.of(volume)));
        CountDownLatch mayOpen = new CountDownLatch(1);
        AtomicBoolean openedOnce = new AtomicBoolean();
        StagingVolumes volumes = volumes(spec -> {
            if (openedOnce.getAndSet(true)) {
                awaitQuietly(mayOpen);
            }
            return new MemoryDevice(SIZE_BYTES);
        });
        try (StateDirectory state = StateDirectory.open(directory.resolve("state"), failure -> {})) {
            volumes.openAll(assignments, new StateRecords(state, Runnable::run, (source, cause) -> {}), SILENT);
        }
        assertThat(volumes.find("vol-1")).isInstanceOf(Availability.Open.class);

        CompletableFuture<Availability> reopened = volumes.reopen(volume).toCompletableFuture();

        assertThat(volumes.find("vol-1")).isEqualTo(new Availability.Unavailable("it is being reopened"));
        mayOpen.countDown();
        assertThat(reopened.join()).isInstanceOf(Availability.Open.class).isEqualTo(volumes.find("vol-1"));
        volumes.closeAll().toCompletableFuture().join();
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void volumeThatCannotBeOpenedIsCounted() throws Exception {
        Availability missing = opened(
                SourceRecord.initial(),
                Path.of("/dev/no-such-device"),
                true,
                spec -> LinuxBlockDevice.open(spec.path(), spec.openOptions()));
        assertThat(missing).isInstanceOf(Availability.Unavailable.class);
        assertThat(metrics.counter("replication_volumes_unavailable").count()).isEqualTo(1);
    }
}
