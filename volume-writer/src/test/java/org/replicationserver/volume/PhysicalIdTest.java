package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whether a file or device can be told from another one in its place. */
final class PhysicalIdTest {
    private static final int SIZE_BYTES = 1 << 20;

    @TempDir
    Path directory;

    private static @Nullable String idOf(Path image) throws DeviceException {
        try (LinuxBlockDevice device = LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES))) {
            return device.physicalId();
        }
    }

    @Test
    void imageKeepsItsIdWhereverItIsMovedAndWhateverIsWritten() throws IOException {
        Path image = directory.resolve("volume.img");
        LinuxBlockDevice.createImage(image, SIZE_BYTES);
        String first = idOf(image);
        assumeTrue(first != null, "skipped: no birth times on the file system of " + directory);
        Files.write(image, new byte[SIZE_BYTES]);
        assertThat(idOf(image)).isEqualTo(first);
        Path moved = Files.move(image, directory.resolve("moved.img"));
        assertThat(idOf(moved)).isEqualTo(first);
    }

    @Test
    void copyInThePlaceOfAnImageHasAnotherId() throws IOException {
        Path image = directory.resolve("volume.img");
        LinuxBlockDevice.createImage(image, SIZE_BYTES);
        String first = idOf(image);
        assumeTrue(first != null, "skipped: no birth times on the file system of " + directory);
        Path copy = Files.copy(image, directory.resolve("copy.img"));
        Files.move(copy, image, StandardCopyOption.REPLACE_EXISTING);
        assertThat(idOf(image)).isNotEqualTo(first);
    }

    @Test
    void blockDeviceIsKnownByTheFirstIdentifierThatSysfsShows() throws IOException {
        assertThat(PhysicalId.of(directory)).as("a loop device has none").isNull();
        Files.writeString(directory.resolve("serial"), "disk-7\n");
        assertThat(PhysicalId.of(directory)).isEqualTo("serial=disk-7");
        Files.createDirectories(directory.resolve("dm"));
        Files.writeString(directory.resolve("dm/uuid"), "");
        assertThat(PhysicalId.of(directory)).as("an empty one is none").isEqualTo("serial=disk-7");
        Files.writeString(directory.resolve("wwid"), "nvme.1d0f-766f6c30\n");
        assertThat(PhysicalId.of(directory)).isEqualTo("wwid=nvme.1d0f-766f6c30");
        Files.writeString(directory.resolve("wwid"), "w".repeat(1000));
        assertThat(PhysicalId.of(directory)).hasSize(200);
    }

    /** Sysfs has the directory of a partition in that of its device, and links to both. */
    @Test
    void partitionIsKnownByItsDeviceAndItsNumber() throws IOException {
        Path part = Files.createDirectories(directory.resolve("devices/sda/sda2"));
        Path link = Files.createSymbolicLink(directory.resolve("8:2"), part);
        Files.writeString(part.resolve("partition"), "2\n");
        assertThat(PhysicalId.of(link)).as("of a loop device").isNull();
        Files.writeString(part.resolveSibling("wwid"), "naa.5000\n");
        assertThat(PhysicalId.of(link)).isEqualTo("wwid=naa.5000 partition=2");
    }
}
