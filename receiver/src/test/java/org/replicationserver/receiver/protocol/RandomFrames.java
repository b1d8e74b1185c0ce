package org.replicationserver.receiver.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;

/** Writes frames as our encoder makes them, greased ones among them, and says what a reader must see. */
final class RandomFrames {
    private static final int BYTES_MAX = 1 << 17;

    private final Random random;
    private final FrameWriter writer = new FrameWriter();
    private final ByteBuffer frame = ByteBuffer.allocate(BYTES_MAX).order(ByteOrder.LITTLE_ENDIAN);

    /** What was written since it was last cleared. */
    final List<FrameLog.Seen> written = new ArrayList<>();

    RandomFrames(Random random) {
        this.random = random;
    }

    /** Frames of any type, ignorable ones included, one after the other. */
    ByteBuffer some(int count) {
        FrameType[] types = FrameType.values();
        ByteBuffer out = ByteBuffer.allocate(1 << 16);
        for (int i = 0; i < count; i++) {
            boolean known = random.nextInt(types.length + 1) > 0;
            out = append(out, known ? of(Bodies.pick(random, types)) : ignorable());
        }
        return out.flip();
    }

    /** A frame of each type and an ignorable one, one after the other. */
    ByteBuffer oneOfEach() {
        ByteBuffer out = ByteBuffer.allocate(1 << 16);
        for (FrameType type : FrameType.values()) {
            out = append(out, of(type));
        }
        return append(out, ignorable()).flip();
    }

    private static ByteBuffer append(ByteBuffer out, ByteBuffer frame) {
        ByteBuffer roomy = out.remaining() >= frame.remaining()
                ? out
                : ByteBuffer.allocate(2 * (out.capacity() + frame.remaining())).put(out.flip());
        return roomy.put(frame);
    }

    /** The next frame of the connection; valid until the one after it. */
    ByteBuffer of(FrameType type) {
        frame.clear();
        return switch (type.payload()) {
            case JSON -> {
                ByteBuffer whole =
                        writer.json(type, random.nextInt(8) == 0 ? Bodies.random(type, random) : Bodies.full(type));
                yield saw(whole, head(type), 32);
            }
            case EMPTY -> type == FrameType.ZERO ? zero() : saw(writer.empty(type), head(type), 32);
            case EPOCH -> {
                long epoch = random.nextLong();
                ByteBuffer whole = writer.fence(epoch);
                yield saw(whole, head(type) + " epoch=" + Long.toUnsignedString(epoch), 32);
            }
            case BLOCK -> type == FrameType.TEST ? test() : data();
            case ACK -> ack();
            case OFFER -> offer();
            case DIFF -> {
                HashDiff diff = new HashDiff(range(), new BitSet());
                diff.differing().or(bits(diff.range().count()));
                ByteBuffer whole = writer.diff(diff);
                yield saw(
                        whole,
                        head(type) + " " + FrameLog.wordsOf(diff.range()) + " differing="
                                + diff.differing().cardinality(),
                        32);
            }
        };
    }

    private ByteBuffer offer() {
        BlockRange range = range();
        BitSet zeros = bits(range.count());
        int hashBytes = HashOffer.HASH_BYTES * (range.count() - zeros.cardinality());
        ByteBuffer whole = writer.offer(new HashOffer(range, zeros, randomBytes(hashBytes, hashBytes)));
        String words = " " + FrameLog.wordsOf(range) + " zeros=" + zeros.cardinality();
        return saw(whole, head(FrameType.HASH_OFFER) + words, 32);
    }

    private BlockRange range() {
        int count = random.nextInt(8) == 0 ? BlockRange.COUNT_MAX : random.nextInt(1, 20);
        int shift = random.nextBoolean() ? BlockRange.LEAF_SHIFT : BlockRange.TREE_SHIFT;
        return new BlockRange(random.nextInt(1 << 16), random.nextBoolean(), shift, random.nextLong(1L << 43), count);
    }

    private BitSet bits(int count) {
        BitSet bits = new BitSet();
        random.ints(random.nextInt(count + 1), 0, count).forEach(bits::set);
        return bits;
    }

    private ByteBuffer data() {
        byte[] payload = randomBytes(600);
        int volume = random.nextInt(1 << 16);
        int codec = random.nextInt(256);
        int rawBytes = random.nextInt() >>> 1;
        long offset = random.nextLong();
        long epoch = random.nextLong();
        int crc = random.nextInt();
        long seq = writer.dataHeader(frame, volume, codec, payload.length, rawBytes, offset, epoch, crc);
        frame.put(payload).flip();
        return saw(
                frame,
                String.format(
                        "DATA seq=%d header_len=64 volume=%d codec=%d dflags=0 raw_len=%d offset=%s epoch=%s"
                                + " raw_crc32c=0x%08x payload_len=%d",
                        seq,
                        volume,
                        codec,
                        rawBytes,
                        Long.toUnsignedString(offset),
                        Long.toUnsignedString(epoch),
                        crc,
                        payload.length),
                64);
    }

    private ByteBuffer test() {
        byte[] payload = randomBytes(600);
        int codec = random.nextInt(256);
        int rawBytes = random.nextInt() >>> 1;
        int crc = random.nextInt();
        long seq = writer.testHeader(frame, codec, payload.length, rawBytes, crc);
        frame.put(payload).flip();
        return saw(
                frame,
                String.format(
                        "TEST seq=%d header_len=64 codec=%d dflags=0 raw_len=%d raw_crc32c=0x%08x payload_len=%d",
                        seq, codec, rawBytes, crc, payload.length),
                64);
    }

    private ByteBuffer zero() {
        int volume = random.nextInt(1 << 16);
        boolean mayDeallocate = random.nextBoolean();
        long offset = random.nextLong();
        long length = random.nextLong();
        long epoch = random.nextLong();
        long seq = writer.zero(frame, volume, mayDeallocate, offset, length, epoch);
        return saw(
                frame.flip(),
                String.format(
                        "ZERO seq=%d header_len=64 volume=%d dflags=%d offset=%s length=%s epoch=%s",
                        seq,
                        volume,
                        mayDeallocate ? 1 : 0,
                        Long.toUnsignedString(offset),
                        Long.toUnsignedString(length),
                        Long.toUnsignedString(epoch)),
                64);
    }

    private ByteBuffer ack() {
        int entries = random.nextInt(4);
        long receivedSeq = random.nextLong();
        writer.ackHeader(frame, entries);
        DurableAck.putHead(frame, receivedSeq, entries);
        StringBuilder words = new StringBuilder(head(FrameType.DURABLE_ACK));
        words.append(" received_seq=")
                .append(Long.toUnsignedString(receivedSeq))
                .append(" entries=")
                .append(entries);
        for (int volume = 0; volume < entries; volume++) {
            long durableSeq = random.nextLong();
            long limitBytes = random.nextLong();
            DurableAck.putEntry(frame, volume, durableSeq, limitBytes);
            words.append(" volume=").append(volume);
            words.append(" durable_seq=").append(Long.toUnsignedString(durableSeq));
            words.append(" limit_bytes=").append(Long.toUnsignedString(limitBytes));
        }
        return saw(frame.flip(), words.toString(), 32);
    }

    /** A frame of an unknown type with an extension and bits in its reserved fields. */
    private ByteBuffer ignorable() {
        int type = random.nextInt(0x80, 0x100);
        int headerLen = 32 + 8 * random.nextInt(61);
        byte[] payload = randomBytes(300);
        // Takes a number as any other frame does.
        writer.empty(FrameType.PING);
        RawFrame raw = RawFrame.of(type, headerLen, writer.lastSeq(), payload);
        raw.bytes().putInt(12, random.nextInt()).putInt(28, random.nextInt());
        raw.bytes().put(32, randomBytes(headerLen - 32, headerLen - 32));
        written.add(FrameLog.Seen.skipped(String.format(
                "ignorable type=0x%02x seq=%d header_len=%d payload_len=%d",
                type, writer.lastSeq(), headerLen, payload.length)));
        return raw.seal().whole();
    }

    /** The first words about the frame that was numbered last. */
    private String head(FrameType type) {
        return type.name() + " seq=" + writer.lastSeq() + " header_len=32";
    }

    private ByteBuffer saw(ByteBuffer whole, String words, int headerLen) {
        byte[] payload = new byte[whole.remaining() - headerLen];
        whole.get(whole.position() + headerLen, payload);
        written.add(new FrameLog.Seen(words, ByteBuffer.wrap(payload)));
        return whole;
    }

    private byte[] randomBytes(int max) {
        return randomBytes(0, max);
    }

    private byte[] randomBytes(int min, int max) {
        byte[] bytes = new byte[random.nextInt(min, max + 1)];
        random.nextBytes(bytes);
        return bytes;
    }
}
