package org.replicationserver.volume;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Small records by name, each as durable as a block once its store is done. Any thread; the storing itself is done on
 * one thread, {@code state-writer-<directory>}, in order.
 *
 * <p>A record is the file {@code <name>.json}, replaced whole. A reader, also one after a power loss, finds the old
 * content or the new one, never a mixture. Beside the records there are only the lock file and, while one is being
 * stored, a temporary file.
 *
 * <p>Invariants: stores of a name end in the order in which they were asked for; one that waits takes newer content of
 * its name along, so that nobody can make others wait by storing often; after the first that failed no other succeeds,
 * because what is on the disk is then unknown.
 */
public final class StateDirectory implements AutoCloseable {
    public static final int RECORD_BYTES_MAX = 1024 * 1024;

    /** Names that can wait at once: more than every source server of a full machine. */
    static final int STORES_QUEUED_MAX = 1024;

    private static final long CLOSE_TIMEOUT_SECONDS = 20;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,128}");
    private static final String RECORD_SUFFIX = ".json";
    private static final String TEMPORARY_SUFFIX = ".json.tmp";
    private static final String LOCK_NAME = "lock";
    private static final int FILE_MODE = 0600;
    private static final String DIRECTORY_MODE = "rwx------";

    // any thread
    private final Path directory;
    private final Consumer<Throwable> onFailure;
    private final LinuxFile lock;
    private final ThreadPoolExecutor stateWriter;

    /** What waits for the state-writer, by name; under its own lock. */
    private final Map<String, Waiting> waiting = new HashMap<>();

    // state-writer only
    private @Nullable Throwable failure;

    /** Somebody else has the directory open. */
    public static final class InUseException extends IOException {
        private static final long serialVersionUID = 1;

        InUseException(String message) {
            super(message);
        }
    }

    /** The newest content of a record, and all who wait for it or for older content that it replaced, in order. */
    private static final class Waiting {
        final List<CompletableFuture<Void>> stored = new ArrayList<>();
        byte[] content;

        Waiting(byte[] content) {
            this.content = content;
        }
    }

    private StateDirectory(Path directory, LinuxFile lock, Consumer<Throwable> onFailure) {
        this.directory = directory;
        this.lock = lock;
        this.onFailure = onFailure;
        this.stateWriter = new ThreadPoolExecutor(
                1,
                1,
                0,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(STORES_QUEUED_MAX),
                Thread.ofPlatform()
                        .name("state-writer-" + directory.getFileName())
                        .daemon()
                        .factory());
    }

    /**
     * Opens the directory, making it if there is none, and removes what an interrupted store left.
     *
     * @param onFailure told once, on the state-writer thread, of the first store that failed, before that store's
     *     stage is
     * @throws InUseException when another server has it open
     * @throws IOException when it cannot be made or used
     */
    public static StateDirectory open(Path directory, Consumer<Throwable> onFailure) throws IOException {
        makeDirectory(directory);
        LinuxFile lock = LinuxFile.open(directory.resolve(LOCK_NAME), Linux.O_RDWR | Linux.O_CREAT, FILE_MODE);
        try {
            if (!lock.tryLock()) {
                throw new InUseException("state directory is in use by another server: path=" + directory);
            }
            removeTemporaries(directory);
            return new StateDirectory(directory, lock, onFailure);
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    private static void makeDirectory(Path directory) throws IOException {
        Set<PosixFilePermission> mode = PosixFilePermissions.fromString(DIRECTORY_MODE);
        if (!Files.isDirectory(directory)) {
            Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(mode));
            Path parent = directory.toAbsolutePath().getParent();
            if (parent != null) {
                LinuxFile.syncDirectory(parent);
            }
        }
        Files.setPosixFilePermissions(directory, mode);
    }

    /** Under the lock, so none of them can be another server's. */
    private static void removeTemporaries(Path directory) throws IOException {
        try (DirectoryStream<Path> left = Files.newDirectoryStream(directory, "*" + TEMPORARY_SUFFIX)) {
            for (Path temporary : left) {
                Files.delete(temporary);
            }
        }
    }

    /**
     * The content of a record as it was last renamed into place; empty when there is no such record.
     *
     * @throws IOException when there is one that cannot be read, or that is larger than any that was stored here
     */
    public Optional<byte[]> load(String name) throws IOException {
        return load(directory, name);
    }

    /** The same of a directory that nobody need have open. */
    public static Optional<byte[]> load(Path directory, String name) throws IOException {
        Path file = directory.resolve(requireName(name) + RECORD_SUFFIX);
        try (InputStream content = Files.newInputStream(file)) {
            byte[] bytes = content.readNBytes(RECORD_BYTES_MAX + 1);
            if (bytes.length > RECORD_BYTES_MAX) {
                throw new IOException("record is too large: path=" + file + " bytesMax=" + RECORD_BYTES_MAX);
            }
            return Optional.of(bytes);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /**
     * As {@link #load}, after the stores that were asked for before; for a thread that must not wait.
     *
     * @return done on the state-writer thread; fails as {@link #load} does
     * @throws RejectedExecutionException as {@link #store}
     */
    public CompletionStage<Optional<byte[]>> loadLater(String name) {
        requireName(name);
        CompletableFuture<Optional<byte[]>> loaded = new CompletableFuture<>();
        stateWriter.execute(() -> {
            try {
                loaded.complete(load(name));
            } catch (IOException | RuntimeException e) {
                loaded.completeExceptionally(e);
            }
        });
        return loaded.minimalCompletionStage();
    }

    /**
     * Stores a record.
     *
     * @return done, on the state-writer thread, when this content or a newer of the name survives a power loss
     * @throws RejectedExecutionException when closed, or when more wait than servers can ask for
     */
    public CompletionStage<Void> store(String name, byte[] content) {
        requireName(name);
        if (content.length > RECORD_BYTES_MAX) {
            throw new IllegalArgumentException(
                    "record is too large: name=" + name + " bytes=" + content.length + " bytesMax=" + RECORD_BYTES_MAX);
        }
        byte[] copy = content.clone();
        CompletableFuture<Void> stored = new CompletableFuture<>();
        synchronized (waiting) {
            Waiting waits = waiting.get(name);
            if (waits == null) {
                waits = new Waiting(copy);
                stateWriter.execute(() -> storeNewest(name));
                waiting.put(name, waits);
            }
            waits.content = copy;
            waits.stored.add(stored);
        }
        return stored.minimalCompletionStage();
    }

    private void storeNewest(String name) {
        Waiting waits;
        synchronized (waiting) {
            waits = waiting.remove(name);
        }
        if (waits == null) {
            throw new IllegalStateException("nothing waits to be stored: name=" + name);
        }
        if (failure == null) {
            try {
                write(name, waits.content);
            } catch (IOException | RuntimeException | Error e) {
                failure = e;
                tellFailure(e);
            }
        }
        for (CompletableFuture<Void> stored : waits.stored) {
            if (failure == null) {
                stored.complete(null);
            } else {
                stored.completeExceptionally(failure);
            }
        }
    }

    private void tellFailure(Throwable cause) {
        try {
            onFailure.accept(cause);
        } catch (RuntimeException | Error e) {
            cause.addSuppressed(e);
        }
    }

    /**
     * The steps, in the order that a crash between any two of them asks for:
     * <ol>
     *   <li>the content into a temporary file: the record itself is still the old one;
     *   <li>its data to the disk, before the name: otherwise the name could outlive the power loss and the data not;
     *   <li>the name, in one step;
     *   <li>the directory to the disk: otherwise the old record could come back after the store was told.
     * </ol>
     */
    private void write(String name, byte[] content) throws DeviceException {
        Path temporary = directory.resolve(name + TEMPORARY_SUFFIX);
        Path file = directory.resolve(name + RECORD_SUFFIX);
        int flags = Linux.O_WRONLY | Linux.O_CREAT | Linux.O_TRUNC;
        try (LinuxFile target = LinuxFile.open(temporary, flags, FILE_MODE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(content.length, 1));
            MemorySegment.copy(MemorySegment.ofArray(content), 0, bytes, 0, content.length);
            target.writeFully(bytes.asSlice(0, content.length), 0);
            target.fdatasync();
        }
        LinuxFile.rename(temporary, file);
        LinuxFile.syncDirectory(directory);
    }

    private static String requireName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("record name does not match " + NAME + ": length=" + name.length());
        }
        return name;
    }

    /**
     * Waits until everything asked for is stored, then lets another server have the directory.
     *
     * @throws IOException when the disk takes longer than 20 s; the directory stays locked then until the process ends
     */
    @Override
    public void close() throws IOException {
        stateWriter.shutdown();
        try {
            if (!stateWriter.awaitTermination(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                throw new IOException(
                        "not all records were stored within " + CLOSE_TIMEOUT_SECONDS + " s: path=" + directory);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while records are stored: path=" + directory);
        }
        lock.close();
    }
}
