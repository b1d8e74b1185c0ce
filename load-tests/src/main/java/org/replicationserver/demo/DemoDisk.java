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
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.Children;
import org.replicationserver.process.DiskImage;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.config.ByteSize;

/**
 * The disk that the demo replicates: one that it makes and changes, or one that was given and is only read. One thread.
 *
 * <p>The file system is changed by debugfs, which needs no root but ends with exit code 0 whatever happens. So every line that it
 * prints beyond the known ones is a failure, and what it was told to do is read back.
 */
final class DemoDisk {
    private static final Duration TOOL_TIMEOUT = Duration.ofMinutes(1);
    private static final int CHANGED_FILE_BYTES = 3 * 1024 * 1024;
    private static final int READ_BYTES = 1024 * 1024;
    private static final int CHANGED_BLOCKS = 32;
    private static final int CHANGED_BLOCK_BYTES = 64 * 1024;

    /** Its version, the echo of commands, the new inode, and nothing. */
    private static final Predicate<String> SAID_WITHOUT_ERROR =
            line -> line.isBlank() || line.startsWith("debugfs") || line.startsWith("Allocated inode:");

    private static final String LISTED = "/";

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
            return new DemoDisk(source, work, false, source.toString());
        }
        out.println("making a file system of " + ByteSize.format(imageBytes) + " in " + work);
        out.flush();
        try {
            return of(DiskImage.make(work, imageBytes, DiskImage.Fill.WITH_ROOM, out), work);
        } catch (IOException e) {
            throw new RunException("cannot make the file system: " + e.getMessage(), e);
        }
    }

    /** An image that may be changed. */
    static DemoDisk of(DiskImage image, Path work) {
        return new DemoDisk(image.path(), work, true, image.description());
    }

    Path path() {
        return path;
    }

    String description() {
        return description;
    }

    long sizeBytes() throws RunException {
        return sizeBytes(path);
    }

    /** Of an image or block device. */
    static long sizeBytes(Path path) throws RunException {
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
            return isExt4() ? changeFiles(cycle) : changeBlocks();
        } catch (IOException e) {
            throw new RunException("cannot change " + path + ": " + e.getMessage(), e);
        }
    }

    private boolean isExt4() {
        return description.startsWith("ext4");
    }

    private String changeFiles(int cycle) throws IOException, RunException, InterruptedException {
        Path content = work.resolve("content-" + cycle);
        byte[] bytes = new byte[CHANGED_FILE_BYTES];
        random.nextBytes(bytes);
        Files.write(content, bytes);
        String file = "changed-in-cycle-" + cycle;
        String directory = "made-in-cycle-" + cycle;
        String formerFile = "changed-in-cycle-" + (cycle - 1);
        Path commands = work.resolve("debugfs-" + cycle);
        Files.writeString(
                commands,
                "write " + quoted(content) + " " + file + "\nmkdir " + directory + "\n"
                        + (cycle > 1 ? "rm " + formerFile + "\n" : ""));
        debugfs(SAID_WITHOUT_ERROR, List.of("-w", "-f", commands.toString()));

        requireContent(file, content);
        Set<String> names = rootNames();
        require(names.contains(file) && names.contains(directory), file + " or " + directory + " is not there");
        require(!names.contains(formerFile), formerFile + " is still there");
        return "a file of 3 MiB written, a directory made" + (cycle > 1 ? ", a file removed" : "");
    }

    private void requireContent(String file, Path content) throws IOException, RunException, InterruptedException {
        Path readBack = work.resolve("read-back");
        debugfs(SAID_WITHOUT_ERROR, List.of("-R", "dump " + file + " " + quoted(readBack)));
        require(Files.mismatch(content, readBack) == -1, file + " does not hold what was written");
        Files.delete(readBack);
    }

    /** Of the top directory; a line is {@code /inode/mode/uid/gid/name/size/}. */
    private Set<String> rootNames() throws IOException, RunException, InterruptedException {
        String listing =
                debugfs(SAID_WITHOUT_ERROR.or(line -> line.startsWith(LISTED)), List.of("-R", "ls -p " + LISTED));
        return listing.lines()
                .filter(line -> line.startsWith(LISTED))
                .map(line -> line.split("/", -1)[5])
                .collect(Collectors.toSet());
    }

    private static String quoted(Path file) {
        return "\"" + file + "\"";
    }

    private String debugfs(Predicate<String> expected, List<String> arguments)
            throws IOException, RunException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Children.tool("debugfs")));
        command.addAll(arguments);
        command.add(path.toString());
        Children.Result result = Children.run(TOOL_TIMEOUT, work.resolve("debugfs.log"), command);
        require(result.ok(), "debugfs failed: " + result.firstError());
        String error =
                result.output().lines().filter(expected.negate()).findFirst().orElse("");
        require(error.isEmpty(), "debugfs says: " + error);
        return result.output();
    }

    private static void require(boolean done, String otherwise) throws RunException {
        if (!done) {
            throw new RunException("the file system was not changed as it should be: " + otherwise);
        }
    }

    private String changeBlocks() throws IOException {
        byte[] block = new byte[CHANGED_BLOCK_BYTES];
        try (FileChannel disk = FileChannel.open(path, StandardOpenOption.WRITE)) {
            for (int i = 0; i < CHANGED_BLOCKS; i++) {
                random.nextBytes(block);
                ByteBuffer bytes = ByteBuffer.wrap(block);
                long at = random.nextLong(disk.size() / block.length) * block.length;
                while (bytes.hasRemaining()) {
                    disk.write(bytes, at + bytes.position());
                }
            }
        }
        return CHANGED_BLOCKS + " blocks written";
    }

    /** A read-only check of the replica's file system; in words, or an exception if it is not clean. */
    String check(Path replica) throws RunException, InterruptedException {
        if (!ours || !isExt4()) {
            return "not checked, it is not known to be an ext4 file system";
        }
        try {
            Children.Result result = Children.run(
                    TOOL_TIMEOUT,
                    work.resolve("e2fsck.log"),
                    List.of(Children.tool("e2fsck"), "-f", "-n", replica.toString()));
            if (!result.ok()) {
                throw new RunException("the replica's file system is not clean: " + result.firstError());
            }
            return "clean (e2fsck -f -n)";
        } catch (IOException e) {
            throw new RunException("cannot check the replica: " + e.getMessage(), e);
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
