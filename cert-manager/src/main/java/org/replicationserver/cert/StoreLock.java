package org.replicationserver.cert;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Lets one thread of one process at a time into a store. Held by the thread that acquired it.
 *
 * <p>A file lock alone is the process's and not the thread's: a second thread would get an exception where it has to
 * wait. The kernel gives the lock back when its holder dies, and the file stays, since deleting it would let a process
 * that waits on the old one and a process that makes a new one in together.
 */
final class StoreLock implements AutoCloseable {
    private static final String FILE_NAME = ".lock";

    private interface Opening {
        @Nullable
        FileChannel open() throws IOException;
    }

    /** One for all directories: a process opens its store once, at its start. */
    private static final ReentrantLock THREADS_OF_THIS_PROCESS = new ReentrantLock();

    /** Null where nobody has made the file, and so nobody locks it. */
    private final @Nullable FileChannel channel;

    private StoreLock(@Nullable FileChannel channel) {
        this.channel = channel;
    }

    static StoreLock acquire(Path directory) throws IOException {
        return take(() -> openAndLock(directory.resolve(FILE_NAME)));
    }

    /** Beside others who only read; makes nothing. */
    static StoreLock share(Path directory) throws IOException {
        return take(() -> openAndShare(directory.resolve(FILE_NAME)));
    }

    private static StoreLock take(Opening opening) throws IOException {
        THREADS_OF_THIS_PROCESS.lock();
        try {
            return new StoreLock(opening.open());
        } catch (IOException | RuntimeException e) {
            THREADS_OF_THIS_PROCESS.unlock();
            throw e;
        }
    }

    private static @Nullable FileChannel openAndShare(Path path) throws IOException {
        FileChannel channel;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ);
        } catch (NoSuchFileException _) {
            return null;
        }
        try {
            channel.lock(0, Long.MAX_VALUE, true);
            return channel;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private static FileChannel openAndLock(Path path) throws IOException {
        FileChannel channel = FileChannel.open(
                path,
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PrivateFiles.OWNER_ONLY_FILE));
        try {
            channel.lock();
            return channel;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Closing the channel gives the file lock back. */
    @Override
    public void close() throws IOException {
        try {
            if (channel != null) {
                channel.close();
            }
        } finally {
            THREADS_OF_THIS_PROCESS.unlock();
        }
    }
}
