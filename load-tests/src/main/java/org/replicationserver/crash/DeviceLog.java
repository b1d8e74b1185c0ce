package org.replicationserver.crash;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * A log of what a device was told, in the format of dm-log-writes, version 1. All numbers are little-endian, sectors are of the size that the
 * first one says:
 *
 * <pre>
 * sector 0     magic u64, version u64, entries u64, sector size u32
 * each entry   sector u64, sectors u64, flags u64, data length u64; to the end of its sector
 *              the data that was written, in so many sectors; none with DISCARD, or when there are none
 * </pre>
 *
 * <p>The count of entries is written before a flush is answered, and otherwise lags.
 */
final class DeviceLog {
    private static final long MAGIC = 0x6a736677736872L;
    private static final long VERSION = 1;
    private static final int SUPERBLOCK_BYTES = 28;
    private static final int ENTRIES_AT = 16;
    private static final int ENTRY_BYTES = 32;
    private static final long FLAG_FLUSH = 1;
    private static final long FLAG_DISCARD = 4;

    /** A write, or a flush, which has no data. */
    static final class Entry {
        private final long offsetBytes;
        private final byte[] data;
        private final boolean flush;

        private Entry(long offsetBytes, byte[] data, boolean flush) {
            this.offsetBytes = offsetBytes;
            this.data = data;
            this.flush = flush;
        }

        boolean isFlush() {
            return flush;
        }

        int lengthBytes() {
            return data.length;
        }

        /** Writes a part of it to an image. */
        void apply(byte[] image, int begin, int bytes) {
            System.arraycopy(data, begin, image, (int) offsetBytes + begin, bytes);
        }
    }

    private DeviceLog() {}

    /** How many entries are certainly there. Any thread, while the device is in use. */
    static long entries(FileChannel log) throws IOException {
        ByteBuffer superblock = read(log, 0, SUPERBLOCK_BYTES);
        return superblock.getLong(ENTRIES_AT);
    }

    /**
     * All entries.
     *
     * @throws IOException also if it is no such log
     * @throws AssertionError if the device was told to discard, which promises nothing of what it holds then
     */
    static List<Entry> read(Path file) throws IOException {
        try (FileChannel log = FileChannel.open(file, StandardOpenOption.READ)) {
            if (entries(log) == 0) {
                return List.of();
            }
            ByteBuffer superblock = read(log, 0, SUPERBLOCK_BYTES);
            long magic = superblock.getLong();
            long version = superblock.getLong();
            long count = superblock.getLong();
            int sectorBytes = superblock.getInt();
            if (magic != MAGIC || version != VERSION || sectorBytes < ENTRY_BYTES) {
                throw new IOException(String.format(
                        "no log of writes: path=%s magic=%x version=%d sectorBytes=%d",
                        file, magic, version, sectorBytes));
            }
            List<Entry> entries = new ArrayList<>();
            long at = sectorBytes;
            for (long i = 0; i < count; i++) {
                ByteBuffer header = read(log, at, ENTRY_BYTES);
                long sector = header.getLong();
                long sectors = header.getLong();
                long flags = header.getLong();
                at += sectorBytes;
                if ((flags & FLAG_DISCARD) != 0) {
                    throw new AssertionError("a discard, which no volume may be told: path=" + file + " entry=" + i);
                }
                byte[] data =
                        read(log, at, Math.toIntExact(sectors * sectorBytes)).array();
                at += data.length;
                entries.add(new Entry(sector * sectorBytes, data, (flags & FLAG_FLUSH) != 0));
            }
            return entries;
        }
    }

    private static ByteBuffer read(FileChannel log, long at, int bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (log.read(buffer, at + buffer.position()) < 0) {
                if (at == 0) {
                    break; // not begun yet: all zeros
                }
                throw new IOException("the log of writes is cut off at byte " + (at + buffer.position()));
            }
        }
        return buffer.clear();
    }
}
