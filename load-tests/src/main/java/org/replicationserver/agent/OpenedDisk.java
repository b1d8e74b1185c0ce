package org.replicationserver.agent;

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
 * What came of opening a disk. Immutable.
 *
 * <p>Block devices are read with O_DIRECT: the file system on a device writes past the device's own page cache, which would go on
 * to show what was read in an earlier cycle.
 *
 * @param look what it is, or why it cannot be read
 * @param channel to read from, which whoever has this closes; null if there is none, or it is closed
 * @param direct whether buffers and lengths of reads must be aligned
 */
record OpenedDisk(DiskLook look, @Nullable FileChannel channel, boolean direct) {
    /** What the JDK asks for as alignment of a direct read; also fits devices with blocks of 512 bytes. */
    static final int ALIGNMENT_BYTES = 4096;

    private static final OpenOption DIRECT = directOption();

    /** The file type in st_mode, of which block devices and regular files are wanted. */
    private static final int TYPE_MASK = 0170000;

    private static final int TYPE_BLOCK_DEVICE = 0060000;
    private static final int TYPE_REGULAR = 0100000;

    static OpenedDisk closed(DiskLook look) {
        return new OpenedDisk(look, null, false);
    }

    /** Opens a device or an image, and reads its begin. Blocks, for ever if the disk does not answer. */
    static OpenedDisk open(Path path) throws IOException {
        boolean device = isDevice(path);
        FileChannel channel = device
                ? FileChannel.open(path, StandardOpenOption.READ, DIRECT)
                : FileChannel.open(path, StandardOpenOption.READ);
        try {
            return new OpenedDisk(lookAt(path, channel, device), channel, device);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** The same, closed. */
    OpenedDisk close() throws IOException {
        FileChannel open = channel;
        if (open != null) {
            open.close();
        }
        return closed(look);
    }

    private static DiskLook lookAt(Path path, FileChannel channel, boolean device) throws IOException {
        long sizeBytes = channel.size();
        if (sizeBytes == 0
                || sizeBytes % ProtocolLimits.SECTOR_BYTES != 0
                || sizeBytes > ProtocolLimits.DISK_BYTES_MAX) {
            throw new IOException(path + " has " + sizeBytes + " bytes, allowed are multiples of "
                    + ProtocolLimits.SECTOR_BYTES + " above 0, up to " + ProtocolLimits.DISK_BYTES_MAX + " (64 TiB)");
        }
        // A device that is stuck may be opened, and hang only then.
        channel.read(ByteBuffer.allocateDirect(2 * ALIGNMENT_BYTES).alignedSlice(ALIGNMENT_BYTES), 0);
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

    /** 4096 for a device with such logical blocks, 512 for every other. */
    private static int blockSizeOf(Path device) throws IOException {
        Path name = device.toRealPath().getFileName();
        Path queue = Path.of("/sys/class/block", String.valueOf(name), "queue/logical_block_size");
        boolean large =
                Files.isReadable(queue) && Files.readString(queue).strip().equals("4096");
        return large ? ALIGNMENT_BYTES : ProtocolLimits.SECTOR_BYTES;
    }

    /** ExtendedOpenOption.DIRECT of the JDK's module jdk.unsupported; javac warns wherever it is named. */
    private static OpenOption directOption() {
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
