package org.replicationserver.receiver.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.replicationserver.receiver.protocol.FrameReader.Admission;

/** Headers that were damaged, and headers that lie: each is judged as section 3 says, and nothing else is ever thrown. */
final class FrameMutationTest {
    /** What a reader makes of a header alone. Blocks are not judged further, that is the session's. */
    private static @Nullable ErrorCode refusalOf(RawFrame frame) {
        FrameLog noBlocks = new FrameLog() {
            @Override
            public Admission admit(FrameHeader header) {
                return FrameLog.isBlock(header) ? Admission.SKIP : Admission.TAKE;
            }

            @Override
            public void frame(FrameHeader header, ByteBuffer payload) {
                // What is inside is not looked at here.
            }
        };
        ErrorCode code = noBlocks.refusalOf(frame.header());
        assertThat(noBlocks.blockBuffers).isZero();
        return code;
    }

    private static RawFrame frameOf(FrameType type) {
        return RawFrame.of(new RandomFrames(new Random(type.code())).of(type));
    }

    @ParameterizedTest
    @EnumSource
    void everyTurnedBitOfAHeaderIsRefused(FrameType type) {
        RawFrame good = frameOf(type);
        assertThat(refusalOf(good)).isNull();
        for (int bit = 0; bit < 8 * good.headerLen(); bit++) {
            assertThat(refusalOf(good.copy().flip(bit))).as("bit " + bit).isEqualTo(ErrorCode.PROTOCOL);
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyTurnedBitUnderARightCrcIsJudgedAsSpecified(FrameType type) {
        RawFrame good = frameOf(type);
        for (int bit = 0; bit < 8 * good.headerLen(); bit++) {
            RawFrame turned = good.copy().flip(bit).seal();
            assertThat(refusalOf(turned)).as("bit " + bit).isEqualTo(turned.refusal(1));
        }
    }

    /** The fields that are neither judged by the reader nor ignored reach the handler as they are. */
    @ParameterizedTest
    @EnumSource(names = {"DATA", "ZERO", "TEST"})
    void everyTurnedBitOfABlockShowsInItsField(FrameType type) throws Exception {
        RawFrame good = frameOf(type);
        String goodWords = wordsOf(good);
        for (int bit = 8 * 32; bit < 8 * 64; bit++) {
            String words = wordsOf(good.copy().flip(bit).seal());
            boolean place = bit < 8 * 34 || (bit >= 8 * 40 && bit < 8 * 56);
            boolean ignored = (type != FrameType.ZERO && bit >= 8 * 60) || (type == FrameType.TEST && place);
            // ZERO's codec and raw_len must be 0 and are no words of the golden frames.
            boolean wordless = type == FrameType.ZERO && (bit / 8 == 34 || (bit / 8 >= 36 && bit / 8 < 40));
            if (ignored || wordless) {
                assertThat(words).as("bit " + bit).isEqualTo(goodWords);
            } else {
                assertThat(words).as("bit " + bit).isNotEqualTo(goodWords);
            }
        }
        for (int at : new int[] {34, 36, 37, 38, 39}) {
            FrameHeader header = headerOf(good.copy().flip(8 * at).seal());
            FrameHeader before = headerOf(good);
            boolean changed = header.codec() != before.codec() || header.rawLen() != before.rawLen();
            assertThat(changed).as("byte " + at).isTrue();
        }
    }

    private static FrameHeader headerOf(RawFrame frame) throws ProtocolException {
        FrameHeader header = new FrameHeader();
        header.decode(frame.bytes(), FrameHeader.lengthOf(frame.bytes()));
        return header;
    }

    private static String wordsOf(RawFrame frame) throws ProtocolException {
        return FrameLog.wordsOfHeader(headerOf(frame));
    }

    static Stream<Integer> reservedBits() {
        return Stream.of(12, 13, 14, 15, 28, 29, 30, 31).flatMap(at -> Stream.of(8 * at, 8 * at + 7));
    }

    @ParameterizedTest
    @MethodSource("reservedBits")
    void reservedFieldsAreIgnored(int bit) throws Exception {
        for (FrameType type : FrameType.values()) {
            RawFrame greased = frameOf(type).flip(bit).seal();
            FrameLog log = new FrameLog();
            assertThat(log.refusalOf(greased.whole())).isNull();
            FrameLog plain = new FrameLog();
            assertThat(plain.refusalOf(frameOf(type).whole())).isNull();
            assertThat(log.seen).hasSize(1).isEqualTo(plain.seen);
        }
    }

    @Test
    void randomLiesAboutLengthsAreJudgedAsSpecified() {
        Random random = Seeds.random("randomLiesAboutLengthsAreJudgedAsSpecified");
        for (int i = 0; i < 20_000; i++) {
            RawFrame frame = frameOf(Bodies.pick(random, FrameType.values()));
            if (random.nextBoolean()) {
                frame.bytes().putShort(RawFrame.HEADER_LEN_AT, (short) (random.nextInt() >>> random.nextInt(32)));
            } else {
                frame.payloadLen(random.nextInt() >>> random.nextInt(32));
            }
            frame.seal();
            assertThat(refusalOf(frame)).as(frame::toString).isEqualTo(frame.refusal(1));
        }
    }

    @Test
    void ofSeveralFaultsTheFirstInOrderIsTold() {
        Random random = Seeds.random("ofSeveralFaultsTheFirstInOrderIsTold");
        List<ErrorCode> told = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            RawFrame frame = RawFrame.of(random.nextInt(256), 32 + 8 * random.nextInt(61), 1, new byte[0]);
            frame.payloadLen(random.nextBoolean() ? 0 : Bodies.integer(random, 0, 0xffff_ffffL));
            if (random.nextInt(4) == 0) {
                frame.bytes().put(RawFrame.FLAGS_AT, (byte) (1 << random.nextInt(8)));
            }
            if (random.nextInt(4) == 0) {
                frame.seq(random.nextLong());
            }
            if (random.nextInt(8) == 0) {
                frame.bytes().putShort(RawFrame.HEADER_LEN_AT, (short) random.nextInt(600));
            }
            frame.seal();
            if (random.nextInt(8) == 0) {
                frame.flip(random.nextInt(8 * 32));
            }
            ErrorCode refusal = refusalOf(frame);
            assertThat(refusal).as(frame::toString).isEqualTo(frame.refusal(1));
            if (refusal != null) {
                told.add(refusal);
            }
        }
        assertThat(told).contains(ErrorCode.PROTOCOL, ErrorCode.SEQUENCE, ErrorCode.UNSUPPORTED, ErrorCode.LIMIT);
    }

    @Test
    void randomBytesAreRefusedOrNotYetAFrame() {
        throwNothingElse("randomBytesAreRefusedOrNotYetAFrame", 10_000);
    }

    @Test
    @Tag("long")
    void aMillionRandomByteStringsAreRefusedOrNotYetAFrame() {
        throwNothingElse("aMillionRandomByteStringsAreRefusedOrNotYetAFrame", 1_000_000);
    }

    /** Random bytes, random bytes that begin as a frame does, and good frames with a damaged payload under a right header. */
    private static void throwNothingElse(String test, int count) {
        Random random = Seeds.random(test);
        for (int i = 0; i < count; i++) {
            byte[] bytes = new byte[random.nextInt(700)];
            random.nextBytes(bytes);
            boolean noise = i % 3 == 0;
            RawFrame frame = i % 3 == 1
                    ? RawFrame.of(random.nextInt(256), 32 + 8 * random.nextInt(8), 1, bytes)
                    : frameOf(Bodies.pick(random, FrameType.values()));
            if (i % 3 == 2 && frame.whole().limit() > frame.headerLen()) {
                int end = frame.whole().limit();
                for (int flips = random.nextInt(1, 4); flips > 0; flips--) {
                    frame.flip(random.nextInt(8 * frame.headerLen(), 8 * end));
                }
            }
            FrameLog parsing = parsingLog();
            ErrorCode code = parsing.refusalOf(noise ? ByteBuffer.wrap(bytes) : frame.whole());
            if (noise && bytes.length >= 32) {
                assertThat(code).isEqualTo(ErrorCode.PROTOCOL);
            }
            assertThat(parsing.admissions).isLessThanOrEqualTo(1);
        }
    }

    private static FrameLog parsingLog() {
        return new FrameLog() {
            @Override
            public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
                FrameType type = Objects.requireNonNull(header.type());
                if (type.payload() == FrameType.Payload.JSON) {
                    Bodies.parse(type, JsonBody.parse(payload));
                } else {
                    super.frame(header, payload);
                }
            }
        };
    }
}
