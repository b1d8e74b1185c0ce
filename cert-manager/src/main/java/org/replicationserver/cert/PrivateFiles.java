package org.replicationserver.cert;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Set;

/** Files and directories that belong to one user, on a POSIX file system, written to last. Any thread. */
final class PrivateFiles {
    static final Set<PosixFilePermission> OWNER_ONLY_FILE = PosixFilePermissions.fromString("rw-------");
    static final Set<PosixFilePermission> PUBLIC_FILE = PosixFilePermissions.fromString("rw-r--r--");
    private static final Set<PosixFilePermission> OWNER_ONLY_DIRECTORY = PosixFilePermissions.fromString("rwx------");

    private PrivateFiles() {}

    static void requireOwnerOnlyFile(Path path) throws CertificateStoreException {
        requireAtMost(path, OWNER_ONLY_FILE, "0600 (rw-------) or less");
    }

    /** Makes the directory if it is missing; one that exists is checked and never changed. */
    static void ensureOwnerOnlyDirectory(Path path) throws CertificateStoreException {
        try {
            Path absolute = path.toAbsolutePath();
            Path parent = Objects.requireNonNullElse(absolute.getParent(), absolute);
            Files.createDirectories(parent);
            Files.createDirectory(path, PosixFilePermissions.asFileAttribute(OWNER_ONLY_DIRECTORY));
            // Otherwise a loss of power takes the directory with all that was forced in it.
            forceDirectory(parent);
        } catch (FileAlreadyExistsException _) {
            // Ours from an earlier start, or somebody's: the check below tells.
        } catch (IOException e) {
            throw new CertificateStoreException(path, "cannot be made", "a place where this process may write", e);
        }
        requireOwnerOnlyDirectory(path);
    }

    static void requireOwnerOnlyDirectory(Path path) throws CertificateStoreException {
        if (Files.exists(path) && !Files.isDirectory(path)) {
            throw new CertificateStoreException(path, "not a directory", "a directory, or nothing yet");
        }
        requireAtMost(path, OWNER_ONLY_DIRECTORY, "0700 (rwx------) or less");
    }

    private static void requireAtMost(Path path, Set<PosixFilePermission> widest, String allowed)
            throws CertificateStoreException {
        Set<PosixFilePermission> found;
        try {
            found = Files.getPosixFilePermissions(path);
        } catch (IOException e) {
            throw new CertificateStoreException(path, "cannot be examined", "permissions of " + allowed, e);
        }
        if (!widest.containsAll(found)) {
            throw new CertificateStoreException(
                    path, "permissions are " + PosixFilePermissions.toString(found), "permissions of " + allowed);
        }
    }

    /**
     * Writes a file that must not exist yet and forces it. The permissions come with the open call, so that there is no
     * moment at which the file is wider.
     */
    static void writeNew(Path path, byte[] content, Set<PosixFilePermission> permissions) throws IOException {
        Set<StandardOpenOption> options = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        try (FileChannel channel = FileChannel.open(path, options, PosixFilePermissions.asFileAttribute(permissions))) {
            ByteBuffer remaining = ByteBuffer.wrap(content);
            while (remaining.hasRemaining()) {
                channel.write(remaining);
            }
            channel.force(true);
        }
    }

    static void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Makes new and renamed entries of the directory survive a loss of power. */
    static void forceDirectory(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
