package org.replicationserver.process;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Child processes to end and directories to remove, when the run is over or the process is told to stop. Made and closed by the
 * thread that does the run; the rest may be called by any.
 *
 * <p>When the process is told to stop:
 *
 * <ol>
 *   <li>The children are killed, so that the run waits for none of them; one that is started from now on is killed at once.
 *   <li>The run's thread is interrupted, and closes this on its way out.
 *   <li>What is left is removed: after the run has ended, since it would go on to write there, or when it takes too long to end.
 * </ol>
 */
public final class Cleanup implements AutoCloseable {
    private static final Duration END_TIMEOUT = Duration.ofSeconds(10);
    private static final int REMOVE_ATTEMPTS = 20;
    private static final long REMOVE_PAUSE_MILLIS = 50;

    private final Thread worker = Thread.currentThread();
    private final CountDownLatch workEnded = new CountDownLatch(1);
    private final Thread hook = Thread.ofPlatform().name("cleanup").unstarted(this::stop);

    // under the lock of this
    private final Deque<Process> children = new ArrayDeque<>();
    private final Deque<Path> directories = new ArrayDeque<>();
    private boolean stopping;

    public Cleanup() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** A child process that must not outlive the run. */
    public synchronized void add(Process child) {
        children.push(child);
        if (stopping) {
            child.destroyForcibly();
        }
    }

    /** Makes a directory of a name that nobody else uses, to be removed with all that is in it. */
    public Path directory(Path parent) throws RunException {
        try {
            Path directory = Files.createTempDirectory(parent, "replication-server-");
            synchronized (this) {
                directories.push(directory);
            }
            return directory;
        } catch (IOException e) {
            throw new RunException("cannot make a directory in " + parent + ": " + e.getMessage(), e);
        }
    }

    /** Whether the process was told to stop, which makes all kinds of things fail. */
    public synchronized boolean isStopping() {
        return stopping;
    }

    private void stop() {
        synchronized (this) {
            stopping = true;
        }
        endChildren();
        worker.interrupt();
        try {
            workEnded.await(END_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        endChildren();
        removeDirectories();
    }

    @Override
    public void close() {
        endChildren();
        removeDirectories();
        workEnded.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is stopping, and the hook finds nothing left to do.
        }
    }

    private void endChildren() {
        List<Process> alive;
        synchronized (this) {
            alive = List.copyOf(children);
            children.clear();
        }
        alive.forEach(Process::destroyForcibly);
        for (Process child : alive) {
            child.onExit()
                    .completeOnTimeout(child, END_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
                    .join();
        }
    }

    private synchronized void removeDirectories() {
        while (!directories.isEmpty()) {
            Path directory = directories.pop();
            try {
                deleteTree(directory);
            } catch (IOException e) {
                System.err.println("cannot remove " + directory + ": " + e.getMessage());
            }
        }
    }

    /** Removes a directory and all that is in it, also what still comes while that is done. */
    public static void deleteTree(Path top) throws IOException {
        for (int attempt = 1; ; attempt++) {
            try {
                deleteTreeOnce(top);
                return;
            } catch (DirectoryNotEmptyException e) {
                if (attempt == REMOVE_ATTEMPTS) {
                    throw e;
                }
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(REMOVE_PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void deleteTreeOnce(Path top) throws IOException {
        Files.walkFileTree(top, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                if (failure instanceof NoSuchFileException) {
                    return FileVisitResult.CONTINUE;
                }
                throw failure;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
                    throws IOException {
                Files.deleteIfExists(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
