package org.replicationserver.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a demo says and returns in the end is whether the replica is identical. */
@Timeout(180)
final class DemoEndTest {
    private static final int END_SECONDS = 30;
    private static final int DISK_MIB = 256;

    @TempDir
    private Path directory = Path.of("");

    private interface WhenSaid {
        void said(String line) throws IOException;
    }

    /** Requires the exit code; the last line. */
    private static String runToItsEnd(Process demo, int exitCode, WhenSaid whenSaid) throws Exception {
        List<String> lines = new ArrayList<>();
        try (BufferedReader said = demo.inputReader(StandardCharsets.UTF_8)) {
            for (String line = said.readLine(); line != null; line = said.readLine()) {
                lines.add(line);
                whenSaid.said(line);
            }
            assertThat(demo.waitFor(END_SECONDS, TimeUnit.SECONDS)).isTrue();
        } finally {
            DemoProcess.end(demo);
        }
        assertThat(demo.exitValue()).as("exit code after %s", lines).isEqualTo(exitCode);
        return lines.getLast();
    }

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
        List<String> killed = new ArrayList<>();
        String last = runToItsEnd(demo, 0, line -> {
            if (line.startsWith("server: killed with SIGKILL")) {
                killed.add(line);
            }
        });

        assertThat(last).startsWith("replica identical: sha256=");
        assertThat(killed).hasSize(1);
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
        String last = runToItsEnd(DemoProcess.start(temporary, "--source=" + source), 1, line -> {
            if (line.equals("cycle 2: committed")) {
                invertLastByte(source);
            }
        });

        assertThat(last).startsWith("REPLICA DIFFERS: source sha256=");
    }

    @Test
    void replicaThatDiffersInOneByteIsNotIdentical() throws Exception {
        byte[] bytes = new byte[3 << 20];
        new Random(1).nextBytes(bytes);
        Path source = Files.write(directory.resolve("source.img"), bytes);
        Path replica = Files.write(directory.resolve("replica.img"), bytes);
        Demo.Comparison same = Demo.Comparison.of(source, replica, bytes.length);
        assertThat(same.identical()).isTrue();
        assertThat(same.text()).isEqualTo("replica identical: sha256=" + same.sourceHash());

        invertLastByte(replica);

        Demo.Comparison different = Demo.Comparison.of(source, replica, bytes.length);
        assertThat(different.identical()).isFalse();
        assertThat(different.text())
                .isEqualTo("REPLICA DIFFERS: source sha256=" + same.sourceHash() + " replica sha256="
                        + different.replicaHash());
    }
}
