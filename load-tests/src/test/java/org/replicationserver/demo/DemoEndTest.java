package org.replicationserver.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a demo says and returns in the end is whether the replica is identical. */
@Timeout(180)
final class DemoEndTest {
    private static final int DISK_MIB = 256;

    @TempDir
    private Path directory = Path.of("");

    private static void invertLastByte(Path file) throws IOException {
        try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
            long at = disk.length() - 1;
            disk.seek(at);
            int was = disk.read();
            disk.seek(at);
            disk.write(~was);
        }
    }

    @Test
    void replicaIsIdenticalAfterAKillAndTheExitCodeIsZero() throws Exception {
        Path temporary = Files.createDirectory(directory.resolve("tmp"));
        Process demo = DemoProcess.start(temporary, "--size=" + DISK_MIB + "MiB");
        List<String> lines = DemoProcess.runToItsEnd(demo, 0, line -> {});

        assertThat(lines.getLast()).startsWith("replica identical: sha256=");
        assertThat(lines)
                .filteredOn(line -> line.startsWith("server: killed with SIGKILL"))
                .hasSize(1);
        assertThat(temporary).isEmptyDirectory();
    }

    /** The source is changed when nothing is replicated any more, long before the end of it is compared. */
    @Test
    @Tag("long")
    void replicaThatDiffersInOneByteEndsWithANonZeroExitCode() throws Exception {
        Path temporary = Files.createDirectory(directory.resolve("tmp"));
        Path source = directory.resolve("source.img");
        byte[] piece = new byte[1 << 20];
        Random random = new Random(1);
        try (RandomAccessFile disk = new RandomAccessFile(source.toFile(), "rw")) {
            for (int i = 0; i < DISK_MIB; i++) {
                random.nextBytes(piece);
                disk.write(piece);
            }
        }
        Process demo = DemoProcess.start(temporary, "--source=" + source);
        List<String> lines = DemoProcess.runToItsEnd(demo, 1, line -> {
            if (line.equals("cycle 2: committed")) {
                invertLastByte(source);
            }
        });

        assertThat(lines.getLast()).startsWith("REPLICA DIFFERS: source sha256=");
    }

    @Test
    void replicaThatDiffersInOneByteIsNotIdentical() throws Exception {
        byte[] bytes = new byte[3 << 20];
        new Random(1).nextBytes(bytes);
        Path source = Files.write(directory.resolve("source.img"), bytes);
        Path replica = Files.write(directory.resolve("replica.img"), bytes);
        Comparison same = Comparison.of(source, replica, bytes.length);
        assertThat(same.identical()).isTrue();
        assertThat(same.text()).isEqualTo("replica identical: sha256=" + same.sourceHash());

        invertLastByte(replica);

        Comparison different = Comparison.of(source, replica, bytes.length);
        assertThat(different.identical()).isFalse();
        assertThat(different.text())
                .isEqualTo("REPLICA DIFFERS: source sha256=" + same.sourceHash() + " replica sha256="
                        + different.replicaHash());
    }
}
