package org.replicationserver.receiver.software;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.stream.Stream;

/** Files and directories of the store that survive a power loss once a call has returned. Any thread. */
final class DurableFiles {
    private static final Set<PosixFilePermission> DIRECTORY_MODE = PosixFilePermissions.fromString("rwx------");

    private DurableFiles() {}

    /** Makes a directory for the server's user alone, if there is none. */
    static void makeDirectory(Path directory) throws IOException {
        if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(DIRECTORY_MODE));
            syncDirectory(parentOf(directory));
        }
    }

    static void syncDirectory(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** A small file, replaced whole. */
    static void write(Path file, byte[] content) throws IOException {
        Path draft = draftOf(file);
        try (FileChannel channel = FileChannel.open(
                draft, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer left = ByteBuffer.wrap(content);
            while (left.hasRemaining()) {
                channel.write(left);
            }
            channel.force(true);
        }
        move(draft, file);
    }

    /** A symbolic link, replaced in one step. */
    static void link(Path link, Path target) throws IOException {
        Path draft = draftOf(link);
        Files.deleteIfExists(draft);
        Files.createSymbolicLink(draft, target);
        move(draft, link);
    }

    /** A rename in one step, onto whatever is there if that is a file or a link. */
    static void move(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        syncDirectory(parentOf(to));
        if (!parentOf(from).equals(parentOf(to))) {
            syncDirectory(parentOf(from));
        }
    }

    /** With all that is in it; links are not followed. */
    static void delete(Path path) throws IOException {
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            try (Stream<Path> content = Files.list(path)) {
                for (Path one : content.toList()) {
                    delete(one);
                }
            }
        }
        Files.deleteIfExists(path);
    }

    private static Path draftOf(Path file) {
        return file.resolveSibling("." + file.getFileName() + ".new");
    }

    private static Path parentOf(Path path) {
        Path parent = path.toAbsolutePath().getParent();
        if (parent == null) {
            throw new IllegalArgumentException("a path without a parent: " + path);
        }
        return parent;
    }
}
