package org.replicationserver.cert;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Lets one thread of one process at a time into a store. Held by the thread that acquired it.
 *
 * <p>A file lock alone is the process's and not the thread's: a second thread would get an exception where it has to
 * wait. The kernel gives the lock back when its holder dies, and the file stays, since deleting it would let a process
 * that waits on the old one and a process that makes a new one in together.
 */
final class StoreLock implements AutoCloseable {
    private static final String FILE_NAME = ".lock";

    /** One for all directories: a process opens its store once, at its start. */
    private static final ReentrantLock THREADS_OF_THIS_PROCESS = new ReentrantLock();

    private final FileChannel channel;

    private StoreLock(FileChannel channel) {
        this.channel = channel;
    }

    static StoreLock acquire(Path directory) throws IOException {
        THREADS_OF_THIS_PROCESS.lock();
        try {
            return new StoreLock(openAndLock(directory.resolve(FILE_NAME)));
        } catch (IOException | RuntimeException e) {
            THREADS_OF_THIS_PROCESS.unlock();
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
            channel.close();
        } finally {
            THREADS_OF_THIS_PROCESS.unlock();
        }
    }
}
