package org.replicationserver.demo;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.Children;
import org.replicationserver.process.DiskImage;
import org.replicationserver.process.RunException;

/** The disk that the demo replicates: one that it makes and changes, or one that was given and is only read. One thread. */
final class DemoDisk {
    private static final Duration TOOL_TIMEOUT = Duration.ofMinutes(1);
    private static final int CHANGED_FILE_BYTES = 3 * 1024 * 1024;
    private static final int READ_BYTES = 1024 * 1024;

    private final Path path;
    private final Path work;
    private final boolean ours;
    private final String description;
    private final Random random = new Random(1500);

    private DemoDisk(Path path, Path work, boolean ours, String description) {
        this.path = path;
        this.work = work;
        this.ours = ours;
        this.description = description;
    }

    /** A file system of real files, made in the work directory; or the given source. */
    static DemoDisk of(@Nullable Path source, long imageBytes, Path work, PrintWriter out)
            throws RunException, InterruptedException {
        if (source != null) {
            if (!Files.isReadable(source)) {
                throw new RunException("--source=" + source + " cannot be read");
            }
            return new DemoDisk(source, work, false, source.toString());
        }
        DiskImage image = DiskImage.cached(work, imageBytes, out);
        return new DemoDisk(image.path(), work, true, image.description());
    }

    Path path() {
        return path;
    }

    String description() {
        return description;
    }

    long sizeBytes() throws RunException {
        try (FileChannel disk = FileChannel.open(path, StandardOpenOption.READ)) {
            return disk.size();
        } catch (IOException e) {
            throw new RunException("cannot read the size of " + path + ": " + e.getMessage(), e);
        }
    }

    /** Adds a file, replaces one and removes one, as a person would; says what was done. */
    String change(int cycle) throws RunException, InterruptedException {
        if (!ours) {
            return "nothing is changed on a given source";
        }
        try {
            if (!isExt4()) {
                return changeBlocks();
            }
            Path content = work.resolve("content-" + cycle);
            byte[] bytes = new byte[CHANGED_FILE_BYTES];
            random.nextBytes(bytes);
            Files.write(content, bytes);
            Path commands = work.resolve("debugfs-" + cycle);
            Files.writeString(
                    commands,
                    String.join(
                            "\n",
                            "write " + content + " changed-in-cycle-" + cycle,
                            "rm changed-in-cycle-" + (cycle - 1),
                            "mkdir made-in-cycle-" + cycle,
                            ""));
            require(Children.run(
                    TOOL_TIMEOUT,
                    work.resolve("debugfs.log"),
                    List.of(Children.tool("debugfs"), "-w", "-f", commands.toString(), path.toString())));
            return "a file of 3 MiB written, a directory made" + (cycle > 1 ? ", a file removed" : "");
        } catch (IOException e) {
            throw new RunException("cannot change " + path + ": " + e.getMessage(), e);
        }
    }

    private boolean isExt4() {
        return description.startsWith("ext4");
    }

    private String changeBlocks() throws IOException {
        byte[] block = new byte[64 * 1024];
        try (FileChannel disk = FileChannel.open(path, StandardOpenOption.WRITE)) {
            for (int i = 0; i < 32; i++) {
                random.nextBytes(block);
                disk.write(ByteBuffer.wrap(block), random.nextLong(disk.size() / block.length) * block.length);
            }
        }
        return "32 blocks written";
    }

    /** A read-only check of the replica's file system; in words, or an exception if it is not clean. */
    String check(Path replica) throws RunException, InterruptedException {
        if (!ours || !isExt4()) {
            return "not checked, it is not known to be an ext4 file system";
        }
        try {
            require(Children.run(
                    TOOL_TIMEOUT,
                    work.resolve("e2fsck.log"),
                    List.of(Children.tool("e2fsck"), "-f", "-n", replica.toString())));
            return "clean (e2fsck -f -n)";
        } catch (IOException e) {
            throw new RunException("cannot check the replica: " + e.getMessage(), e);
        }
    }

    private static void require(Children.Result result) throws RunException {
        if (!result.ok()) {
            throw new RunException("a tool failed: " + result.firstError());
        }
    }

    /** SHA-256 of the first bytes of a file or device. */
    static String sha256(Path file, long bytes) throws RunException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            ByteBuffer buffer = ByteBuffer.allocateDirect(READ_BYTES);
            for (long at = 0; at < bytes; ) {
                buffer.clear().limit((int) Math.min(READ_BYTES, bytes - at));
                int n = channel.read(buffer, at);
                if (n < 0) {
                    throw new RunException(file + " ends at " + at + ", expected " + bytes + " bytes");
                }
                digest.update(buffer.flip());
                at += n;
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException | NoSuchAlgorithmException e) {
            throw new RunException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }
}
