package org.replicationserver.receiver.control;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A file of the outbox: a head, then entries. Its thread only.
 *
 * <pre>
 * offset bytes
 *      0     8  "RSOUTBX1"
 *      8    16  outbox id
 *     24     4  CRC32C of the above
 * </pre>
 *
 * <p>Only the newest file is appended to; others are shortened by being replaced whole.
 */
final class OutboxSegment {
    static final int BYTES_MAX = 1 << 20;
    static final int HEAD_BYTES = 28;

    private static final byte[] MAGIC = "RSOUTBX1".getBytes(StandardCharsets.US_ASCII);
    private static final int ID_BYTES = 16;
    private static final int CHECKED_BYTES = MAGIC.length + ID_BYTES;

    final Path file;
    final String outboxId;

    /** Those that are still to be sent, in order. */
    ArrayDeque<OutboxEntry> waiting = new ArrayDeque<>();

    long lengthBytes;

    OutboxSegment(Path file, String outboxId, long lengthBytes) {
        this.file = file;
        this.outboxId = outboxId;
        this.lengthBytes = lengthBytes;
    }

    static ByteBuffer head(String outboxId) {
        ByteBuffer head =
                ByteBuffer.allocate(HEAD_BYTES).put(MAGIC).put(HexFormat.of().parseHex(outboxId));
        return head.putInt(headChecksum(head)).flip();
    }

    private static int headChecksum(ByteBuffer head) {
        CRC32C checksum = new CRC32C();
        checksum.update(head.array(), head.arrayOffset(), CHECKED_BYTES);
        return (int) checksum.getValue();
    }

    /** Those that wait, and a head. */
    long neededBytes() {
        return HEAD_BYTES + waiting.stream().mapToLong(OutboxEntry::lengthBytes).sum();
    }

    /** Bytes that are of no use any more. */
    long deadBytes() {
        return lengthBytes - neededBytes();
    }

    /**
     * What a file holds.
     *
     * @param outboxId null if its head is not whole; then nothing is
     * @param wholeBytes up to where it is as it was written
     */
    record Content(@Nullable String outboxId, List<OutboxEntry> entries, long wholeBytes, long sizeBytes) {
        boolean isWhole() {
            return wholeBytes == sizeBytes;
        }
    }

    static Content scan(OutboxDisk disk, Path file) throws IOException {
        ByteBuffer bytes = disk.read(file, 0, BYTES_MAX);
        long sizeBytes = Files.size(file);
        if (bytes.limit() < HEAD_BYTES || !isHead(bytes)) {
            return new Content(null, List.of(), 0, sizeBytes);
        }
        byte[] id = new byte[ID_BYTES];
        bytes.get(MAGIC.length, id);
        List<OutboxEntry> entries = new ArrayList<>();
        bytes.position(HEAD_BYTES);
        OutboxEntry.Decoded decoded = OutboxEntry.decode(bytes, HEAD_BYTES);
        while (decoded != null) {
            entries.add(decoded.entry());
            decoded = OutboxEntry.decode(bytes, bytes.position());
        }
        return new Content(HexFormat.of().formatHex(id), entries, bytes.position(), sizeBytes);
    }

    private static boolean isHead(ByteBuffer bytes) {
        byte[] magic = new byte[MAGIC.length];
        bytes.get(0, magic);
        return Arrays.equals(magic, MAGIC) && bytes.getInt(CHECKED_BYTES) == headChecksum(bytes);
    }

    /**
     * The report of an entry of this file.
     *
     * @throws IOException if the disk does not give it back now; what it holds is not known
     */
    Report read(OutboxDisk disk, OutboxEntry entry) throws IOException, DamagedEntryException {
        return decode(entry, readBytes(disk, entry));
    }

    /** An entry of this file as it was written, as {@link #read} reads it. */
    ByteBuffer readRaw(OutboxDisk disk, OutboxEntry entry) throws IOException, DamagedEntryException {
        ByteBuffer raw = readBytes(disk, entry);
        decode(entry, raw.duplicate());
        return raw;
    }

    private ByteBuffer readBytes(OutboxDisk disk, OutboxEntry entry) throws IOException, DamagedEntryException {
        try {
            return disk.read(file, entry.offsetBytes(), entry.lengthBytes());
        } catch (NoSuchFileException e) {
            throw damaged(entry);
        }
    }

    private Report decode(OutboxEntry entry, ByteBuffer raw) throws DamagedEntryException {
        OutboxEntry.Decoded decoded = OutboxEntry.decode(raw, entry.offsetBytes());
        if (decoded == null || decoded.entry().sequence() != entry.sequence()) {
            throw damaged(entry);
        }
        return decoded.report();
    }

    private DamagedEntryException damaged(OutboxEntry entry) {
        return new DamagedEntryException("entry of the outbox is damaged: path=" + file + " offset="
                + entry.offsetBytes() + " sequence=" + entry.sequence());
    }
}
