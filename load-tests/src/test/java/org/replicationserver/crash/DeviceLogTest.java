package org.replicationserver.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Logs made by hand: a superblock, a write of two sectors from sector 3 on, a flush. */
final class DeviceLogTest {
    private static final int SECTOR_BYTES = 512;
    private static final int FLUSH = 1;
    private static final int DISCARD = 4;
    private static final int FLAGS_OF_THE_WRITE_AT = SECTOR_BYTES + 16;
    private static final int VERSION_AT = 8;

    @TempDir
    private Path directory = Path.of("");

    private final ByteBuffer log = ByteBuffer.allocate(5 * SECTOR_BYTES).order(ByteOrder.LITTLE_ENDIAN);

    DeviceLogTest() {
        log.putLong(0x6a736677736872L).putLong(1).putLong(2).putInt(SECTOR_BYTES);
        log.position(SECTOR_BYTES).putLong(3).putLong(2).putLong(0).putLong(0);
        Arrays.fill(log.array(), 2 * SECTOR_BYTES, 4 * SECTOR_BYTES, (byte) 7);
        log.position(4 * SECTOR_BYTES).putLong(0).putLong(0).putLong(FLUSH).putLong(0);
    }

    private Path file() throws IOException {
        return Files.write(directory.resolve("volume.log"), log.array());
    }

    @Test
    void writesAndFlushesComeInTheirOrder() throws IOException {
        List<DeviceLog.Entry> entries = DeviceLog.read(file());
        assertThat(entries).extracting(DeviceLog.Entry::isFlush).containsExactly(false, true);
        byte[] image = new byte[6 * SECTOR_BYTES];
        entries.getFirst().apply(image, 0, entries.getFirst().lengthBytes());
        byte[] expected = new byte[image.length];
        Arrays.fill(expected, 3 * SECTOR_BYTES, 5 * SECTOR_BYTES, (byte) 7);
        assertThat(image).isEqualTo(expected);
    }

    @Test
    void aPartOfAWriteGoesToItsOwnPlace() throws IOException {
        byte[] image = new byte[6 * SECTOR_BYTES];
        DeviceLog.read(file()).getFirst().apply(image, SECTOR_BYTES, SECTOR_BYTES);
        byte[] expected = new byte[image.length];
        Arrays.fill(expected, 4 * SECTOR_BYTES, 5 * SECTOR_BYTES, (byte) 7);
        assertThat(image).isEqualTo(expected);
    }

    @Test
    void aLogThatIsNotBegunHasNoEntries() throws IOException {
        Path empty = Files.createFile(directory.resolve("empty.log"));
        assertThat(DeviceLog.read(empty)).isEmpty();
        try (FileChannel channel = FileChannel.open(empty)) {
            assertThat(DeviceLog.entries(channel)).isZero();
        }
    }

    @Test
    void anotherVersionIsRefused() {
        log.putLong(VERSION_AT, 2);
        assertThatThrownBy(() -> DeviceLog.read(file())).hasMessageContaining("version=2");
    }

    @Test
    void aDiscardIsRefused() {
        log.putLong(FLAGS_OF_THE_WRITE_AT, DISCARD);
        assertThatThrownBy(() -> DeviceLog.read(file()))
                .hasMessageContaining("discard")
                .hasMessageContaining("entry=0");
    }

    @Test
    void aLogThatEndsInsideAnEntryIsRefused() throws IOException {
        Path cut = Files.write(directory.resolve("cut.log"), Arrays.copyOf(log.array(), 3 * SECTOR_BYTES));
        assertThatThrownBy(() -> DeviceLog.read(cut)).hasMessageContaining("cut off");
    }
}
