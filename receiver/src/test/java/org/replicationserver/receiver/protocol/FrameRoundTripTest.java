package org.replicationserver.receiver.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Frames with random fields are read as they were written, field by field and byte by byte; what bodies mean is not looked at. */
final class FrameRoundTripTest implements FrameReader.Handler {
    private static final FrameType[] TYPES = FrameType.values();
    private static final int PAYLOAD_BYTES_MAX = 64;

    private final FrameHeader written = new FrameHeader();
    private final ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BYTES_MAX + PAYLOAD_BYTES_MAX);
    private final byte[] payload = new byte[PAYLOAD_BYTES_MAX];
    private final FrameReader reader = new FrameReader(this);
    private Random random = new Random();
    private int payloadBytes;
    private int read;

    @Test
    void aMillionFramesAreReadAsTheyWereWritten() throws Exception {
        roundTrip("aMillionFramesAreReadAsTheyWereWritten", 1_000_000);
    }

    @Test
    @Tag("long")
    void tenMillionFramesAreReadAsTheyWereWritten() throws Exception {
        roundTrip("tenMillionFramesAreReadAsTheyWereWritten", 10_000_000);
    }

    private void roundTrip(String test, int frames) throws ProtocolException {
        random = Seeds.random(test);
        for (int i = 1; i <= frames; i++) {
            write(i);
            int cut = random.nextInt(frame.limit() + 1);
            assertRead(reader.read(frame.slice(0, cut)), "first piece");
            assertRead(reader.read(frame.slice(cut, frame.limit() - cut)), "second piece");
            assertRead(read == i && reader.receivedSeq() == i && !reader.isInsideFrame(), "frame " + i + " is whole");
        }
    }

    private void assertRead(boolean holds, String what) {
        if (!holds) {
            assertThat(holds).as(what + " of " + written).isTrue();
        }
    }

    private void write(long seq) {
        FrameType type = TYPES[random.nextInt(TYPES.length)];
        payloadBytes = switch (type.payload()) {
            case EMPTY -> 0;
            case EPOCH -> Long.BYTES;
            case JSON, ACK, OFFER, DIFF, BLOCK -> random.nextInt(PAYLOAD_BYTES_MAX + 1);
        };
        switch (type) {
            case DATA ->
                written.setData(
                        seq,
                        random.nextInt(1 << 16),
                        random.nextInt(256),
                        payloadBytes,
                        random.nextInt(),
                        random.nextLong(),
                        random.nextLong(),
                        random.nextInt());
            case ZERO ->
                written.setZero(
                        seq,
                        random.nextInt(1 << 16),
                        random.nextBoolean(),
                        random.nextLong(),
                        random.nextLong(),
                        random.nextLong());
            case TEST -> written.setTest(seq, random.nextInt(256), payloadBytes, random.nextInt(), random.nextInt());
            default -> written.set(type, payloadBytes, seq);
        }
        random.nextBytes(payload);
        written.encode(frame.clear());
        frame.put(payload, 0, payloadBytes).flip();
    }

    @Override
    public FrameReader.Admission admit(FrameHeader header) {
        return FrameReader.Admission.TAKE;
    }

    @Override
    public ByteBuffer blockBuffer(FrameHeader header) {
        return ByteBuffer.allocate((int) header.payloadLen());
    }

    @Override
    public void frame(FrameHeader header, ByteBuffer body) {
        assertRead(
                header.type() == written.type()
                        && header.headerLen() == written.headerLen()
                        && header.payloadLen() == written.payloadLen()
                        && header.seq() == written.seq(),
                "header");
        FrameType type = header.type();
        if (type != null && type.hasBlockHeader()) {
            assertBlock(header);
        }
        assertRead(body.equals(ByteBuffer.wrap(payload, 0, payloadBytes)), "payload");
        read++;
    }

    @Override
    public void skipped(FrameHeader header) {
        throw new IllegalStateException("no type here is ignorable: " + header);
    }

    private void assertBlock(FrameHeader header) {
        assertRead(
                header.volume() == written.volume()
                        && header.codec() == written.codec()
                        && header.dflags() == written.dflags()
                        && header.offsetBytes() == written.offsetBytes()
                        && header.epoch() == written.epoch(),
                "place");
        boolean same = header.type() == FrameType.ZERO
                ? header.zeroBytes() == written.zeroBytes()
                : header.rawCrc32c() == written.rawCrc32c() && (int) header.rawLen() == (int) written.rawLen();
        assertRead(same, "length");
    }
}
