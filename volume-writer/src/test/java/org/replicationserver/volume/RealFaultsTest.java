package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.volume.BlockWrite.Outcome;
import org.replicationserver.volume.testing.Blocks;
import org.replicationserver.volume.testing.CollectingListener;

/**
 * Errors that the kernel itself gives: a full file system, a block device that cannot keep what it was given, and
 * system calls that strace makes fail. Needs root, mounts and strace; skipped, with the reason, without them.
 */
@Tag("long")
@Timeout(180)
final class RealFaultsTest {
    private static final int SIZE_BYTES = 4 << 20;

    @TempDir
    Path directory;

    /** A file system that is unmounted whatever happens. */
    private static final class Mount implements AutoCloseable {
        private final Path at;

        private Mount(Path at) {
            this.at = at;
        }

        static Mount of(Path at, String... arguments) throws IOException, InterruptedException {
            assumeTrue(Commands.isRoot(), "skipped: mounting needs root");
            Files.createDirectories(at);
            List<String> command = new ArrayList<>(List.of("mount"));
            command.addAll(List.of(arguments));
            command.add(at.toString());
            Commands.run(command.toArray(String[]::new));
            return new Mount(at);
        }

        @Override
        public void close() throws IOException {
            try {
                Commands.run("umount", at.toString());
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private static Mount smallTmpfs(Path at) throws IOException, InterruptedException {
        return Mount.of(at, "-t", "tmpfs", "-o", "size=1m", "tmpfs");
    }

    private static void fillVolume(VolumeWriter writer) {
        byte[] content = new byte[256 * 1024];
        Arrays.fill(content, (byte) 1);
        for (int offset = 0; offset < SIZE_BYTES; offset += content.length) {
            writer.submit(Blocks.stored(writer, offset, content));
        }
        writer.stop();
        while (writer.runBatch()) {
            Thread.onSpinWait();
        }
    }

    private static VolumeWriter writerOn(Path device, CollectingListener listener) throws DeviceException {
        return VolumeWriter.withoutThread(
                new VolumeId("vol-full"),
                LinuxBlockDevice.open(device, OpenOptions.ofSize(SIZE_BYTES)),
                SIZE_BYTES,
                VolumeWriterOptions.defaults(),
                listener,
                System::nanoTime);
    }

    @Test
    void fullFileSystemFailsTheVolumeWithEnospc() throws IOException, InterruptedException {
        try (Mount tmpfs = smallTmpfs(directory.resolve("small"))) {
            Path image = tmpfs.at.resolve("volume.img");
            LinuxBlockDevice.createImage(image, SIZE_BYTES);
            CollectingListener listener = new CollectingListener();
            fillVolume(writerOn(image, listener));
            assertThat(listener.failures()).singleElement().satisfies(failure -> {
                assertThat(failure.operation()).isEqualTo("write");
                assertThat(failure.errno()).isEqualTo(Errno.ENOSPC);
            });
            assertThat(listener.reported()).allMatch(w -> w.outcome() == Outcome.DROPPED);
        }
    }

    @Test
    void blockDeviceThatCannotKeepItsDataFailsTheVolume() throws IOException, InterruptedException {
        try (Mount tmpfs = smallTmpfs(directory.resolve("small"))) {
            Path image = tmpfs.at.resolve("loop.img");
            LinuxBlockDevice.createImage(image, SIZE_BYTES);
            try (LoopDevice loop = LoopDevice.attach(image, 512)) {
                CollectingListener listener = new CollectingListener();
                fillVolume(writerOn(loop.path(), listener));
                assertThat(listener.failures())
                        .singleElement()
                        .satisfies(failure -> assertThat(failure.errno()).isIn(Errno.EIO, Errno.ENOSPC));
                assertThat(listener.reported()).allMatch(w -> w.outcome() == Outcome.DROPPED);
            }
        }
    }

    @Test
    void mountedBlockDeviceIsRefused() throws IOException, InterruptedException {
        Path image = directory.resolve("mounted.img");
        LinuxBlockDevice.createImage(image, 16 << 20);
        try (LoopDevice loop = LoopDevice.attach(image, 512)) {
            Commands.run("mkfs.ext4", "-q", loop.path().toString());
            try (Mount mounted =
                    Mount.of(directory.resolve("mounted"), loop.path().toString())) {
                assertThat(mounted.at.resolve("lost+found")).exists();
                assertThatThrownBy(() -> LinuxBlockDevice.open(loop.path(), OpenOptions.ofSize(SIZE_BYTES)))
                        .isInstanceOf(DeviceException.class)
                        .hasMessageContaining("in use or mounted");
            }
        }
    }

    @Test
    void directImageOnACoarseFileSystemKeepsItsOddEnd() throws IOException, InterruptedException {
        Path disk = directory.resolve("coarse.img");
        LinuxBlockDevice.createImage(disk, 32 << 20);
        try (LoopDevice loop = LoopDevice.attach(disk, 4096)) {
            Commands.run("mkfs.ext4", "-q", loop.path().toString());
            try (Mount mounted =
                    Mount.of(directory.resolve("coarse"), loop.path().toString())) {
                int sizeBytes = SIZE_BYTES + 1536;
                Path image = mounted.at.resolve("volume.img");
                LinuxBlockDevice.createImage(image, sizeBytes);
                DeviceModel model;
                OpenOptions options = new OpenOptions(sizeBytes, CacheMode.DIRECT);
                try (LinuxBlockDevice device = LinuxBlockDevice.open(image, options)) {
                    assertThat(device.alignmentBytes()).isEqualTo(4096);
                    model = new DeviceModel("directImageOnACoarseFileSystem", device, sizeBytes);
                    model.check(2000);
                }
                assertThat(Files.size(image)).isEqualTo(sizeBytes);
                assertThat(Arrays.equals(Files.readAllBytes(image), model.bytes()))
                        .isTrue();
            }
        }
    }

    /** Runs {@link FaultedWriterMain} with one system call made to fail, and gives back what it and strace say. */
    private List<String> runWithFault(String inject) throws IOException, InterruptedException {
        assumeTrue(Commands.exists("strace"), "skipped: strace is not installed");
        Path image = directory.resolve("faulted.img");
        Path trace = directory.resolve("trace");
        LinuxBlockDevice.createImage(image, 1 << 20);
        String output = Commands.run(
                "strace",
                "-f",
                "--seccomp-bpf",
                "-e",
                "trace=pwrite64,fdatasync",
                "-e",
                "inject=" + inject,
                "-o",
                trace.toString(),
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                FaultedWriterMain.class.getName(),
                image.toString());
        List<String> lines = new ArrayList<>(output.lines().toList());
        for (String line :
                Files.readString(trace, StandardCharsets.UTF_8).lines().toList()) {
            if (line.contains("fdatasync(")) {
                lines.add("fdatasync");
            } else if (line.contains("pwrite64(")) {
                lines.add("pwrite64");
            }
        }
        return lines;
    }

    @Test
    void interruptedWriteIsDoneAgain() throws IOException, InterruptedException {
        assertThat(runWithFault("pwrite64:error=EINTR:when=1"))
                .containsExactly(
                        "DURABLE 0", "DURABLE 4096", "pwrite64", "pwrite64", "fdatasync", "pwrite64", "fdatasync");
    }

    @Test
    void shortWriteThatMadeProgressGoesOnAtItsEnd() throws IOException, InterruptedException {
        assertThat(runWithFault("pwrite64:retval=512:when=1"))
                .containsExactly(
                        "DURABLE 0", "DURABLE 4096", "pwrite64", "pwrite64", "fdatasync", "pwrite64", "fdatasync");
    }

    @Test
    void writeOfNothingFailsTheVolume() throws IOException, InterruptedException {
        assertThat(runWithFault("pwrite64:retval=0:when=1"))
                .containsExactly("failed write", "DROPPED 0", "DROPPED 4096", "pwrite64");
    }

    @Test
    void failedWriteIsNotFollowedByAForce() throws IOException, InterruptedException {
        assertThat(runWithFault("pwrite64:error=EIO:when=2"))
                .containsExactly("DURABLE 0", "failed write", "DROPPED 4096", "pwrite64", "fdatasync", "pwrite64");
    }

    @Test
    void failedForceIsNotRetried() throws IOException, InterruptedException {
        assertThat(runWithFault("fdatasync:error=EIO:when=1"))
                .containsExactly("failed force", "DROPPED 0", "DROPPED 4096", "pwrite64", "fdatasync");
    }

    @Test
    void interruptedForceFailsTheVolume() throws IOException, InterruptedException {
        assertThat(runWithFault("fdatasync:error=EINTR:when=1"))
                .containsExactly("failed force", "DROPPED 0", "DROPPED 4096", "pwrite64", "fdatasync");
    }
}
