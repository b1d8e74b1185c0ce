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
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * A source device or image, open for as long as an epoch is read, so that a mark command may replace what is behind its path in
 * between. Opened and closed by one thread; reads come from reader threads, any number at once, and only while it is open.
 *
 * <p>Block devices are read with O_DIRECT: the file system on a device writes past the device's own page cache, which would go on
 * to show what was read in an earlier cycle.
 */
final class DiskFile {
    /** What the JDK asks for as alignment of a direct read; also fits devices with blocks of 512 bytes. */
    static final int ALIGNMENT_BYTES = 4096;

    private static final OpenOption DIRECT = direct();

    /** The file type in st_mode, of which block devices and regular files are wanted. */
    private static final int TYPE_MASK = 0170000;

    private static final int TYPE_BLOCK_DEVICE = 0060000;
    private static final int TYPE_REGULAR = 0100000;

    private record Opened(FileChannel channel, boolean direct) {}

    private final Path path;

    /** At the first look. */
    private final DiskLook first;

    // written by the thread that opens and closes, read by reader threads
    private volatile @Nullable Opened opened;

    private DiskFile(Path path, DiskLook first) {
        this.path = path;
        this.first = first;
    }

    /** Looks at the disk and closes it again. */
    static DiskFile inspect(Path path) throws IOException {
        return new DiskFile(path, lookAt(path));
    }

    /** Looks at the disk as it is now, and closes it again; does not disturb reads. Any thread. */
    DiskLook look() {
        try {
            return lookAt(path);
        } catch (IOException | RuntimeException e) {
            return DiskLook.unreadable(String.valueOf(e.getMessage()));
        }
    }

    private static DiskLook lookAt(Path path) throws IOException {
        boolean device = isDevice(path);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return lookAt(path, channel, device);
        }
    }

    private static DiskLook lookAt(Path path, FileChannel channel, boolean device) throws IOException {
        long sizeBytes = channel.size();
        if (sizeBytes == 0
                || sizeBytes % ProtocolLimits.SECTOR_BYTES != 0
                || sizeBytes > ProtocolLimits.DISK_BYTES_MAX) {
            throw new IOException(path + " has " + sizeBytes + " bytes, allowed are multiples of "
                    + ProtocolLimits.SECTOR_BYTES + " above 0, up to " + ProtocolLimits.DISK_BYTES_MAX + " (64 TiB)");
        }
        return DiskLook.readable(sizeBytes, device ? blockSizeOf(path) : ProtocolLimits.SECTOR_BYTES);
    }

    /** Asked before the file is opened: opening a pipe would wait for somebody who writes to it. */
    private static boolean isDevice(Path path) throws IOException {
        int type = typeOf(path);
        if (type != TYPE_BLOCK_DEVICE && type != TYPE_REGULAR) {
            throw new IOException(path + " is neither a block device nor an image file");
        }
        return type == TYPE_BLOCK_DEVICE;
    }

    private static int typeOf(Path path) throws IOException {
        try {
            return (int) Files.getAttribute(path, "unix:mode") & TYPE_MASK;
        } catch (NoSuchFileException e) {
            throw new IOException(path + " does not exist", e);
        }
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
        return path;
    }

    /** Opens it for reads; says what it is now, which may be of another size than it was. */
    DiskLook open() throws IOException {
        boolean direct = isDevice(path);
        FileChannel channel = direct
                ? FileChannel.open(path, StandardOpenOption.READ, DIRECT)
                : FileChannel.open(path, StandardOpenOption.READ);
        try {
            DiskLook now = lookAt(path, channel, direct);
            opened = new Opened(channel, direct);
            return now;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Reads into {@code buffer}, which begins aligned and has room up to the next multiple of the alignment; flips it. */
    void read(long offsetBytes, int bytes, ByteBuffer buffer) throws IOException {
        Opened source = opened;
        if (source == null) {
            throw new IllegalStateException("it is not open");
        }
        int aligned = (bytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
        buffer.clear().limit(source.direct() ? aligned : bytes);
        while (buffer.position() < bytes) {
            int n = source.channel().read(buffer, offsetBytes + buffer.position());
            if (n < 0) {
                throw new EOFException(
                        path + " ends at or before byte " + (offsetBytes + buffer.position()) + ", it was longer");
            }
        }
        buffer.position(0).limit(bytes);
    }

    /** No read is under way. */
    void close() throws IOException {
        Opened source = opened;
        opened = null;
        if (source != null) {
            source.channel().close();
        }
    }

    /** 4096 for a device with such logical blocks, 512 for every other. */
    private static int blockSizeOf(Path device) throws IOException {
        Path name = device.toRealPath().getFileName();
        Path queue = Path.of("/sys/class/block", String.valueOf(name), "queue/logical_block_size");
        boolean large =
                Files.isReadable(queue) && Files.readString(queue).strip().equals("4096");
        return large ? ALIGNMENT_BYTES : ProtocolLimits.SECTOR_BYTES;
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
