package org.replicationserver.receiver.control;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32C;
import org.replicationserver.fuzz.FuzzTarget;
import org.replicationserver.fuzz.Rules;
import org.replicationserver.process.Cleanup;

/**
 * The files of an outbox as a start finds them: up to the first NUL that is followed by "RSOUTBX1" the position, then files of which the
 * second begins at the next such place. An odd first byte says that their checksums are made right.
 *
 * <p>Rules: whatever is there, the outbox opens; what it has read is sent as it was written, in an order that grows; a second start finds
 * the same.
 */
public final class OutboxFiles implements FuzzTarget {
    private static final byte[] MAGIC = {0, 'R', 'S', 'O', 'U', 'T', 'B', 'X', '1'};
    private static final int FILES_MAX = 3;
    private static final int FRAME_BYTES = 8;
    private static final long BYTES_MAX = 8 << 20;

    private final Path directory;
    private final OutboxDisk disk = new UnforcedDisk();

    /** With files in a directory of its own. */
    public OutboxFiles(Path directory) {
        this.directory = directory.resolve("outbox");
    }

    /** What survives a power loss is not looked at here, and would cost the time. */
    private static final class UnforcedDisk extends OutboxDisk {
        @Override
        void syncDirectory(Path synced) {}
    }

    @Override
    public long allocatedBytesMax(int inputBytes) {
        // A file is read whole, into a buffer of the largest; each start reads each file.
        return 2 * (FILES_MAX + 1) * (long) OutboxSegment.BYTES_MAX
                + 2 * ALLOCATED_BYTES_MIN
                + ALLOCATED_PER_BYTE * inputBytes;
    }

    @Override
    public void run(byte[] input) throws Exception {
        if (input.length == 0) {
            return;
        }
        if (Files.exists(directory)) {
            Cleanup.deleteTree(directory);
        }
        Files.createDirectories(directory);
        write(Arrays.copyOfRange(input, 1, input.length), input[0] % 2 != 0);
        long waiting = sentAndLeft();
        Rules.require(waiting == sentAndLeft(), "a second start finds what the first did");
    }

    private void write(byte[] bytes, boolean sealed) throws IOException {
        int from = next(bytes, 0);
        if (from > 0) {
            Files.write(directory.resolve(OutboxPosition.FILE_NAME), Arrays.copyOf(bytes, from));
        }
        for (int number = 1; from < bytes.length && number <= FILES_MAX; number++) {
            int end = next(bytes, from + 1);
            byte[] file = Arrays.copyOfRange(bytes, from + 1, end);
            if (sealed) {
                seal(file);
            }
            Files.write(directory.resolve(OutboxLoad.nameOf(number)), file);
            from = end;
        }
    }

    private static int next(byte[] bytes, int from) {
        for (int at = from; at <= bytes.length - MAGIC.length; at++) {
            if (Arrays.equals(bytes, at, at + MAGIC.length, MAGIC, 0, MAGIC.length)) {
                return at;
            }
        }
        return bytes.length;
    }

    private static void seal(byte[] file) {
        ByteBuffer bytes = ByteBuffer.wrap(file);
        if (file.length < OutboxSegment.HEAD_BYTES) {
            return;
        }
        int headCrcAt = OutboxSegment.HEAD_BYTES - Integer.BYTES;
        bytes.putInt(headCrcAt, crcOf(file, 0, headCrcAt));
        int at = OutboxSegment.HEAD_BYTES;
        while (file.length - at >= FRAME_BYTES) {
            int length = bytes.getInt(at);
            if (length < 0 || length > file.length - at - FRAME_BYTES) {
                return;
            }
            bytes.putInt(at + Integer.BYTES, crcOf(file, at + FRAME_BYTES, length));
            at += FRAME_BYTES + length;
        }
    }

    private static int crcOf(byte[] bytes, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, length);
        return (int) crc.getValue();
    }

    /** Opens the outbox and reads the oldest report; how many wait. */
    private long sentAndLeft() throws Exception {
        try (OutboxLog log = OutboxLog.open(directory, BYTES_MAX, disk)) {
            long entries = log.index().entries();
            String id = "";
            long last = 0;
            for (OutboxSegment segment : log.index().segments()) {
                for (OutboxEntry entry : segment.waiting) {
                    boolean grows = !segment.outboxId.equals(id) || entry.sequence() > last;
                    Rules.require(grows, "sequences of an outbox grow");
                    id = segment.outboxId;
                    last = entry.sequence();
                    requireAsWritten(segment, entry);
                }
            }
            SentReport head = log.head();
            Rules.require((head == null) == (entries == 0), "the oldest that waits can be sent");
            return entries;
        }
    }

    private void requireAsWritten(OutboxSegment segment, OutboxEntry entry) throws Exception {
        Report report = segment.read(disk, entry);
        ByteBuffer written = ByteBuffer.allocate(entry.lengthBytes());
        OutboxEntry.encode(entry.sequence(), report, written);
        Rules.require(
                segment.readRaw(disk, entry).equals(written.flip()), "an entry is the same when it is written again");
    }
}
