package org.replicationserver.receiver.control;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.Set;

/**
 * The few things that the outbox does to files. Its thread only, which nobody interrupts: an interrupt would close the file.
 *
 * <p>A class by itself so that tests can put one in its place that fails.
 */
class OutboxDisk {
    private static final FileAttribute<?> DIRECTORY_MODE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    private static final FileAttribute<?> FILE_MODE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    private static final String DRAFT_SUFFIX = ".new";

    /** Makes a directory unless it is there, durably. */
    void makeDirectory(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            Files.createDirectories(directory, DIRECTORY_MODE);
            syncDirectory(directory.toAbsolutePath().resolveSibling("."));
        }
    }

    /** Opens a file for writing that must not exist. Its name is not durable yet. */
    FileChannel create(Path file) throws IOException {
        return FileChannel.open(file, options(StandardOpenOption.CREATE_NEW), FILE_MODE);
    }

    /** Opens a file for writing at its end, making it if there is none. */
    FileChannel openToAppend(Path file) throws IOException {
        return FileChannel.open(file, options(StandardOpenOption.CREATE, StandardOpenOption.APPEND), FILE_MODE);
    }

    private static Set<OpenOption> options(OpenOption... more) {
        Set<OpenOption> options = new HashSet<>(Set.of(more));
        options.add(StandardOpenOption.WRITE);
        return options;
    }

    void write(FileChannel file, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            file.write(bytes);
        }
    }

    /** Once. After a failure nobody knows what is on stable storage. */
    void force(FileChannel file) throws IOException {
        file.force(true);
    }

    /** Cuts a file, durably. */
    void truncate(Path file, long sizeBytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(sizeBytes);
            force(channel);
        }
    }

    /** At most so many bytes of a file, from an offset on. */
    ByteBuffer read(Path file, long offsetBytes, int bytesMax) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            int length = (int) Math.min(bytesMax, Math.max(0, channel.size() - offsetBytes));
            ByteBuffer bytes = ByteBuffer.allocate(length);
            while (bytes.hasRemaining() && channel.read(bytes, offsetBytes + bytes.position()) >= 0) {
                // until all is read
            }
            return bytes.flip();
        }
    }

    /** Replaces a file whole. A reader, also one after a power loss, finds the old content or the new one; see {@link #rename}. */
    void replace(Path file, ByteBuffer content) throws IOException {
        Path draft = file.resolveSibling(file.getFileName() + DRAFT_SUFFIX);
        Files.deleteIfExists(draft);
        try (FileChannel channel = create(draft)) {
            write(channel, content);
            force(channel);
        }
        rename(draft, file);
    }

    /** Gives a file another name, in place of what had it. It is durable once {@link #syncDirectory} has returned. */
    void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    void delete(Path file) throws IOException {
        Files.deleteIfExists(file);
    }

    /** Makes names that were added to a directory, changed in it or removed from it survive a power loss. */
    void syncDirectory(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory.normalize(), StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** Removes what an interrupted {@link #replace} left. */
    void removeDrafts(Path directory) throws IOException {
        try (DirectoryStream<Path> drafts = Files.newDirectoryStream(directory, "*" + DRAFT_SUFFIX)) {
            for (Path draft : drafts) {
                Files.delete(draft);
            }
        }
    }
}
