package org.replicationserver.receiver.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Numbers and encodes the frames of one direction of a connection. Confined to the thread of its connection. */
public final class FrameWriter {
    private final FrameHeader header = new FrameHeader();
    private long lastSeq;

    /** The seq of the newest frame that was encoded. */
    public long lastSeq() {
        return lastSeq;
    }

    /** A whole frame with a JSON body. */
    public ByteBuffer json(FrameType type, Body body) {
        byte[] payload = body.toJson().toBytes();
        ByteBuffer out = buffer(FrameHeader.BYTES + payload.length);
        header.set(type, payload.length, ++lastSeq).encode(out);
        return out.put(payload).flip();
    }

    /** A whole frame without payload: PING or PONG. */
    public ByteBuffer empty(FrameType type) {
        ByteBuffer out = buffer(FrameHeader.BYTES);
        header.set(type, 0, ++lastSeq).encode(out);
        return out.flip();
    }

    /** A whole FENCE. */
    public ByteBuffer fence(long epoch) {
        ByteBuffer out = buffer(FrameHeader.BYTES + Long.BYTES);
        header.set(FrameType.FENCE, Long.BYTES, ++lastSeq).encode(out);
        return out.putLong(epoch).flip();
    }

    /** A whole HASH_OFFER. */
    public ByteBuffer offer(HashOffer offer) {
        ByteBuffer out = buffer(FrameHeader.BYTES + offer.bytes());
        header.set(FrameType.HASH_OFFER, offer.bytes(), ++lastSeq).encode(out);
        offer.put(out);
        return out.flip();
    }

    /** A whole HASH_DIFF. */
    public ByteBuffer diff(HashDiff diff) {
        ByteBuffer out = buffer(FrameHeader.BYTES + diff.bytes());
        header.set(FrameType.HASH_DIFF, diff.bytes(), ++lastSeq).encode(out);
        diff.put(out);
        return out.flip();
    }

    /** Writes the header of a DURABLE_ACK with so many entries into {@code out}; its payload follows. */
    public void ackHeader(ByteBuffer out, int entries) {
        header.set(FrameType.DURABLE_ACK, DurableAck.bytes(entries), ++lastSeq).encode(out);
    }

    /** Writes the header of a DATA frame into {@code out}; its payload follows. Returns its seq. */
    public long dataHeader(
            ByteBuffer out,
            int volume,
            int codec,
            int payloadBytes,
            int rawBytes,
            long offsetBytes,
            long epoch,
            int rawCrc32c) {
        header.setData(++lastSeq, volume, codec, payloadBytes, rawBytes, offsetBytes, epoch, rawCrc32c)
                .encode(out);
        return lastSeq;
    }

    /** Writes the header of a TEST frame into {@code out}; its payload follows. Returns its seq. */
    public long testHeader(ByteBuffer out, int codec, int payloadBytes, int rawBytes, int rawCrc32c) {
        header.setTest(++lastSeq, codec, payloadBytes, rawBytes, rawCrc32c).encode(out);
        return lastSeq;
    }

    /** Writes a whole ZERO frame into {@code out}. Returns its seq. */
    public long zero(ByteBuffer out, int volume, boolean mayDeallocate, long offsetBytes, long zeroBytes, long epoch) {
        header.setZero(++lastSeq, volume, mayDeallocate, offsetBytes, zeroBytes, epoch)
                .encode(out);
        return lastSeq;
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
