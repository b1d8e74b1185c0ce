package org.replicationserver.receiver.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The header of a frame, mutable so that a connection reuses one for all its frames. Confined to the thread of its connection.
 *
 * <pre>
 *  0 u32 magic "BRP1"   4 u8 type   5 u8 flags   6 u16 header_len
 *  8 u32 payload_len   12 u32 reserved
 * 16 u64 seq
 * 24 u32 header_crc32c 28 u32 reserved
 *    DATA, ZERO and TEST:
 * 32 u16 volume  34 u8 codec  35 u8 dflags  36 u32 raw_len
 * 40 u64 offset
 * 48 u64 epoch
 * 56 DATA and TEST: u32 raw_crc32c, u32 reserved     ZERO: u64 length
 * </pre>
 *
 * Section 3 of the specification is the reference.
 */
public final class FrameHeader {
    public static final int MAGIC = 0x31505242;
    public static final int BYTES = 32;
    public static final int BLOCK_BYTES = 64;
    public static final int BYTES_MAX = 512;

    public static final int CODEC_STORED = 0;
    public static final int CODEC_LZ4 = 1;
    /** ZERO: the server may free the space. */
    public static final int DFLAG_MAY_DEALLOCATE = 1;

    private static final int CRC_AT = 24;

    private int typeCode;
    private @Nullable FrameType type;
    private int flags;
    private int headerLen;
    private long payloadLen;
    private long seq;
    private int volume;
    private int codec;
    private int dflags;
    private long rawLen;
    private long offsetBytes;
    private long epoch;
    private int rawCrc32c;
    private long zeroBytes;

    private final CRC32C crc = new CRC32C();

    /** Sets the fields of a frame that is no block. */
    public FrameHeader set(FrameType newType, int payloadBytes, long newSeq) {
        type = newType;
        typeCode = newType.code();
        flags = 0;
        headerLen = newType.hasBlockHeader() ? BLOCK_BYTES : BYTES;
        payloadLen = payloadBytes;
        seq = newSeq;
        volume = 0;
        codec = 0;
        dflags = 0;
        rawLen = 0;
        offsetBytes = 0;
        epoch = 0;
        rawCrc32c = 0;
        zeroBytes = 0;
        return this;
    }

    /** Sets the fields of a DATA frame. */
    public FrameHeader setData(
            long newSeq,
            int newVolume,
            int newCodec,
            int payloadBytes,
            int rawBytes,
            long newOffsetBytes,
            long newEpoch,
            int newRawCrc32c) {
        set(FrameType.DATA, payloadBytes, newSeq);
        volume = newVolume;
        codec = newCodec;
        rawLen = rawBytes;
        offsetBytes = newOffsetBytes;
        epoch = newEpoch;
        rawCrc32c = newRawCrc32c;
        return this;
    }

    /** Sets the fields of a TEST frame: those of DATA that are not about a place. */
    public FrameHeader setTest(long newSeq, int newCodec, int payloadBytes, int rawBytes, int newRawCrc32c) {
        set(FrameType.TEST, payloadBytes, newSeq);
        codec = newCodec;
        rawLen = rawBytes;
        rawCrc32c = newRawCrc32c;
        return this;
    }

    /** Sets the fields of a ZERO frame. */
    public FrameHeader setZero(
            long newSeq, int newVolume, boolean mayDeallocate, long newOffsetBytes, long newZeroBytes, long newEpoch) {
        set(FrameType.ZERO, 0, newSeq);
        volume = newVolume;
        dflags = mayDeallocate ? DFLAG_MAY_DEALLOCATE : 0;
        offsetBytes = newOffsetBytes;
        zeroBytes = newZeroBytes;
        epoch = newEpoch;
        return this;
    }

    /** Writes the header at the buffer's position, with its CRC; the buffer must have room for {@link #headerLen()} bytes. */
    public void encode(ByteBuffer out) {
        out.order(ByteOrder.LITTLE_ENDIAN);
        int start = out.position();
        out.putInt(MAGIC).put((byte) typeCode).put((byte) flags).putShort((short) headerLen);
        out.putInt((int) payloadLen).putInt(0).putLong(seq).putInt(0).putInt(0);
        if (type != null && type.hasBlockHeader()) {
            out.putShort((short) volume).put((byte) codec).put((byte) dflags).putInt((int) rawLen);
            out.putLong(offsetBytes).putLong(epoch);
            out.putLong(type == FrameType.ZERO ? zeroBytes : Integer.toUnsignedLong(rawCrc32c));
        }
        out.putInt(start + CRC_AT, crcOf(out, start, headerLen));
    }

    /** The length of the header that starts in {@code in} at 0, of which at least {@link #BYTES} bytes are there. */
    static int lengthOf(ByteBuffer in) throws ProtocolException {
        if (in.getInt(0) != MAGIC) {
            throw new ProtocolException(ErrorCode.PROTOCOL, "no frame begins here: the magic is wrong");
        }
        int length = Short.toUnsignedInt(in.getShort(6));
        if (length < BYTES || length > BYTES_MAX || length % 8 != 0) {
            throw new ProtocolException(
                    ErrorCode.PROTOCOL,
                    "header_len=" + length + ", allowed are multiples of 8 from " + BYTES + " to " + BYTES_MAX);
        }
        return length;
    }

    /**
     * Takes the fields from {@code in}, a little-endian buffer with the whole header from 0 on, whose length is what
     * {@link #lengthOf} said.
     */
    void decode(ByteBuffer in, int length) throws ProtocolException {
        if (crcOf(in, 0, length) != in.getInt(CRC_AT)) {
            throw new ProtocolException(ErrorCode.PROTOCOL, "header_crc32c is wrong");
        }
        typeCode = Byte.toUnsignedInt(in.get(4));
        type = FrameType.of(typeCode);
        flags = Byte.toUnsignedInt(in.get(5));
        headerLen = length;
        payloadLen = Integer.toUnsignedLong(in.getInt(8));
        seq = in.getLong(16);
        if (flags != 0) {
            throw ProtocolException.at(this, ErrorCode.PROTOCOL, "flags=" + flags + ", allowed is 0");
        }
        if (type != null && type.hasBlockHeader()) {
            if (length < BLOCK_BYTES) {
                throw new ProtocolException(
                        ErrorCode.PROTOCOL, "header_len=" + length + " of a block, at least " + BLOCK_BYTES);
            }
            volume = Short.toUnsignedInt(in.getShort(32));
            codec = Byte.toUnsignedInt(in.get(34));
            dflags = Byte.toUnsignedInt(in.get(35));
            rawLen = Integer.toUnsignedLong(in.getInt(36));
            offsetBytes = in.getLong(40);
            epoch = in.getLong(48);
            rawCrc32c = in.getInt(56);
            zeroBytes = in.getLong(56);
        }
    }

    /** CRC32C of a header with its own CRC field taken as zero. */
    private int crcOf(ByteBuffer buffer, int start, int length) {
        int position = buffer.position();
        int limit = buffer.limit();
        crc.reset();
        crc.update(buffer.limit(start + CRC_AT).position(start));
        for (int i = 0; i < Integer.BYTES; i++) {
            crc.update(0);
        }
        crc.update(buffer.limit(start + length).position(start + CRC_AT + Integer.BYTES));
        buffer.limit(limit).position(position);
        return (int) crc.getValue();
    }

    public int typeCode() {
        return typeCode;
    }

    /** The type, or null if this version does not know it. */
    public @Nullable FrameType type() {
        return type;
    }

    public int headerLen() {
        return headerLen;
    }

    /** Bytes of payload, as an unsigned 32-bit number. */
    public long payloadLen() {
        return payloadLen;
    }

    public long seq() {
        return seq;
    }

    public int volume() {
        return volume;
    }

    public int codec() {
        return codec;
    }

    public int dflags() {
        return dflags;
    }

    /** DATA and TEST: bytes after expansion, as an unsigned 32-bit number. */
    public long rawLen() {
        return rawLen;
    }

    public long offsetBytes() {
        return offsetBytes;
    }

    public long epoch() {
        return epoch;
    }

    public int rawCrc32c() {
        return rawCrc32c;
    }

    /** ZERO: bytes that shall read as zero. */
    public long zeroBytes() {
        return zeroBytes;
    }

    /** Bytes of the volume that a block covers. */
    public long blockBytes() {
        return type == FrameType.ZERO ? zeroBytes : rawLen;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(type == null ? String.format("type-%02x", typeCode) : type.name());
        text.append(" seq=")
                .append(Long.toUnsignedString(seq))
                .append(" payload_len=")
                .append(payloadLen);
        if (type != null && type.hasBlockHeader()) {
            if (type != FrameType.TEST) {
                text.append(" volume=").append(volume).append(" offset=").append(Long.toUnsignedString(offsetBytes));
                text.append(" epoch=").append(Long.toUnsignedString(epoch));
            }
            if (type != FrameType.ZERO) {
                text.append(" codec=").append(codec).append(" raw_len=").append(rawLen);
                text.append(String.format(" raw_crc32c=%08x", rawCrc32c));
            } else {
                text.append(" length=")
                        .append(Long.toUnsignedString(zeroBytes))
                        .append(" dflags=")
                        .append(dflags);
            }
        }
        return text.toString();
    }
}
