package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The Linux implementation on image files. What needs a block device is in {@link LoopDeviceTest}. */
final class LinuxBlockDeviceTest {
    private static final int SIZE_BYTES = 1 << 20;

    @TempDir
    Path directory;

    private Path newImage(long sizeBytes) throws IOException {
        Path image = Files.createTempFile(directory, "volume", ".img");
        byte[] content = new byte[(int) sizeBytes];
        new Random(1).nextBytes(content);
        Files.write(image, content);
        return image;
    }

    private static OpenOptions options(long sizeBytes, CacheMode cacheMode) {
        return new OpenOptions(sizeBytes, cacheMode);
    }

    private static void write(BlockDevice device, long offsetBytes, byte[] content) throws DeviceException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(content.length, 4096);
            memory.copyFrom(MemorySegment.ofArray(content));
            device.write(memory, offsetBytes);
        }
    }

    @ParameterizedTest
    @EnumSource(CacheMode.class)
    void whatIsWrittenReadsBackAndIsInTheFile(CacheMode cacheMode) throws IOException {
        Path image = newImage(SIZE_BYTES);
        DeviceModel model;
        try (LinuxBlockDevice device = LinuxBlockDevice.open(image, options(SIZE_BYTES, cacheMode))) {
            assertThat(device.isDirect()).isEqualTo(cacheMode == CacheMode.DIRECT);
            assertThat(device.sizeBytes()).isEqualTo(SIZE_BYTES);
            model = new DeviceModel("whatIsWrittenReadsBack", device, SIZE_BYTES);
            model.check(600);
        }
        assertThat(Arrays.equals(Files.readAllBytes(image), model.bytes())).isTrue();
    }

    private static OpenOptions extending(int sizeBytes, long fromBytes) {
        return new OpenOptions(sizeBytes, null, null, DeviceIdentity.ANY, fromBytes);
    }

    @Test
    void imageThatHasAllThatWasWrittenIsExtendedWithZeros() throws IOException {
        byte[] before = new byte[SIZE_BYTES];
        Arrays.fill(before, (byte) 7);
        Path image = Files.write(directory.resolve("grows.img"), before);
        try (LinuxBlockDevice device = LinuxBlockDevice.open(image, extending(SIZE_BYTES + 1024, SIZE_BYTES))) {
            assertThat(device.sizeBytes()).isEqualTo(SIZE_BYTES + 1024);
            assertThat(device.isKnownZero()).isFalse();
        }
        assertThat(Files.readAllBytes(image)).isEqualTo(Arrays.copyOf(before, SIZE_BYTES + 1024));
    }

    @Test
    void imageThatHasLostSomethingIsNotExtended() throws IOException {
        Path image = Files.write(directory.resolve("lost.img"), new byte[SIZE_BYTES - 512]);
        for (long fromBytes : new long[] {SIZE_BYTES, OpenOptions.NEVER}) {
            assertThatThrownBy(() -> LinuxBlockDevice.open(image, extending(SIZE_BYTES + 1024, fromBytes)))
                    .hasMessageContaining("smaller than assigned: deviceSizeBytes=" + (SIZE_BYTES - 512));
        }
        assertThat(image).hasSize(SIZE_BYTES - 512);
    }

    @Test
    void imageIsKnownZeroAsLongAsItHasNoDataInItsAssignedPart() throws IOException {
        Path image = directory.resolve("new.img");
        LinuxBlockDevice.createImage(image, SIZE_BYTES);
        try (LinuxBlockDevice whole = LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES))) {
            assertThat(whole.isKnownZero()).isTrue();
            write(whole, SIZE_BYTES - 512, new byte[512]);
            assertThat(whole.isKnownZero()).isFalse();
        }
        try (LinuxBlockDevice half = LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES / 2))) {
            assertThat(half.isKnownZero()).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource(CacheMode.class)
    void edgesOfACoarseDeviceAreReadChangedAndWrittenBack(CacheMode cacheMode) throws IOException {
        int assignedSizeBytes = SIZE_BYTES - 1536;
        Path image = newImage(SIZE_BYTES);
        byte[] tail = Arrays.copyOfRange(Files.readAllBytes(image), assignedSizeBytes, SIZE_BYTES);
        DeviceModel model;
        try (LinuxBlockDevice device = LinuxBlockDevice.open(image, options(assignedSizeBytes, cacheMode), 4096)) {
            assertThat(device.alignmentBytes()).isEqualTo(4096);
            model = new DeviceModel("edgesOfACoarseDevice", device, assignedSizeBytes);
            model.check(600);
        }
        byte[] found = Files.readAllBytes(image);
        assertThat(Arrays.equals(Arrays.copyOf(found, assignedSizeBytes), model.bytes()))
                .isTrue();
        assertThat(Arrays.copyOfRange(found, assignedSizeBytes, SIZE_BYTES)).isEqualTo(tail);
    }

    @ParameterizedTest
    @EnumSource(CacheMode.class)
    void fileThatEndsInsideABlockDoesNotGrow(CacheMode cacheMode) throws IOException {
        int sizeBytes = SIZE_BYTES + 512;
        Path image = newImage(sizeBytes);
        DeviceModel model;
        try (LinuxBlockDevice device = LinuxBlockDevice.open(image, options(sizeBytes, cacheMode), 4096)) {
            model = new DeviceModel("fileThatEndsInsideABlock", device, sizeBytes);
            model.check(600);
            byte[] last = new byte[1024];
            Arrays.fill(last, (byte) 7);
            write(device, SIZE_BYTES - 512, last);
            System.arraycopy(last, 0, model.bytes(), SIZE_BYTES - 512, 1024);
            device.force();
        }
        assertThat(Files.size(image)).isEqualTo(sizeBytes);
        assertThat(Arrays.equals(Files.readAllBytes(image), model.bytes())).isTrue();
    }

    @Test
    void tailBeyondTheAssignedSizeIsNeverTouched() throws IOException {
        int assignedSizeBytes = SIZE_BYTES / 2 + 512;
        Path image = newImage(SIZE_BYTES);
        byte[] before = Files.readAllBytes(image);
        try (LinuxBlockDevice device = LinuxBlockDevice.open(image, OpenOptions.ofSize(assignedSizeBytes))) {
            device.zero(0, assignedSizeBytes, true);
            write(device, assignedSizeBytes - 512, new byte[512]);
            assertThatThrownBy(() -> write(device, assignedSizeBytes - 512, new byte[1024]))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> device.zero(assignedSizeBytes, 512, true))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> device.zero(0, SIZE_BYTES, true)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> write(device, -512, new byte[512])).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> write(device, Long.MAX_VALUE - 511, new byte[512]))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> write(device, 1, new byte[512])).isInstanceOf(IllegalArgumentException.class);
            device.force();
        }
        byte[] after = Files.readAllBytes(image);
        assertThat(Arrays.copyOf(after, assignedSizeBytes)).containsOnly(0);
        assertThat(Arrays.copyOfRange(after, assignedSizeBytes, SIZE_BYTES))
                .isEqualTo(Arrays.copyOfRange(before, assignedSizeBytes, SIZE_BYTES));
    }

    @Test
    void smallerDeviceIsRefused() throws IOException {
        Path image = newImage(SIZE_BYTES);
        assertThatThrownBy(() -> LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES + 512)))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("deviceSizeBytes=" + SIZE_BYTES)
                .hasMessageContaining("assignedSizeBytes=" + (SIZE_BYTES + 512));
        LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES)).close();
    }

    @Test
    void secondOpenOfAnImageIsRefused() throws IOException {
        Path image = newImage(SIZE_BYTES);
        try (LinuxBlockDevice held = LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES))) {
            assertThat(held.sizeBytes()).isEqualTo(SIZE_BYTES);
            assertThatThrownBy(() -> LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES)))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("locked: in use");
        }
        LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES)).close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/dev/null", "/dev/full", "/tmp"})
    void whatIsNeitherABlockDeviceNorAFileIsRefused(String path) {
        assertThatThrownBy(() -> LinuxBlockDevice.open(Path.of(path), OpenOptions.ofSize(512)))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("path=" + path)
                .hasMessageContaining("neither a block device nor a file");
    }

    @Test
    void missingDeviceIsNamed() {
        Path missing = directory.resolve("missing");
        assertThatThrownBy(() -> LinuxBlockDevice.open(missing, OpenOptions.ofSize(512)))
                .isInstanceOfSatisfying(DeviceException.class, e -> {
                    assertThat(e.errno()).isEqualTo(Errno.ENOENT);
                    assertThat(e.path()).isEqualTo(missing.toString());
                })
                .hasMessageContaining("name=ENOENT");
        assertThat(missing).doesNotExist();
    }

    @Test
    void newImageIsSparsePrivateAndOfTheAssignedSize() throws IOException, InterruptedException {
        Path image = directory.resolve("new.img");
        LinuxBlockDevice.createImage(image, 64L << 20);
        assertThat(Files.size(image)).isEqualTo(64L << 20);
        assertThat(allocatedBytes(image)).isZero();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(image)))
                .isEqualTo("rw-------");
        try (LinuxBlockDevice device = LinuxBlockDevice.open(image, OpenOptions.ofSize(64L << 20))) {
            write(device, (64L << 20) - 512, new byte[512]);
        }
    }

    @Test
    void imageThatCannotBeMadeLeavesNothingBehind() {
        Path image = directory.resolve("huge.img");
        assertThatThrownBy(() -> LinuxBlockDevice.createImage(image, 1L << 60))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("operation=truncate");
        assertThat(image).doesNotExist();
    }

    @Test
    void creatingAnImageThatExistsIsRefusedAndLeavesItAlone() throws IOException {
        Path image = newImage(4096);
        byte[] before = Files.readAllBytes(image);
        assertThatThrownBy(() -> LinuxBlockDevice.createImage(image, SIZE_BYTES))
                .isInstanceOfSatisfying(
                        DeviceException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST));
        assertThat(Files.readAllBytes(image)).isEqualTo(before);
    }

    @Test
    void zeroThatMayDeallocateMakesAHoleAndOneThatMayNotKeepsTheRoom() throws IOException, InterruptedException {
        Path image = newImage(SIZE_BYTES);
        try (LinuxBlockDevice device = LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES))) {
            device.force();
            device.zero(0, SIZE_BYTES / 2, false);
            device.force();
            assertThat(allocatedBytes(image)).isGreaterThanOrEqualTo(SIZE_BYTES);
            device.zero(0, SIZE_BYTES / 2, true);
            device.force();
            assertThat(allocatedBytes(image)).isLessThan(SIZE_BYTES);
        }
        assertThat(Arrays.copyOf(Files.readAllBytes(image), SIZE_BYTES / 2)).containsOnly(0);
        assertThat(Files.size(image)).isEqualTo(SIZE_BYTES);
    }

    private static long allocatedBytes(Path file) throws IOException, InterruptedException {
        return Long.parseLong(Commands.run("stat", "-c", "%b", file.toString()).strip()) * 512;
    }

    @Test
    void deviceIsConfinedToTheThreadThatUsesIt() throws IOException {
        Path image = newImage(SIZE_BYTES);
        try (LinuxBlockDevice device = LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES))) {
            device.force();
            CompletableFuture<Void> elsewhere = CompletableFuture.runAsync(() -> {
                try {
                    device.force();
                } catch (DeviceException e) {
                    throw new CompletionException(e);
                }
            });
            assertThatThrownBy(elsewhere::join).hasCauseInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void deviceIsNotUsedAfterClose() throws IOException {
        LinuxBlockDevice device = LinuxBlockDevice.open(newImage(SIZE_BYTES), OpenOptions.ofSize(SIZE_BYTES));
        device.close();
        device.close();
        assertThatThrownBy(device::force).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void assignedSizeIsInSectors() {
        assertThatThrownBy(() -> OpenOptions.ofSize(1000)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> OpenOptions.ofSize(0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void exceptionCarriesItsFacts() {
        DeviceException e = new DeviceException("write", "/dev/x", 4096, 512, Errno.ENOSPC, "why");
        assertThat(e)
                .hasMessage("device operation failed: operation=write path=/dev/x offset=4096 length=512 errno=28"
                        + " name=ENOSPC detail=\"why\"");
        assertThat(e.errnoName()).isEqualTo("ENOSPC");
        assertThat(Errno.nameOf(4711)).isEqualTo("4711");
    }
}
