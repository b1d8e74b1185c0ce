package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The Linux implementation on block devices. Skipped, with the reason, where there are none to be had. */
final class LoopDeviceTest {
    private static final int SIZE_BYTES = 2 << 20;

    @TempDir
    Path directory;

    private Path newImage() throws IOException {
        Path image = directory.resolve("loop.img");
        byte[] content = new byte[SIZE_BYTES];
        new Random(1).nextBytes(content);
        Files.write(image, content);
        return image;
    }

    private static byte[] read(BlockDevice device, long offsetBytes, int lengthBytes) throws DeviceException {
        byte[] content = new byte[lengthBytes];
        device.read(MemorySegment.ofArray(content), offsetBytes);
        return content;
    }

    @ParameterizedTest
    @CsvSource({"512,DIRECT", "512,BUFFERED", "4096,DIRECT", "4096,BUFFERED"})
    void sectorsWriteZeroAndReadBackAndTheTailIsNeverTouched(int sectorBytes, CacheMode cacheMode)
            throws IOException, InterruptedException {
        int assignedSizeBytes = SIZE_BYTES - 4096 - 1536;
        Path image = newImage();
        byte[] before = Files.readAllBytes(image);
        DeviceModel model;
        try (LoopDevice loop = LoopDevice.attach(image, sectorBytes)) {
            OpenOptions options = new OpenOptions(assignedSizeBytes, cacheMode);
            try (LinuxBlockDevice device = LinuxBlockDevice.open(loop.path(), options)) {
                assertThat(device.sizeBytes()).isEqualTo(SIZE_BYTES);
                assertThat(device.alignmentBytes()).isEqualTo(cacheMode == CacheMode.DIRECT ? sectorBytes : 512);
                model = new DeviceModel("loop " + sectorBytes + " " + cacheMode, device, assignedSizeBytes);
                model.check(600);
            }
        }
        byte[] after = Files.readAllBytes(image);
        assertThat(Arrays.equals(Arrays.copyOf(after, assignedSizeBytes), model.bytes()))
                .isTrue();
        assertThat(Arrays.copyOfRange(after, assignedSizeBytes, SIZE_BYTES))
                .isEqualTo(Arrays.copyOfRange(before, assignedSizeBytes, SIZE_BYTES));
    }

    @Test
    void zeroReadsBackAsZero() throws IOException, InterruptedException {
        try (LoopDevice loop = LoopDevice.attach(newImage(), 4096);
                LinuxBlockDevice device = LinuxBlockDevice.open(loop.path(), OpenOptions.ofSize(SIZE_BYTES))) {
            byte[] before = read(device, 0, SIZE_BYTES);
            device.zero(512, 1024, false);
            device.zero(8192 + 512, 65536, true);
            byte[] after = read(device, 0, SIZE_BYTES);
            Arrays.fill(before, 512, 1536, (byte) 0);
            Arrays.fill(before, 8192 + 512, 8192 + 512 + 65536, (byte) 0);
            assertThat(Arrays.equals(after, before)).isTrue();
        }
    }

    @Test
    void blockDevicesAreDirectUnlessAskedOtherwise() throws IOException, InterruptedException {
        try (LoopDevice loop = LoopDevice.attach(newImage(), 512);
                LinuxBlockDevice device = LinuxBlockDevice.open(loop.path(), OpenOptions.ofSize(SIZE_BYTES))) {
            assertThat(device.isDirect()).isTrue();
            assertThat(device.isKnownZero()).as("only a file system knows").isFalse();
        }
    }

    @Test
    void blockDeviceThatIsHeldIsRefused() throws IOException, InterruptedException {
        try (LoopDevice loop = LoopDevice.attach(newImage(), 512);
                LinuxBlockDevice held = LinuxBlockDevice.open(loop.path(), OpenOptions.ofSize(SIZE_BYTES))) {
            assertThat(held.sizeBytes()).isEqualTo(SIZE_BYTES);
            assertThatThrownBy(() -> LinuxBlockDevice.open(loop.path(), OpenOptions.ofSize(SIZE_BYTES)))
                    .isInstanceOfSatisfying(
                            DeviceException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY))
                    .hasMessageContaining("in use or mounted");
        }
    }

    @Test
    void smallerBlockDeviceIsRefused() throws IOException, InterruptedException {
        try (LoopDevice loop = LoopDevice.attach(newImage(), 512)) {
            assertThatThrownBy(() -> LinuxBlockDevice.open(loop.path(), OpenOptions.ofSize(SIZE_BYTES + 512)))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("deviceSizeBytes=" + SIZE_BYTES);
        }
    }

    private static OpenOptions identified(DeviceIdentity identity) {
        return new OpenOptions(SIZE_BYTES, null, new VolumeId("vol-1"), identity);
    }

    @Test
    void identityIsAskedAboutTheNumberOfTheDeviceThatWasOpened() throws IOException, InterruptedException {
        try (LoopDevice loop = LoopDevice.attach(newImage(), 512)) {
            Path sysfs = Path.of("/sys/block", loop.path().getFileName().toString(), "dev");
            DeviceNumber number = DeviceNumber.parse(Files.readString(sysfs).strip());
            List<DeviceNumber> asked = new ArrayList<>();
            LinuxBlockDevice.open(loop.path(), identified(opened -> {
                        asked.add(opened);
                        return null;
                    }))
                    .close();
            assertThat(asked).containsExactly(number);
        }
    }

    @Test
    void deviceThatIsAnotherVolumeIsRefusedAndSetFree() throws IOException, InterruptedException {
        try (LoopDevice loop = LoopDevice.attach(newImage(), 512)) {
            assertThatThrownBy(() -> LinuxBlockDevice.open(loop.path(), identified(opened -> "it is vol-2")))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("it is vol-2");
            LinuxBlockDevice.open(loop.path(), identified(DeviceIdentity.ANY)).close();
        }
    }

    /** The kernel answers with ENOSPC or EIO then, which would send people to look for something else. */
    @Test
    void deviceThatIsGoneIsSaidToBeGone() throws IOException, InterruptedException {
        Path image = newImage();
        try (LoopDevice loop = LoopDevice.attach(image, 512);
                LinuxBlockDevice device = LinuxBlockDevice.open(loop.path(), OpenOptions.ofSize(SIZE_BYTES))) {
            Files.write(image, new byte[0]);
            Commands.run("losetup", "--set-capacity", loop.path().toString());
            assertThatThrownBy(() -> device.write(MemorySegment.ofArray(new byte[512]), 0))
                    .isInstanceOfSatisfying(
                            DeviceException.class,
                            e -> assertThat(e.summary())
                                    .startsWith("write failed: E")
                                    .endsWith(", the device is gone"));
        }
    }
}
