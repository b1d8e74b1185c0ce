package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.config.VolumeConfig;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.log.LoggedLines;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.receiver.staging.NvmeScanner;
import org.replicationserver.receiver.staging.SysfsFolder;
import org.replicationserver.receiver.staging.VolumeDiscovery;
import org.replicationserver.receiver.staging.VolumeLocator;
import org.replicationserver.volume.BlockWrite;
import org.replicationserver.volume.CacheMode;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.LoopDevice;
import org.replicationserver.volume.OpenOptions;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeFailure;
import org.replicationserver.volume.VolumeListener;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;
import org.replicationserver.volume.testing.FailingDevice;
import org.replicationserver.volume.testing.MemoryDevice;

/** Which volumes are opened at a start, and which of them count as fresh. */
final class StagingVolumesTest {
    private static final int SIZE_BYTES = 1 << 20;
    private static final DeviceOpener REAL = spec -> LinuxBlockDevice.open(spec.path(), spec.openOptions());
    private static final VolumeListener SILENT = new VolumeListener() {
        @Override
        public void roundCompleted(Volume volume, List<BlockWrite> writes) {}

        @Override
        public void failed(Volume volume, VolumeFailure failure) {}
    };

    @TempDir
    Path directory;

    private StagingVolumes volumes(DeviceOpener devices) {
        return new StagingVolumes(
                new VolumeConfig(
                        8 << 20,
                        CacheMode.DIRECT,
                        CacheMode.BUFFERED,
                        VolumeDiscovery.IMAGE,
                        directory.resolve("none")),
                VolumePaths.on(directory.resolve("sys"), directory, VolumeDiscovery.AUTO),
                24,
                new VolumeLocator(new NvmeScanner(directory.resolve("sys"), directory.resolve("dev"))),
                Runnable::run,
                System::nanoTime,
                devices,
                SILENT);
    }

    /** What becomes of a volume. */
    private Availability opened(boolean untouched, Path path, boolean saidToBeFresh, DeviceOpener devices) {
        VolumeAssignment volume = new VolumeAssignment("vol-1", "/dev/sda", path, SIZE_BYTES, saidToBeFresh);
        StagingVolumes volumes = volumes(devices);
        Availability availability = volumes.open(volume, untouched, true, OpenOptions.NEVER)
                .toCompletableFuture()
                .join();
        assertThat(volumes.find("vol-1")).isEqualTo(availability);
        volumes.closeAll().toCompletableFuture().join();
        return availability;
    }

    private boolean isBlockDeviceFresh(boolean untouched, boolean saidToBeFresh) {
        Path device = Path.of("/dev/no-such-device");
        return opened(untouched, device, saidToBeFresh, spec -> new MemoryDevice(SIZE_BYTES))
                        instanceof Availability.Open open
                && open.volume().isFresh();
    }

    @Test
    void blockDeviceIsFreshOnlyIfItIsSaidToBeAndNothingIsKnownOfIt() {
        assertThat(isBlockDeviceFresh(true, true)).isTrue();
        assertThat(isBlockDeviceFresh(true, false)).isFalse();
        assertThat(isBlockDeviceFresh(false, true)).isFalse();
    }

    @Test
    void imageWithDataIsNotFreshWhateverTheAssignmentSays() throws Exception {
        Path image = Files.write(directory.resolve("used.img"), new byte[SIZE_BYTES]);
        Availability used = opened(true, image, true, spec -> LinuxBlockDevice.open(spec.path(), spec.openOptions()));
        assertThat(used)
                .isInstanceOfSatisfying(
                        Availability.Open.class,
                        open -> assertThat(open.volume().isFresh()).isFalse());
    }

    @Test
    void missingImageIsMadeAndFresh() throws Exception {
        Path image = directory.resolve("new.img");
        VolumeAssignment volume = new VolumeAssignment("vol-1", "/dev/sda", image, SIZE_BYTES, false);
        assertThat(volumes(REAL).isMissingImage(volume).toCompletableFuture().join())
                .isTrue();
        assertThat(opened(false, image, false, REAL))
                .isInstanceOfSatisfying(
                        Availability.Open.class,
                        open -> assertThat(open.volume().isFresh()).isTrue());
        assertThat(Files.size(image)).isEqualTo(SIZE_BYTES);
        assertThat(volumes(REAL).isMissingImage(volume).toCompletableFuture().join())
                .isFalse();
    }

    /** Its file system may only not be mounted; an empty image in its place would be taken for the replica. */
    @Test
    void imageThatWasWrittenIsMadeAnewOnlyByAnOperatorsWish() {
        Path image = directory.resolve("gone.img");
        VolumeAssignment volume = new VolumeAssignment("vol-1", "/dev/sda", image, SIZE_BYTES, true);
        StagingVolumes volumes = volumes(REAL);
        assertThat(volumes.open(volume, false, false, OpenOptions.NEVER)
                        .toCompletableFuture()
                        .join())
                .isEqualTo(new Availability.Unavailable(
                        "open failed: its image file is not there, though sessions have known it; mount its file"
                                + " system, or reopen the volume to make it anew"));
        assertThat(volumes.reopen(volume, false, OpenOptions.NEVER)
                        .toCompletableFuture()
                        .join())
                .isInstanceOf(Availability.Unavailable.class);
        assertThat(image).doesNotExist();

        assertThat(volumes.reopen(volume, true, OpenOptions.NEVER)
                        .toCompletableFuture()
                        .join())
                .isInstanceOf(Availability.Open.class);
        assertThat(image).exists();
        volumes.closeAll().toCompletableFuture().join();
    }

    /** A device appears by itself; a file in its place would be written to the memory of the machine. */
    @Test
    void missingDeviceIsNoImageThatCouldBeMade() {
        VolumeAssignment volume = new VolumeAssignment("vol-1", "/dev/sda", Path.of("/dev/none"), SIZE_BYTES, false);
        assertThat(volumes(REAL).isMissingImage(volume).toCompletableFuture().join())
                .isFalse();
    }

    /** Otherwise a session would be given the writer that failed, and wait for what it never does. */
    @Test
    void volumeIsNotAvailableWhileItsDeviceIsBeingReopened() {
        VolumeAssignment volume = new VolumeAssignment("vol-1", "/dev/sda", Path.of("/dev/none"), SIZE_BYTES, false);
        CountDownLatch mayOpen = new CountDownLatch(1);
        AtomicBoolean openedOnce = new AtomicBoolean();
        StagingVolumes volumes = volumes(spec -> {
            if (openedOnce.getAndSet(true)) {
                awaitQuietly(mayOpen);
            }
            return new MemoryDevice(SIZE_BYTES);
        });
        volumes.open(volume, true, true, OpenOptions.NEVER)
                .toCompletableFuture()
                .join();
        assertThat(volumes.find("vol-1")).isInstanceOf(Availability.Open.class);

        CompletableFuture<Availability> reopened =
                volumes.reopen(volume, true, OpenOptions.NEVER).toCompletableFuture();

        assertThat(volumes.find("vol-1")).isEqualTo(new Availability.Unavailable("it is being reopened"));
        mayOpen.countDown();
        assertThat(reopened.join()).isInstanceOf(Availability.Open.class).isEqualTo(volumes.find("vol-1"));
        volumes.closeAll().toCompletableFuture().join();
    }

    @Test
    void closedVolumeIsNotAvailableAndItsDeviceIsFree() throws Exception {
        Path image = directory.resolve("closed.img");
        VolumeAssignment volume = new VolumeAssignment("vol-1", "/dev/sda", image, SIZE_BYTES, false);
        StagingVolumes volumes = volumes(REAL);
        volumes.open(volume, true, true, OpenOptions.NEVER)
                .toCompletableFuture()
                .join();
        volumes.close("vol-1").toCompletableFuture().join();
        assertThat(volumes.find("vol-1")).isEqualTo(new Availability.Unavailable("not assigned"));
        assertThat(opened(false, image, false, REAL)).isInstanceOf(Availability.Open.class);
    }

    /** Whoever closes a volume does not learn how it ended, so the log must tell. */
    @Test
    void failureInTheClosingOfAVolumeIsToldInTheLogAndTheVolumeIsClosed() {
        VolumeAssignment volume = new VolumeAssignment("vol-1", "/dev/sda", Path.of("/dev/none"), SIZE_BYTES, false);
        StagingVolumes volumes = volumes(spec -> new FailingDevice(new MemoryDevice(SIZE_BYTES)).failClose(Errno.EIO));
        try (LoggedLines lines = LoggedLines.of(StagingVolumes.class.getName())) {
            volumes.open(volume, true, true, OpenOptions.NEVER)
                    .toCompletableFuture()
                    .join();
            volumes.close("vol-1").toCompletableFuture().join();
            assertThat(lines.texts())
                    .singleElement()
                    .asString()
                    .startsWith("ERROR volume has failed while it was being closed: volume=vol-1");
        }
        assertThat(volumes.find("vol-1")).isEqualTo(new Availability.Unavailable("not assigned"));
    }

    /** Otherwise whoever has asked for a reopening would wait for ever. */
    @Test
    void questionAfterAnImageIsAnsweredThoughAFaultKeepsFromLooking() throws Exception {
        Path onClosed;
        try (FileSystem closed = FileSystems.newFileSystem(directory.resolve("images.zip"), Map.of("create", "true"))) {
            onClosed = closed.getPath("/one.img");
        }
        VolumeAssignment volume = new VolumeAssignment("vol-1", "/dev/sda", onClosed, SIZE_BYTES, false);
        try (LoggedLines lines = LoggedLines.of(StagingVolumes.class.getName())) {
            assertThat(volumes(REAL)
                            .isMissingImage(volume)
                            .toCompletableFuture()
                            .orTimeout(20, TimeUnit.SECONDS)
                            .join())
                    .isFalse();
            assertThat(lines.texts())
                    .singleElement()
                    .asString()
                    .startsWith("ERROR a fault of this program kept from looking for an image file: volume=vol-1");
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void volumeThatCannotBeOpenedSaysWhy() {
        assertThat(opened(true, Path.of("/dev/no-such-device"), true, REAL))
                .isInstanceOfSatisfying(
                        Availability.Unavailable.class,
                        none -> assertThat(none.reason()).contains("ENOENT"));
    }

    // --- devices that are found by their serial number

    private static final String EBS = "vol-0123456789abcdef0";
    private static final VolumeAssignment FOUND = new VolumeAssignment(EBS, "/dev/sda", null, SIZE_BYTES, false);

    /** A loop device and its number, for a folder that says it is a volume's. */
    private static void withLoopDevice(Path image, BiConsumer<Path, String> test) throws Exception {
        try (LoopDevice loop = LoopDevice.attach(image, 512)) {
            String number = Files.readString(
                    Path.of("/sys/block", String.valueOf(loop.path().getFileName()), "dev"));
            test.accept(loop.path(), number.strip());
        }
    }

    private Availability open(VolumeAssignment volume) {
        StagingVolumes volumes = volumes(REAL);
        Availability availability = volumes.open(volume, true, true, OpenOptions.NEVER)
                .toCompletableFuture()
                .join();
        volumes.closeAll().toCompletableFuture().join();
        return availability;
    }

    private static String reason(Availability availability) {
        return ((Availability.Unavailable) availability).reason();
    }

    @Test
    void volumeThatHasNotAppearedIsAwaitedWithoutAnImageMadeInItsPlace() {
        new SysfsFolder(directory).attach("nvme1", "vol0fedcba9876543210", "259:1", SIZE_BYTES);
        assertThat(open(FOUND))
                .isEqualTo(new Availability.Unavailable(
                        "no NVMe device of this instance has its serial number; EBS volumes seen: vol-0fedcba9876543210 (nvme1n1)",
                        true));
        assertThat(directory).isDirectoryNotContaining("glob:**.img");
    }

    @Test
    void deviceWhoseFileHasNotComeYetIsAwaitedAndOneAtAPathIsNot() {
        new SysfsFolder(directory).attach("nvme1", "vol0123456789abcdef0", "259:1", SIZE_BYTES);
        assertThat(open(FOUND)).isEqualTo(new Availability.Unavailable("statx failed: ENOENT, it is not there", true));
        VolumeAssignment atPath =
                new VolumeAssignment(EBS, "/dev/sda", Path.of("/dev/no-such-device"), SIZE_BYTES, false);
        assertThat(open(atPath)).isEqualTo(new Availability.Unavailable("statx failed: ENOENT, it is not there"));
    }

    @Test
    void volumeIsOpenedAtTheDeviceWithItsSerialNumber() throws Exception {
        Path image = Files.write(directory.resolve("backing"), new byte[SIZE_BYTES]);
        SysfsFolder machine = new SysfsFolder(directory);
        withLoopDevice(image, (device, number) -> {
            machine.attach("nvme1", "vol0123456789abcdef0", number, SIZE_BYTES).node("nvme1n1", device);
            assertThat(open(FOUND)).isInstanceOf(Availability.Open.class);
        });
    }

    @Test
    void deviceFileOfAnotherDeviceIsRefusedOnceItIsOpen() throws Exception {
        Path image = Files.write(directory.resolve("backing"), new byte[SIZE_BYTES]);
        SysfsFolder machine = new SysfsFolder(directory).attach("nvme1", "vol0123456789abcdef0", "259:1", SIZE_BYTES);
        withLoopDevice(image, (device, number) -> {
            machine.node("nvme1n1", device);
            assertThat(reason(open(FOUND)))
                    .contains("device " + number + " was opened")
                    .contains("259:1");
        });
    }

    /** Whoever meant the device would find an empty file of its name replicated to. */
    @Test
    void ebsVolumeThatIsTakenForAnImageFileBecauseOfTheMachineIsToldOnceUntilItIsClosed() {
        VolumeAssignment image =
                new VolumeAssignment(EBS, "/dev/sda", directory.resolve(EBS + ".img"), SIZE_BYTES, false);
        VolumeAssignment other =
                new VolumeAssignment("vol-1", "/dev/sdb", directory.resolve("vol-1.img"), SIZE_BYTES, false);
        StagingVolumes volumes = volumes(REAL);
        try (LoggedLines lines = LoggedLines.of(StagingVolumes.class.getName())) {
            volumes.open(other, true, true, OpenOptions.NEVER)
                    .toCompletableFuture()
                    .join();
            volumes.open(image, true, true, OpenOptions.NEVER)
                    .toCompletableFuture()
                    .join();
            volumes.open(image, false, false, OpenOptions.NEVER)
                    .toCompletableFuture()
                    .join();
            assertThat(lines.texts())
                    .filteredOn(line -> line.startsWith("WARN "))
                    .singleElement()
                    .asString()
                    .contains("taken for an image file", "volume=" + EBS);

            volumes.close(EBS).toCompletableFuture().join();
            volumes.open(image, false, false, OpenOptions.NEVER)
                    .toCompletableFuture()
                    .join();
            assertThat(lines.texts())
                    .filteredOn(line -> line.startsWith("WARN "))
                    .hasSize(2);
        }
        volumes.closeAll().toCompletableFuture().join();
    }

    @Test
    void imageOfAnotherVolumeIsRefusedWithBothIds() {
        Path image = directory.resolve("one.img");
        assertThat(open(new VolumeAssignment("vol-1", "/dev/sda", image, SIZE_BYTES, false)))
                .isInstanceOf(Availability.Open.class);
        assertThat(reason(open(new VolumeAssignment("vol-2", "/dev/sda", image, SIZE_BYTES, false))))
                .contains("marked as that of vol-1, not of vol-2");
    }
}
