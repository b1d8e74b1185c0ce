package org.replicationserver.receiver.control;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * One report in a file of the outbox. All numbers are big-endian.
 *
 * <pre>
 * offset bytes
 *      0     4  length of everything from offset 8 on; first, so that a reader knows what it must have before it checks
 *      4     4  CRC32C of everything from offset 8 on
 *      8     1  kind
 *      9     8  sequence
 *     17     8  when it was observed, milliseconds since 1970-01-01T00:00Z
 *     25     2  length of the subject
 *     27     .  subject, ASCII, then body, UTF-8
 * </pre>
 *
 * <p>Memory keeps what this record has; the body stays on disk.
 *
 * @param observedMillis when what it tells was observed, since 1970-01-01T00:00Z
 * @param offsetBytes in its file
 * @param lengthBytes in its file, with length and checksum
 */
record OutboxEntry(
        long sequence, ReportKind kind, String subject, long observedMillis, long offsetBytes, int lengthBytes) {
    private static final int FRAME_BYTES = 8;
    private static final int HEAD_BYTES = FRAME_BYTES + 1 + 8 + 8 + 2;
    private static final int SUBJECT_BYTES_MAX = 128;
    static final int BYTES_MAX = HEAD_BYTES + SUBJECT_BYTES_MAX + Report.BODY_BYTES_MAX;

    /** An entry and the report in it. */
    record Decoded(OutboxEntry entry, Report report) {}

    OutboxEntry at(long newOffsetBytes) {
        return new OutboxEntry(sequence, kind, subject, observedMillis, newOffsetBytes, lengthBytes);
    }

    static int lengthOf(Report report) {
        return HEAD_BYTES + report.subject().length() + report.body().length;
    }

    /** Writes an entry at the buffer's position, which has an array and room for {@link #lengthOf}. */
    static void encode(long sequence, Report report, ByteBuffer target) {
        byte[] subject = report.subject().getBytes(StandardCharsets.US_ASCII);
        int start = target.position();
        target.position(start + FRAME_BYTES);
        target.put((byte) report.kind().code())
                .putLong(sequence)
                .putLong(report.observed().toEpochMilli())
                .putShort((short) subject.length)
                .put(subject)
                .put(report.body());
        int length = target.position() - start - FRAME_BYTES;
        target.putInt(start, length);
        target.putInt(start + 4, checksum(target, start + FRAME_BYTES, length));
    }

    private static int checksum(ByteBuffer bytes, int position, int length) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes.array(), bytes.arrayOffset() + position, length);
        return (int) checksum.getValue();
    }

    /**
     * Reads the entry at the buffer's position and moves behind it; null, without moving, if there is none that is whole.
     *
     * @param bytes backed by an array, of a file from its start on or of this entry alone
     * @param offsetBytes of the entry in its file
     */
    static @Nullable Decoded decode(ByteBuffer bytes, long offsetBytes) {
        int start = bytes.position();
        if (bytes.remaining() < HEAD_BYTES) {
            return null;
        }
        int length = bytes.getInt(start);
        if (length < HEAD_BYTES - FRAME_BYTES || length > bytes.remaining() - FRAME_BYTES) {
            return null;
        }
        if (bytes.getInt(start + 4) != checksum(bytes, start + FRAME_BYTES, length)) {
            return null;
        }
        ReportKind kind = kindOf(bytes.get(start + 8));
        int subjectBytes = bytes.getShort(start + 25);
        int bodyBytes = FRAME_BYTES + length - HEAD_BYTES - subjectBytes;
        if (kind == null || subjectBytes < 0 || bodyBytes < 0 || bodyBytes > Report.BODY_BYTES_MAX) {
            return null;
        }
        byte[] subject = new byte[subjectBytes];
        byte[] body = new byte[bodyBytes];
        bytes.get(start + HEAD_BYTES, subject).get(start + HEAD_BYTES + subjectBytes, body);
        if (!isAscii(subject)) {
            return null;
        }
        Instant observed = Instant.ofEpochMilli(bytes.getLong(start + 17));
        Report report = Report.stored(kind, new String(subject, StandardCharsets.US_ASCII), observed, body);
        bytes.position(start + FRAME_BYTES + length);
        OutboxEntry entry = new OutboxEntry(
                bytes.getLong(start + 9),
                kind,
                report.subject(),
                observed.toEpochMilli(),
                offsetBytes,
                FRAME_BYTES + length);
        return new Decoded(entry, report);
    }

    private static boolean isAscii(byte[] text) {
        for (byte one : text) {
            if (one < 0) {
                return false;
            }
        }
        return true;
    }

    private static @Nullable ReportKind kindOf(byte code) {
        for (ReportKind kind : ReportKind.values()) {
            if (kind.code() == code) {
                return kind;
            }
        }
        return null;
    }
}
