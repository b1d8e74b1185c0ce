package org.replicationserver.fuzz;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.replicationserver.receiver.protocol.FrameHeader;

/** Makes bytes that an engine has changed into frames that a reader looks into: without it nearly none would come that far. */
public final class SealedFrames {
    private static final int HEADER_LEN_AT = 6;
    private static final int PAYLOAD_LEN_AT = 8;
    private static final int SEQ_AT = 16;
    private static final int CRC_AT = 24;

    private SealedFrames() {}

    /**
     * Gives each frame that the bytes can be cut into the next seq and the right checksum.
     *
     * @return the seq of the frame that comes after them
     */
    public static long seal(byte[] stream, long firstSeq) {
        ByteBuffer frames = ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN);
        CRC32C crc = new CRC32C();
        long seq = firstSeq;
        long at = 0;
        while (stream.length - at >= FrameHeader.BYTES) {
            int start = (int) at;
            int headerLen = Short.toUnsignedInt(frames.getShort(start + HEADER_LEN_AT));
            if (headerLen < FrameHeader.BYTES || headerLen > stream.length - start) {
                break;
            }
            frames.putLong(start + SEQ_AT, seq++).putInt(start + CRC_AT, 0);
            crc.reset();
            crc.update(stream, start, headerLen);
            frames.putInt(start + CRC_AT, (int) crc.getValue());
            at += headerLen + Integer.toUnsignedLong(frames.getInt(start + PAYLOAD_LEN_AT));
        }
        return seq;
    }
}
