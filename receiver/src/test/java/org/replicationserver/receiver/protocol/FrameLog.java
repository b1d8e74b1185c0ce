package org.replicationserver.receiver.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.FrameReader.Admission;

/** Takes what a reader hands over and remembers it in the words of the golden frames. */
class FrameLog implements FrameReader.Handler {
    /** A frame; that of an ignorable type, or one that was skipped, has no payload. */
    record Seen(String words, ByteBuffer payload) {
        static Seen skipped(String words) {
            return new Seen(words, ByteBuffer.allocate(0));
        }
    }

    final List<Seen> seen = new ArrayList<>();
    int admissions;
    int blockBuffers;

    @Override
    public Admission admit(FrameHeader header) throws ProtocolException {
        admissions++;
        return header.type() == null ? Admission.SKIP : Admission.TAKE;
    }

    @Override
    public ByteBuffer blockBuffer(FrameHeader header) {
        blockBuffers++;
        return ByteBuffer.allocate((int) header.payloadLen());
    }

    @Override
    public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
        ByteBuffer copy = ByteBuffer.allocate(payload.remaining())
                .put(payload.duplicate())
                .flip();
        seen.add(new Seen(words(header, copy), copy));
    }

    @Override
    public void skipped(FrameHeader header) {
        seen.add(Seen.skipped(wordsOfHeader(header)));
    }

    /** Reads all of it with a new reader; says with what it is refused, or null. */
    @Nullable
    ErrorCode refusalOf(ByteBuffer bytes) {
        try {
            new FrameReader(this).read(bytes.duplicate());
            return null;
        } catch (ProtocolException e) {
            return e.code();
        }
    }

    private static void addAck(StringJoiner words, ByteBuffer payload) throws ProtocolException {
        StringJoiner entries = new StringJoiner(" ");
        int[] count = new int[1];
        long receivedSeq = DurableAck.read(payload, (volume, durableSeq, limitBytes) -> {
            count[0]++;
            entries.add("volume=" + volume)
                    .add("durable_seq=" + Long.toUnsignedString(durableSeq))
                    .add("limit_bytes=" + Long.toUnsignedString(limitBytes));
        });
        words.add("received_seq=" + Long.toUnsignedString(receivedSeq)).add("entries=" + count[0]);
        if (count[0] > 0) {
            words.merge(entries);
        }
    }

    static String wordsOf(BlockRange range) {
        return "volume=" + range.volume() + " flags=" + (range.reportOnly() ? 1 : 0) + " block_shift="
                + range.blockShift() + " first_block=" + range.firstBlock() + " count=" + range.count();
    }

    private static String words(FrameHeader header, ByteBuffer payload) throws ProtocolException {
        StringJoiner words = new StringJoiner(" ").add(wordsOfHeader(header));
        switch (header.type()) {
            case FENCE ->
                words.add("epoch="
                        + Long.toUnsignedString(payload.duplicate()
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .getLong()));
            case DURABLE_ACK -> addAck(words, payload);
            case HASH_OFFER -> {
                HashOffer offer = HashOffer.read(payload);
                words.add(wordsOf(offer.range())).add("zeros=" + offer.zeros().cardinality());
            }
            case HASH_DIFF -> {
                HashDiff diff = HashDiff.read(payload);
                words.add(wordsOf(diff.range()))
                        .add("differing=" + diff.differing().cardinality());
            }
            case null, default -> {}
        }
        return words.toString();
    }

    /** Whether the payload is a block, which the session judges. */
    static boolean isBlock(FrameHeader header) {
        FrameType type = header.type();
        return type != null && type.payload() == FrameType.Payload.BLOCK;
    }

    static String wordsOfHeader(FrameHeader header) {
        FrameType type = header.type();
        StringJoiner words = new StringJoiner(" ");
        words.add(type == null ? String.format("ignorable type=0x%02x", header.typeCode()) : type.name());
        words.add("seq=" + Long.toUnsignedString(header.seq())).add("header_len=" + header.headerLen());
        if (type != null && type.isBlock()) {
            boolean data = type == FrameType.DATA;
            words.add("volume=" + header.volume());
            if (data) {
                words.add("codec=" + header.codec());
            }
            words.add("dflags=" + header.dflags());
            if (data) {
                words.add("raw_len=" + header.rawLen());
            }
            words.add("offset=" + Long.toUnsignedString(header.offsetBytes()));
            if (!data) {
                words.add("length=" + Long.toUnsignedString(header.zeroBytes()));
            }
            words.add("epoch=" + Long.toUnsignedString(header.epoch()));
            if (data) {
                words.add(String.format("raw_crc32c=0x%08x", header.rawCrc32c()));
            }
        }
        if (type == FrameType.TEST) {
            words.add("codec=" + header.codec())
                    .add("dflags=" + header.dflags())
                    .add("raw_len=" + header.rawLen());
            words.add(String.format("raw_crc32c=0x%08x", header.rawCrc32c()));
        }
        if (type == null || type == FrameType.DATA || type == FrameType.TEST) {
            words.add("payload_len=" + header.payloadLen());
        }
        return words.toString();
    }
}
