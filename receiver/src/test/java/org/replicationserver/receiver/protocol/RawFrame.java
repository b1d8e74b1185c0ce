package org.replicationserver.receiver.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A frame as bytes that a test may make wrong, after section 3 of the specification and apart from the code under test. The bytes
 * are padded, so that a header which lies about its length can be sealed.
 */
final class RawFrame {
    static final int FLAGS_AT = 5;
    static final int HEADER_LEN_AT = 6;
    static final int PAYLOAD_LEN_AT = 8;
    static final int SEQ_AT = 16;
    static final int CRC_AT = 24;

    /** More than the longest header. */
    private static final int ROOM = 1024;

    private final ByteBuffer bytes;
    private final int length;

    private RawFrame(ByteBuffer bytes, int length) {
        this.bytes = bytes;
        this.length = length;
    }

    /** A copy of a whole frame. */
    static RawFrame of(ByteBuffer frame) {
        int length = frame.remaining();
        ByteBuffer copy = ByteBuffer.allocate(Math.max(length, ROOM))
                .put(frame.duplicate())
                .clear();
        return new RawFrame(copy.order(ByteOrder.LITTLE_ENDIAN), length);
    }

    /** A frame of any type with zeros in its header but for what every type has. */
    static RawFrame of(int type, int headerLen, long seq, byte[] payload) {
        RawFrame frame = of(ByteBuffer.wrap(new byte[headerLen + payload.length]));
        frame.bytes.putInt(0, 0x31505242).put(4, (byte) type).putShort(HEADER_LEN_AT, (short) headerLen);
        frame.bytes.putInt(PAYLOAD_LEN_AT, payload.length).putLong(SEQ_AT, seq).put(headerLen, payload);
        return frame.seal();
    }

    /** Little-endian and writable. */
    ByteBuffer bytes() {
        return bytes;
    }

    int headerLen() {
        return Short.toUnsignedInt(bytes.getShort(HEADER_LEN_AT));
    }

    RawFrame payloadLen(long length32) {
        bytes.putInt(PAYLOAD_LEN_AT, (int) length32);
        return this;
    }

    RawFrame seq(long seq) {
        bytes.putLong(SEQ_AT, seq);
        return this;
    }

    /** Turns one bit, counted from the first byte's lowest. */
    RawFrame flip(int bit) {
        bytes.put(bit / 8, (byte) (bytes.get(bit / 8) ^ (1 << (bit % 8))));
        return this;
    }

    /** Makes the header's CRC right again. */
    RawFrame seal() {
        bytes.putInt(CRC_AT, crc());
        return this;
    }

    private int crc() {
        byte[] header = new byte[Math.min(headerLen(), bytes.capacity())];
        bytes.get(0, header);
        CRC32C crc = new CRC32C();
        for (int at = 0; at < header.length; at++) {
            crc.update(at >= CRC_AT && at < CRC_AT + Integer.BYTES ? 0 : header[at]);
        }
        return (int) crc.getValue();
    }

    RawFrame copy() {
        return of(whole());
    }

    ByteBuffer whole() {
        return bytes.duplicate().clear().limit(length).asReadOnlyBuffer();
    }

    /** As many bytes as the header says that it has, but at least those that every header has. */
    ByteBuffer header() {
        return bytes.duplicate()
                .clear()
                .limit(Math.clamp(headerLen(), 32, bytes.capacity()))
                .asReadOnlyBuffer();
    }

    /** What section 3 says of the header without knowing the session, in its order: the refusal, or null. */
    @Nullable
    ErrorCode refusal(long nextSeq) {
        int headerLen = headerLen();
        if (bytes.getInt(0) != 0x31505242 || headerLen < 32 || headerLen > 512 || headerLen % 8 != 0) {
            return ErrorCode.PROTOCOL;
        }
        int type = Byte.toUnsignedInt(bytes.get(4));
        boolean block = type == 0x61 || type == 0x62 || type == 0x66;
        if (bytes.getInt(CRC_AT) != crc() || bytes.get(FLAGS_AT) != 0 || (block && headerLen < 64)) {
            return ErrorCode.PROTOCOL;
        }
        if (bytes.getLong(SEQ_AT) != nextSeq) {
            return ErrorCode.SEQUENCE;
        }
        long payloadLen = Integer.toUnsignedLong(bytes.getInt(PAYLOAD_LEN_AT));
        boolean fits = switch (type) {
            case 0x30, 0x31, 0x62 -> payloadLen == 0;
            case 0x63 -> payloadLen == 8;
            case 0x20 -> payloadLen <= 32920;
            case 0x21 -> payloadLen <= 152;
            case 0x61, 0x66 -> true;
            case 0x01,
                    0x02,
                    0x03,
                    0x04,
                    0x05,
                    0x10,
                    0x11,
                    0x12,
                    0x13,
                    0x14,
                    0x32,
                    0x40,
                    0x41,
                    0x42,
                    0x60,
                    0x64,
                    0x65,
                    0x67,
                    0x68 -> payloadLen <= 65536;
            default -> type < 0x80 || payloadLen <= 65536;
        };
        boolean known = FrameType.of(type) != null;
        if (!known && type < 0x80) {
            return ErrorCode.UNSUPPORTED;
        }
        return fits ? null : ErrorCode.LIMIT;
    }
}
