package org.replicationserver.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Child processes to end and files to remove, in reverse order, when the run is over or the process is told to stop. Any thread.
 */
public final class Cleanup implements AutoCloseable {
    private final Deque<Runnable> steps = new ArrayDeque<>();
    private final Thread hook = Thread.ofPlatform().name("cleanup").unstarted(this::runAll);

    public Cleanup() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    public synchronized void add(Runnable step) {
        steps.push(step);
    }

    /** Makes a directory of a name that nobody else uses, to be removed with all that is in it. */
    public Path directory(Path parent) throws RunException {
        try {
            Path directory = Files.createTempDirectory(parent, "replication-server-");
            add(() -> deleteTree(directory));
            return directory;
        } catch (IOException e) {
            throw new RunException("cannot make a directory in " + parent + ": " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        runAll();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is stopping already; the hook finds nothing left to do.
        }
    }

    private synchronized void runAll() {
        while (!steps.isEmpty()) {
            try {
                steps.pop().run();
            } catch (RuntimeException e) {
                System.err.println("cannot clean up: " + e.getMessage());
            }
        }
    }

    public static void deleteTree(Path top) {
        try {
            Files.walkFileTree(top, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.delete(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
                        throws IOException {
                    Files.delete(directory);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (NoSuchFileException e) {
            // Somebody was faster.
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
