package org.replicationserver.receiver.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.protocol.FrameReader.Admission;

/** What a reader makes of good frames however they arrive, and when it refuses one. */
final class FrameReaderTest {
    private final FrameLog log = new FrameLog();
    private final FrameReader reader = new FrameReader(log);

    /** Feeds the reader with the next bytes of the stream and expects that it takes them all. */
    private void feed(ByteBuffer stream, int bytes) throws ProtocolException {
        ByteBuffer piece = stream.slice(stream.position(), bytes);
        assertThat(reader.read(piece)).isTrue();
        assertThat(piece.hasRemaining()).isFalse();
        stream.position(stream.position() + bytes);
    }

    private static ByteBuffer ping(long seq) {
        return RawFrame.of(0x30, 32, seq, new byte[0]).whole();
    }

    private static ErrorCode refusalOf(ByteBuffer bytes) {
        return Objects.requireNonNull(new FrameLog().refusalOf(bytes));
    }

    @Test
    void everySplitInTwoReadsTheSame() throws Exception {
        RandomFrames frames = new RandomFrames(Seeds.random("everySplitInTwoReadsTheSame"));
        ByteBuffer stream = frames.oneOfEach();
        for (int split = 0; split <= stream.limit(); split++) {
            FrameLog here = new FrameLog();
            FrameReader splitReader = new FrameReader(here);
            splitReader.read(stream.slice(0, split));
            splitReader.read(stream.slice(split, stream.limit() - split));
            assertThat(here.seen).as("split at " + split).isEqualTo(frames.written);
            assertThat(splitReader.isInsideFrame()).isFalse();
        }
    }

    @Test
    void byteByByteReadsTheSame() throws Exception {
        RandomFrames frames = new RandomFrames(Seeds.random("byteByByteReadsTheSame"));
        ByteBuffer stream = frames.some(500);
        while (stream.hasRemaining()) {
            feed(stream, 1);
        }
        assertThat(log.seen).isEqualTo(frames.written);
        assertThat(reader.receivedSeq()).isEqualTo(500);
    }

    @Test
    void randomSplitsReadTheSame() throws Exception {
        readInRandomPieces("randomSplitsReadTheSame", 20);
    }

    @Test
    @Tag("long")
    void randomSplitsOfTenMillionFramesReadTheSame() throws Exception {
        readInRandomPieces("randomSplitsOfTenMillionFramesReadTheSame", 10_000);
    }

    private void readInRandomPieces(String test, int thousands) throws ProtocolException {
        Random random = Seeds.random(test);
        RandomFrames frames = new RandomFrames(random);
        for (int i = 0; i < thousands; i++) {
            ByteBuffer stream = frames.some(1000);
            while (stream.hasRemaining()) {
                int piece = random.nextBoolean() ? random.nextInt(100) : random.nextInt(10_000);
                feed(stream, Math.min(piece, stream.remaining()));
            }
            assertThat(log.seen).isEqualTo(frames.written);
            assertThat(reader.receivedSeq()).isEqualTo(1000L * (i + 1));
            assertThat(reader.isInsideFrame()).isFalse();
            log.seen.clear();
            frames.written.clear();
        }
    }

    @Test
    void pausesLoseAndRepeatNothing() throws Exception {
        Random random = Seeds.random("pausesLoseAndRepeatNothing");
        RandomFrames frames = new RandomFrames(random);
        int[] pauses = new int[1];
        FrameLog pausing = new FrameLog() {
            @Override
            public Admission admit(FrameHeader header) throws ProtocolException {
                if (random.nextInt(3) == 0) {
                    pauses[0]++;
                    return Admission.PAUSE;
                }
                return super.admit(header);
            }
        };
        FrameReader pausable = new FrameReader(pausing);
        ByteBuffer stream = frames.some(2000);
        while (stream.hasRemaining() || pausable.isInsideFrame()) {
            ByteBuffer piece = stream.slice(stream.position(), Math.min(random.nextInt(2000), stream.remaining()));
            int before = pausing.seen.size();
            boolean all = pausable.read(piece);
            stream.position(stream.position() + piece.position());
            if (!all) {
                assertThat(pausable.isInsideFrame()).isTrue();
                assertThat(pausable.receivedSeq()).isEqualTo(pausing.seen.size());
            } else {
                assertThat(piece.hasRemaining()).isFalse();
            }
            assertThat(pausing.seen.size()).isGreaterThanOrEqualTo(before);
        }
        assertThat(pausing.seen).isEqualTo(frames.written);
        assertThat(pausing.admissions).isEqualTo(2000);
        assertThat(pauses[0]).isPositive();
    }

    @Test
    void pauseLeavesThePayloadUnread() throws Exception {
        RandomFrames frames = new RandomFrames(new Random(1));
        ByteBuffer stream = ByteBuffer.allocate(1 << 16)
                .put(frames.of(FrameType.DATA))
                .put(frames.of(FrameType.FENCE))
                .flip();
        boolean[] room = new boolean[1];
        FrameLog pausing = new FrameLog() {
            @Override
            public Admission admit(FrameHeader header) {
                return room[0] ? Admission.TAKE : Admission.PAUSE;
            }
        };
        FrameReader pausable = new FrameReader(pausing);
        for (int i = 0; i < 3; i++) {
            assertThat(pausable.read(stream)).isFalse();
            assertThat(stream.position()).isEqualTo(64);
            assertThat(pausable.receivedSeq()).isZero();
            assertThat(pausing.blockBuffers).isZero();
        }
        room[0] = true;
        assertThat(pausable.read(stream)).isTrue();
        assertThat(pausing.seen).isEqualTo(frames.written);
        assertThat(pausing.blockBuffers).isEqualTo(1);
    }

    @Test
    void skippedFramesAreCountedAndTakeNoMemory() throws Exception {
        RandomFrames frames = new RandomFrames(Seeds.random("skippedFramesAreCountedAndTakeNoMemory"));
        FrameLog skipping = new FrameLog() {
            @Override
            public Admission admit(FrameHeader header) {
                return Admission.SKIP;
            }

            @Override
            public void frame(FrameHeader header, ByteBuffer payload) {
                throw new AssertionError("was skipped: " + header);
            }
        };
        FrameReader skipper = new FrameReader(skipping);
        ByteBuffer stream = frames.some(2000);
        while (stream.hasRemaining()) {
            int bytes = Math.min(97, stream.remaining());
            skipper.read(stream.slice(stream.position(), bytes));
            stream.position(stream.position() + bytes);
        }
        assertThat(skipping.seen).hasSize(2000);
        assertThat(skipping.blockBuffers).isZero();
        assertThat(skipper.receivedSeq()).isEqualTo(2000);
    }

    @ParameterizedTest
    @ValueSource(ints = {0x80, 0x81, 0xfe, 0xff})
    void ignorableFrameOfTheLargestPayloadIsSkipped(int type) throws Exception {
        reader.read(RawFrame.of(type, 512, 1, new byte[65536]).whole());
        reader.read(ping(2));
        assertThat(log.seen).hasSize(2);
        assertThat(log.seen.getFirst().words())
                .isEqualTo(String.format("ignorable type=0x%02x seq=1 header_len=512 payload_len=65536", type));
    }

    @Test
    void ignorableTypeThatTheHandlerTakesIsSkippedAllTheSame() throws Exception {
        FrameLog taking = new FrameLog() {
            @Override
            public Admission admit(FrameHeader header) {
                return Admission.TAKE;
            }
        };
        new FrameReader(taking).read(RawFrame.of(0x80, 32, 1, new byte[9]).whole());
        assertThat(taking.seen).hasSize(1);
        assertThat(taking.seen.getFirst().payload().hasRemaining()).isFalse();
    }

    @Test
    void everyUnknownTypeBelow80IsUnsupported() {
        for (int type = 0; type < 0x80; type++) {
            if (FrameType.of(type) == null) {
                assertThat(refusalOf(RawFrame.of(type, 32, 1, new byte[0]).whole()))
                        .as("type %02x", type)
                        .isEqualTo(ErrorCode.UNSUPPORTED);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 3, 4, 0x1_0000_0002L, 0x8000_0000_0000_0002L, -1})
    void seqOtherThanTheNextIsRefused(long seq) throws Exception {
        reader.read(ping(1));
        assertThatThrownBy(() -> reader.read(ping(seq))).isInstanceOfSatisfying(ProtocolException.class, e -> {
            assertThat(e.code()).isEqualTo(ErrorCode.SEQUENCE);
            assertThat(e.toBody().seq()).isEqualTo(seq > 0 ? Long.toString(seq) : null);
        });
        assertThat(log.admissions).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 2, -1})
    void firstSeqIsOne(long seq) {
        assertThat(refusalOf(ping(seq))).isEqualTo(ErrorCode.SEQUENCE);
    }

    @ParameterizedTest
    @EnumSource
    void truncatedFrameIsNeverHandedOver(FrameType type) throws Exception {
        ByteBuffer whole = new RandomFrames(new Random(type.code())).of(type);
        for (int length = 0; length < whole.limit(); length++) {
            FrameLog cut = new FrameLog();
            FrameReader cutReader = new FrameReader(cut);
            assertThat(cutReader.read(whole.slice(0, length))).isTrue();
            assertThat(cut.seen).as(length + " bytes of " + whole.limit()).isEmpty();
            assertThat(cutReader.isInsideFrame()).isEqualTo(length > 0);
            assertThat(cutReader.receivedSeq()).isZero();
        }
    }

    @Test
    void headerIsJudgedWithoutItsPayload() {
        for (FrameType type : FrameType.values()) {
            RawFrame large = RawFrame.of(new RandomFrames(new Random(1)).of(type))
                    .payloadLen(0xffff_ffffL)
                    .seal();
            FrameLog judging = new FrameLog() {
                @Override
                public Admission admit(FrameHeader header) throws ProtocolException {
                    if (FrameLog.isBlock(header)) {
                        throw ProtocolException.at(header, ErrorCode.LIMIT, "as the session does");
                    }
                    return super.admit(header);
                }
            };
            assertThat(judging.refusalOf(large.header())).as(type.name()).isEqualTo(ErrorCode.LIMIT);
            assertThat(judging.blockBuffers).isZero();
        }
    }

    @Test
    void jsonPayloadHasAtMost65536Bytes() throws Exception {
        reader.read(RawFrame.of(0x01, 32, 1, new byte[65536]).whole());
        assertThat(log.seen.getFirst().payload().remaining()).isEqualTo(65536);
        assertThat(refusalOf(RawFrame.of(0x01, 32, 1, new byte[0])
                        .payloadLen(65537)
                        .seal()
                        .header()))
                .isEqualTo(ErrorCode.LIMIT);
    }

    @Test
    void refusalOfTheHandlerNamesTheBlock() {
        ByteBuffer data = ByteBuffer.allocate(64);
        new FrameHeader().setData(1, 5, 0, 512, 512, 8192, 1, 0).encode(data);
        FrameReader refusing = new FrameReader(new FrameLog() {
            @Override
            public Admission admit(FrameHeader header) throws ProtocolException {
                throw ProtocolException.at(header, ErrorCode.RANGE, "not here");
            }
        });
        assertThatThrownBy(() -> refusing.read(data.flip()))
                .isInstanceOfSatisfying(
                        ProtocolException.class,
                        e -> assertThat(e.toBody()).isEqualTo(new ErrorBody(8, "RANGE", "1", 5, 8192L, "not here")));
    }
}
