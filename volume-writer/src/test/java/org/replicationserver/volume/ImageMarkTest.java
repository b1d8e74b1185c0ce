package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which image file is whose. Skipped where the file system of temporary files keeps no extended attributes. */
final class ImageMarkTest {
    private static final int SIZE_BYTES = 1 << 20;

    /** As the JDK names it, without the namespace. */
    private static final String NAME = "replication.volume-id";

    @TempDir
    Path directory;

    private Path image;

    @BeforeEach
    void makeImage() throws IOException {
        image = directory.resolve("volume.img");
        LinuxBlockDevice.createImage(image, SIZE_BYTES);
        try {
            marks().write("probe", StandardCharsets.UTF_8.encode("x"));
        } catch (IOException e) {
            assumeTrue(false, "skipped: no extended attributes on the file system of " + directory);
        }
    }

    private UserDefinedFileAttributeView marks() {
        return Files.getFileAttributeView(image, UserDefinedFileAttributeView.class);
    }

    private String mark() throws IOException {
        ByteBuffer value = ByteBuffer.allocate(marks().size(NAME));
        marks().read(NAME, value);
        return StandardCharsets.UTF_8.decode(value.flip()).toString();
    }

    /** Says what its mark was before. */
    private Mark openAs(String volumeId) throws DeviceException {
        OpenOptions options = new OpenOptions(SIZE_BYTES, null, new VolumeId(volumeId), DeviceIdentity.ANY);
        try (LinuxBlockDevice device = LinuxBlockDevice.open(image, options)) {
            return device.mark();
        }
    }

    @Test
    void imageWithoutAMarkIsMarkedAsItsVolumesAndOpensForThatAgain() throws IOException {
        assertThat(openAs("vol-1")).as("marked before").isEqualTo(Mark.ABSENT);
        assertThat(mark()).isEqualTo("vol-1");
        assertThat(openAs("vol-1")).as("marked before").isEqualTo(Mark.PRESENT);
    }

    @Test
    void imageOfAnotherVolumeIsRefusedWithBothNames() throws IOException {
        openAs("vol-1");
        assertThatThrownBy(() -> openAs("vol-2"))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("is marked as that of vol-1, not of vol-2")
                .hasMessageContaining("setfattr -x user.replication.volume-id");
        assertThat(mark()).isEqualTo("vol-1");
        openAs("vol-1"); // the refused open has left no lock behind
    }

    @Test
    void markThatCannotBeAVolumeIsRefusedToo() throws IOException {
        marks().write(NAME, StandardCharsets.UTF_8.encode("v".repeat(300)));
        assertThatThrownBy(() -> openAs("vol-1")).hasMessageContaining("longer than any volume");
    }

    /** Whoever made it: what does not fit is not taken over. */
    @Test
    void imageThatIsTooSmallIsNeitherExtendedNorMarked() throws IOException {
        OpenOptions larger = new OpenOptions(2 * SIZE_BYTES, null, new VolumeId("vol-1"), DeviceIdentity.ANY, 0);
        assertThatThrownBy(() -> LinuxBlockDevice.open(image, larger)).hasMessageContaining("smaller than assigned");
        assertThat(marks().list()).doesNotContain(NAME);
        openAs("vol-1");
        LinuxBlockDevice.open(image, larger).close();
        assertThat(image).as("once it is the volume's").hasSize(2 * SIZE_BYTES);
    }

    @Test
    void aLookSaysWhatAnOpenWouldDoAndChangesNothing() throws IOException {
        VolumeId id = new VolumeId("vol-1");
        OpenOptions asItIs = new OpenOptions(SIZE_BYTES, null, id, DeviceIdentity.ANY, 0);
        OpenOptions larger = new OpenOptions(2 * SIZE_BYTES, null, id, DeviceIdentity.ANY, SIZE_BYTES);
        assertThat(LinuxBlockDevice.look(image, asItIs)).isEqualTo(new LinuxBlockDevice.Outlook(SIZE_BYTES, false));
        assertThat(marks().list()).doesNotContain(NAME);
        assertThatThrownBy(() -> LinuxBlockDevice.look(image, larger)).hasMessageContaining("smaller than assigned");
        openAs("vol-1");
        assertThat(LinuxBlockDevice.look(image, larger)).isEqualTo(new LinuxBlockDevice.Outlook(SIZE_BYTES, true));
        assertThat(image).hasSize(SIZE_BYTES);
        try (LinuxBlockDevice held = LinuxBlockDevice.open(image, asItIs)) {
            assertThat(held.mark()).isEqualTo(Mark.PRESENT);
            assertThatThrownBy(() -> LinuxBlockDevice.look(image, asItIs)).hasMessageContaining("in use");
        }
    }

    /** A record says how much the volume's image had, and the path leads to a file of somebody else. */
    @Test
    void fileWithoutAMarkIsNotExtendedThoughItsVolumesSizeIsKnown() throws IOException {
        OpenOptions larger =
                new OpenOptions(2 * SIZE_BYTES, null, new VolumeId("vol-1"), DeviceIdentity.ANY, SIZE_BYTES);
        assertThatThrownBy(() -> LinuxBlockDevice.open(image, larger)).hasMessageContaining("smaller than assigned");
        assertThat(image).hasSize(SIZE_BYTES);
        assertThat(marks().list()).doesNotContain(NAME);
    }

    @Test
    void whoNamesNoVolumeIsAskedForNoneAndMarksNothing() throws IOException {
        LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES)).close();
        assertThat(marks().list()).doesNotContain(NAME);
    }
}
