package org.replicationserver.volume;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
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
 * one thread, {@code state-writer}, in order.
 *
 * <p>A record is the file {@code <name>.json}, replaced whole. A reader, also one after a power loss, finds the old
 * content or the new one, never a mixture. Beside the records there are only the lock file and, while one is being
 * stored, a temporary file.
 *
 * <p>Invariants: stores end in the order in which they were asked for, none is left out; after the first that failed
 * no other succeeds, because what is on the disk is then unknown.
 */
public final class StateDirectory implements AutoCloseable {
    public static final int RECORD_BYTES_MAX = 1024 * 1024;

    /** More than every source server of a full machine storing at once. */
    static final int STORES_QUEUED_MAX = 1024;

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

    // state-writer only
    private @Nullable Throwable failure;

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
                Thread.ofPlatform().name("state-writer").daemon().factory());
    }

    /**
     * Opens the directory, making it if there is none, and removes what an interrupted store left.
     *
     * @param onFailure told once, on the state-writer thread, of the first store that failed, before that store's
     *     stage is; the server ends the process then
     * @throws IOException also when another server has it open
     */
    public static StateDirectory open(Path directory, Consumer<Throwable> onFailure) throws IOException {
        makeDirectory(directory);
        LinuxFile lock = LinuxFile.open(directory.resolve(LOCK_NAME), Linux.O_RDWR | Linux.O_CREAT, FILE_MODE);
        try {
            if (!lock.tryLock()) {
                throw new IOException("state directory is in use by another server: path=" + directory);
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

    /** The names of all records. */
    public SortedSet<String> names() throws IOException {
        SortedSet<String> names = new TreeSet<>();
        try (DirectoryStream<Path> records = Files.newDirectoryStream(directory, "*" + RECORD_SUFFIX)) {
            for (Path record : records) {
                String fileName = String.valueOf(record.getFileName());
                names.add(fileName.substring(0, fileName.length() - RECORD_SUFFIX.length()));
            }
        }
        return names;
    }

    /**
     * Stores a record after those asked for before.
     *
     * @return done, on the state-writer thread, when the content survives a power loss
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
        stateWriter.execute(() -> storeAndTell(name, copy, stored));
        return stored.minimalCompletionStage();
    }

    private void storeAndTell(String name, byte[] content, CompletableFuture<Void> stored) {
        if (failure == null) {
            try {
                write(name, content);
                stored.complete(null);
                return;
            } catch (IOException | RuntimeException | Error e) {
                failure = e;
                tellFailure(e);
            }
        }
        stored.completeExceptionally(failure);
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

    /** Waits until everything asked for is stored, then lets another server have the directory. */
    @Override
    public void close() throws IOException {
        stateWriter.shutdown();
        boolean interrupted = false;
        boolean drained = false;
        while (!drained) {
            try {
                drained = stateWriter.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        lock.close();
    }
}
