package org.replicationserver.receiver.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The payload of DURABLE_ACK, written and read in place so that an acknowledgement costs no objects.
 *
 * <pre>
 *  0 u64 received_seq   8 u16 entries   10 u48 reserved
 * 16 + 24 i: u16 volume, u48 reserved, u64 durable_seq, u64 limit_bytes
 * </pre>
 */
public final class DurableAck {
    public static final int HEAD_BYTES = 16;
    public static final int ENTRY_BYTES = 24;

    /** Receives what an acknowledgement says. */
    public interface Entries {
        void entry(int volume, long durableSeq, long limitBytes) throws ProtocolException;
    }

    private DurableAck() {}

    /** Bytes of a payload with so many entries. */
    public static int bytes(int entries) {
        return HEAD_BYTES + ENTRY_BYTES * entries;
    }

    /** Writes the head at the buffer's position. */
    public static void putHead(ByteBuffer out, long receivedSeq, int entries) {
        out.order(ByteOrder.LITTLE_ENDIAN).putLong(receivedSeq);
        out.putShort((short) entries).putShort((short) 0).putInt(0);
    }

    /** Writes one entry at the buffer's position. */
    public static void putEntry(ByteBuffer out, int volume, long durableSeq, long limitBytes) {
        out.putShort((short) volume)
                .putShort((short) 0)
                .putInt(0)
                .putLong(durableSeq)
                .putLong(limitBytes);
    }

    /** Reads a payload; returns its received_seq. */
    public static long read(ByteBuffer payload, Entries into) throws ProtocolException {
        ByteBuffer in = payload.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        if (in.remaining() < HEAD_BYTES) {
            throw new ProtocolException(ErrorCode.PROTOCOL, "DURABLE_ACK is shorter than its head");
        }
        long receivedSeq = in.getLong();
        int entries = Short.toUnsignedInt(in.getShort());
        in.position(in.position() + 6);
        if (in.remaining() != entries * ENTRY_BYTES) {
            throw new ProtocolException(ErrorCode.PROTOCOL, "DURABLE_ACK: its length does not fit its entries");
        }
        for (int i = 0, previous = -1; i < entries; i++) {
            int volume = Short.toUnsignedInt(in.getShort());
            if (volume <= previous) {
                throw new ProtocolException(ErrorCode.PROTOCOL, "DURABLE_ACK: its entries do not ascend by volume");
            }
            previous = volume;
            in.position(in.position() + 6);
            into.entry(volume, in.getLong(), in.getLong());
        }
        return receivedSeq;
    }
}
