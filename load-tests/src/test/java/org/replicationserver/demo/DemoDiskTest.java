package org.replicationserver.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.process.Children;
import org.replicationserver.process.DiskImage;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.config.ByteSize;

/** What the demo says it has changed is changed. */
final class DemoDiskTest {
    private static final Duration TIMEOUT = Duration.ofMinutes(1);

    @TempDir
    private Path directory = Path.of("");

    private DemoDisk disk(long bytes, Path work) throws IOException, InterruptedException {
        DiskImage image = DiskImage.make(work, bytes, DiskImage.Fill.WITH_ROOM, new PrintWriter(Writer.nullWriter()));
        assumeTrue(image.description().startsWith("ext4"), "skipped: mke2fs is not installed");
        return DemoDisk.of(image, work);
    }

    private String debugfs(Path image, String command) throws IOException, InterruptedException {
        return Children.run(
                        TIMEOUT,
                        directory.resolve("said"),
                        List.of(Children.tool("debugfs"), "-R", command, image + ""))
                .output();
    }

    @Test
    void fileSystemWithRoomTakesTheChangesOfAllCycles() throws Exception {
        Path work = Files.createDirectory(directory.resolve("a directory with spaces"));
        DemoDisk disk = disk(96 * ByteSize.MIB, work);
        String empty = DemoDisk.sha256(disk.path(), disk.sizeBytes());

        assertThat(disk.change(1)).isEqualTo("a file of 3 MiB written, a directory made");
        assertThat(DemoDisk.sha256(disk.path(), disk.sizeBytes())).isNotEqualTo(empty);
        assertThat(disk.change(2)).isEqualTo("a file of 3 MiB written, a directory made, a file removed");

        assertThat(debugfs(disk.path(), "ls -p /"))
                .contains("/changed-in-cycle-2/3145728/", "/made-in-cycle-1/", "/made-in-cycle-2/")
                .doesNotContain("changed-in-cycle-1");
        assertThat(disk.check(disk.path())).startsWith("clean");
    }

    @Test
    void changeThatFindsNoRoomIsAFailure() throws Exception {
        DemoDisk disk = disk(8 * ByteSize.MIB, directory);
        assertThatThrownBy(() -> disk.change(1))
                .isInstanceOf(RunException.class)
                .hasMessageContaining("Could not allocate block");
    }

    @Test
    void changeThatCannotBeMadeTwiceIsAFailure() throws Exception {
        DemoDisk disk = disk(64 * ByteSize.MIB, directory);
        disk.change(1);
        assertThatThrownBy(() -> disk.change(1))
                .isInstanceOf(RunException.class)
                .hasMessageContaining("already exists");
    }
}
