package org.replicationserver.agent;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A source device or image, open for as long as an epoch is read, so that a mark command may replace what is behind its path in
 * between. Used and closed by one thread; reads come from reader threads, any number at once, and only while it is open.
 */
final class DiskFile {
    /** Of the buffers of reads. */
    static final int ALIGNMENT_BYTES = OpenedDisk.ALIGNMENT_BYTES;

    private final DiskOpening opening;

    /** At the first look. */
    private final DiskLook first;

    // written by the thread that uses and closes, read by reader threads
    private volatile @Nullable OpenedDisk opened;

    private DiskFile(DiskOpening opening, DiskLook first) {
        this.opening = opening;
        this.first = first;
    }

    /** Looks at the disk and closes it again. */
    static DiskFile inspect(Path path) throws IOException {
        return inspect(new DiskOpening(path));
    }

    /** The same of a disk that is opened in another way. */
    static DiskFile inspect(DiskOpening opening) throws IOException {
        DiskLook first = opening.look().join();
        if (first.failure() != null) {
            throw new IOException(first.failure());
        }
        return new DiskFile(opening, first);
    }

    /** Looks at the disk as it is now, within {@link DiskOpening#PATIENCE}; does not disturb reads. Never fails. Any thread. */
    CompletableFuture<DiskLook> look() {
        return opening.look();
    }

    /** The size at the first look. */
    long sizeBytes() {
        return first.sizeBytes();
    }

    /** At the first look; whose multiples are written cheapest: 4096 or 512. */
    int blockSizeBytes() {
        return first.blockSizeBytes();
    }

    Path path() {
        return opening.path();
    }

    /** Opens it, for {@link #use}, within {@link DiskOpening#PATIENCE}; it may be of another size than it was. Never fails. Any thread. */
    CompletableFuture<OpenedDisk> open() {
        return opening.open();
    }

    /** Opens it and uses it. */
    void openAndUse() throws IOException {
        OpenedDisk now = open().join();
        String failure = now.look().failure();
        if (failure != null) {
            throw new IOException(failure);
        }
        use(now);
    }

    /** Reads come from this from now on. */
    void use(OpenedDisk newOpened) {
        opened = newOpened;
    }

    /** Reads into {@code buffer}, which begins aligned and has room up to the next multiple of the alignment; flips it. */
    void read(long offsetBytes, int bytes, ByteBuffer buffer) throws IOException {
        OpenedDisk source = opened;
        FileChannel channel = source == null ? null : source.channel();
        if (source == null || channel == null) {
            throw new IllegalStateException("it is not open");
        }
        int aligned = (bytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
        buffer.clear().limit(source.direct() ? aligned : bytes);
        while (buffer.position() < bytes) {
            int n = channel.read(buffer, offsetBytes + buffer.position());
            if (n < 0) {
                throw new EOFException(
                        path() + " ends at or before byte " + (offsetBytes + buffer.position()) + ", it was longer");
            }
        }
        buffer.position(0).limit(bytes);
    }

    /** No read is under way. */
    void close() throws IOException {
        OpenedDisk source = opened;
        opened = null;
        if (source != null) {
            source.close();
        }
    }
}
