package org.replicationserver.agent;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * A source device or image, opened when it is read and closed between epochs, so that a mark command may replace what is behind its
 * path. Reads come from reader threads, any number at once.
 *
 * <p>Block devices are read with O_DIRECT: the file system on a device writes past the device's own page cache, which would go on
 * to show what was read in an earlier cycle.
 */
final class DiskFile {
    /** What the JDK asks for as alignment of a direct read; also fits devices with blocks of 512 bytes. */
    static final int ALIGNMENT_BYTES = 4096;

    private static final OpenOption DIRECT = direct();

    private final Path path;
    private final long sizeBytes;
    private final boolean device;

    // any reader thread, under the lock of this
    private @Nullable FileChannel channel;

    private DiskFile(Path path, long sizeBytes, boolean device) {
        this.path = path;
        this.sizeBytes = sizeBytes;
        this.device = device;
    }

    /** Looks at the disk and closes it again. */
    static DiskFile inspect(Path path) throws IOException {
        BasicFileAttributes attributes = attributesOf(path);
        if (attributes.isDirectory()) {
            throw new IOException(path + " is a directory, allowed are block devices and image files");
        }
        DiskFile file;
        try (FileChannel opened = FileChannel.open(path, StandardOpenOption.READ)) {
            file = new DiskFile(path, opened.size(), attributes.isOther());
        }
        if (file.sizeBytes == 0 || file.sizeBytes % ProtocolLimits.SECTOR_BYTES != 0) {
            throw new IOException(path + " has " + file.sizeBytes + " bytes, allowed are multiples of "
                    + ProtocolLimits.SECTOR_BYTES + " above 0");
        }
        return file;
    }

    private static BasicFileAttributes attributesOf(Path path) throws IOException {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class);
        } catch (NoSuchFileException e) {
            throw new IOException(path + " does not exist", e);
        }
    }

    long sizeBytes() {
        return sizeBytes;
    }

    Path path() {
        return path;
    }

    /** Reads into {@code buffer}, which begins aligned and has room up to the next multiple of the alignment; flips it. */
    void read(long offsetBytes, int bytes, ByteBuffer buffer) throws IOException {
        FileChannel source = open();
        int aligned = (bytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
        buffer.clear().limit(device ? aligned : bytes);
        while (buffer.position() < bytes) {
            int n = source.read(buffer, offsetBytes + buffer.position());
            if (n < 0) {
                throw new EOFException(path + " ends at or before byte " + (offsetBytes + buffer.position())
                        + ", it had " + sizeBytes + " bytes at the start");
            }
        }
        buffer.position(0).limit(bytes);
    }

    /** Closes the file; the next read opens it again. */
    synchronized void close() throws IOException {
        FileChannel open = channel;
        channel = null;
        if (open != null) {
            open.close();
        }
    }

    private synchronized FileChannel open() throws IOException {
        FileChannel open = channel;
        if (open == null) {
            open = device
                    ? FileChannel.open(path, StandardOpenOption.READ, DIRECT)
                    : FileChannel.open(path, StandardOpenOption.READ);
            channel = open;
        }
        return open;
    }

    /** 4096 for a device with such logical blocks, 512 for every other and for images. */
    int blockSizeBytes() throws IOException {
        Path name = path.toRealPath().getFileName();
        Path queue = Path.of("/sys/class/block", String.valueOf(name), "queue/logical_block_size");
        boolean known = device && Files.isReadable(queue);
        return known && Files.readString(queue).strip().equals("4096") ? ALIGNMENT_BYTES : ProtocolLimits.SECTOR_BYTES;
    }

    /** ExtendedOpenOption.DIRECT of the JDK's module jdk.unsupported; javac warns wherever it is named. */
    private static OpenOption direct() {
        try {
            for (Object constant :
                    Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants()) {
                if (constant instanceof OpenOption option && option.toString().equals("DIRECT")) {
                    return option;
                }
            }
        } catch (ClassNotFoundException e) {
            throw new ExceptionInInitializerError(e);
        }
        throw new ExceptionInInitializerError("this JDK has no option for direct reads");
    }
}
