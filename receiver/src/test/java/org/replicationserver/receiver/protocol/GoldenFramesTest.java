package org.replicationserver.receiver.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Factory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.replicationserver.receiver.protocol.FrameReader.Admission;

/** The frames of {@code protocol/golden/frames.txt}, which another implementation made. */
final class GoldenFramesTest {
    private static final Path FILE = Path.of("protocol", "golden", "frames.txt");

    /** Its seq is too large to be reached by counting. */
    private static final String LARGE_SEQ = "ping-large-seq";

    /** Only greased, or without an optional member that our encoder always writes. */
    private static final List<String> NOT_OURS_TO_WRITE = List.of(
            "hello-minimal",
            "hello-unknown-members",
            "ping-extension-40",
            "ping-extension-72",
            "ping-extension-512",
            "ping-reserved-not-zero",
            "hello-extension-40",
            "data-extension-72",
            "data-reserved-not-zero",
            "zero-extension-72",
            "test-extension-72",
            "test-place-not-zero",
            "durable-ack-reserved-not-zero",
            "hash-offer-reserved-not-zero",
            "ignorable-80",
            "ignorable-ff-empty");

    /** What WELCOME and ATTACHED granted, or the expanded block, tells; the tests of the session and of the volume have these. */
    private static final List<String> LEFT_TO_THE_SESSION = List.of(
            "bad-codec",
            "bad-dflags-of-data",
            "bad-dflags-of-zero",
            "bad-raw-len-0",
            "bad-raw-len-513",
            "bad-raw-len-over-1-mib",
            "bad-raw-len-max",
            "bad-raw-len-before-codec",
            "bad-payload-longer-than-raw",
            "bad-payload-as-long-as-raw",
            "bad-stored-payload-shorter",
            "bad-stored-payload-longer",
            "bad-test-codec",
            "bad-test-dflags",
            "bad-test-raw-len-513",
            "bad-test-stored-payload-shorter",
            "bad-test-crc-differs",
            "bad-offset-unaligned",
            "bad-block-crc-differs",
            "bad-lz4-cut-short",
            "bad-lz4-shorter-than-raw-len",
            "bad-lz4-longer-than-raw-len",
            "bad-lz4-before-the-start",
            "bad-lz4-distance-0");

    /** A block of the file. */
    record Golden(String name, @Nullable String refused, String is, String hex) {
        ByteBuffer bytes() {
            return ByteBuffer.wrap(HexFormat.of().parseHex(hex)).order(ByteOrder.LITTLE_ENDIAN);
        }

        /** What the words say before the JSON text. */
        String words() {
            return is.contains("{") ? is.substring(0, is.indexOf('{') - 1) : is;
        }

        String json() {
            return is.contains("{") ? is.substring(is.indexOf('{')) : "";
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static List<Golden> all() throws IOException {
        List<Golden> all = new ArrayList<>();
        for (String block : Files.readString(FILE).split("\n\n", -1)) {
            Map<String, String> values = new HashMap<>();
            block.lines().filter(line -> !line.startsWith("#")).forEach(line -> {
                int colon = line.indexOf(": ");
                values.merge(line.substring(0, colon), line.substring(colon + 2), String::concat);
            });
            if (!values.isEmpty()) {
                all.add(new Golden(
                        Objects.requireNonNull(values.get("name")),
                        values.get("refused"),
                        Objects.requireNonNull(values.get("is")),
                        Objects.requireNonNull(values.get("hex"))));
            }
        }
        return all;
    }

    private static Golden named(String name) throws IOException {
        return all().stream()
                .filter(golden -> golden.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    static Stream<Golden> goodFrames() throws IOException {
        return all().stream().filter(golden -> golden.refused() == null);
    }

    static Stream<Golden> framesThatWeWrite() throws IOException {
        return goodFrames().filter(golden -> !NOT_OURS_TO_WRITE.contains(golden.name()));
    }

    static Stream<Golden> badFramesOfTheCodec() throws IOException {
        return all().stream()
                .filter(golden -> golden.refused() != null)
                .filter(golden -> !LEFT_TO_THE_SESSION.contains(golden.name()));
    }

    private static FrameHeader headerOf(Golden golden) throws ProtocolException {
        FrameHeader header = new FrameHeader();
        ByteBuffer bytes = golden.bytes();
        header.decode(bytes, FrameHeader.lengthOf(bytes));
        return header;
    }

    private static ByteBuffer payloadOf(Golden golden) throws ProtocolException {
        return golden.bytes().position(headerOf(golden).headerLen()).slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    private static Body bodyOf(Golden golden) throws ProtocolException {
        return Bodies.parse(Objects.requireNonNull(headerOf(golden).type()), JsonBody.parse(payloadOf(golden)));
    }

    /** The frame with as many PING frames before it as its seq needs. */
    private static ByteBuffer afterItsPredecessors(Golden golden) {
        ByteBuffer bytes = golden.bytes();
        long seq = bytes.remaining() < 32 ? 1 : bytes.getLong(RawFrame.SEQ_AT);
        FrameWriter writer = new FrameWriter();
        ByteBuffer out = ByteBuffer.allocate(16 * 32 + bytes.remaining());
        while (seq <= 16 && writer.lastSeq() < seq - 1) {
            out.put(writer.empty(FrameType.PING));
        }
        return out.put(bytes).flip();
    }

    @Test
    void fileHasFramesOfEveryType() throws Exception {
        List<FrameType> types = new ArrayList<>();
        for (Golden golden : goodFrames().toList()) {
            FrameType type = headerOf(golden).type();
            if (type != null) {
                types.add(type);
            }
        }
        assertThat(types).contains(FrameType.values());
    }

    @ParameterizedTest
    @MethodSource("goodFrames")
    void goodFrameIsReadAsWhatItIs(Golden golden) throws Exception {
        assertThat(golden.bytes().getShort(RawFrame.HEADER_LEN_AT))
                .isEqualTo((short) headerOf(golden).headerLen());
        if (golden.name().equals(LARGE_SEQ)) {
            assertThat(FrameLog.wordsOfHeader(headerOf(golden))).isEqualTo(golden.words());
            return;
        }
        FrameLog log = new FrameLog();
        FrameReader reader = new FrameReader(log);
        reader.read(afterItsPredecessors(golden));
        FrameLog.Seen seen = log.seen.getLast();
        assertThat(seen.words()).isEqualTo(golden.words());
        if (headerOf(golden).type() != null) {
            assertThat(seen.payload()).isEqualTo(payloadOf(golden));
        }
        if (!golden.json().isEmpty()) {
            assertThat(StandardCharsets.UTF_8.decode(seen.payload().duplicate()).toString())
                    .isEqualTo(golden.json());
        }
        assertThat(reader.receivedSeq()).isEqualTo(headerOf(golden).seq());
        assertThat(reader.isInsideFrame()).isFalse();
    }

    @ParameterizedTest
    @MethodSource("framesThatWeWrite")
    void goodFrameIsWrittenToTheSameBytes(Golden golden) throws Exception {
        FrameHeader header = headerOf(golden);
        ByteBuffer payload = payloadOf(golden);
        ByteBuffer out = ByteBuffer.allocate(golden.bytes().remaining());
        switch (Objects.requireNonNull(header.type()).payload()) {
            case JSON -> {
                byte[] json = bodyOf(golden).toJson().toBytes();
                assertThat(new String(json, StandardCharsets.UTF_8)).isEqualTo(golden.json());
                new FrameHeader().set(header.type(), json.length, header.seq()).encode(out);
                out.put(json);
            }
            case EMPTY -> {
                if (header.type() == FrameType.ZERO) {
                    boolean mayDeallocate = header.dflags() == FrameHeader.DFLAG_MAY_DEALLOCATE;
                    new FrameHeader()
                            .setZero(
                                    header.seq(),
                                    header.volume(),
                                    mayDeallocate,
                                    header.offsetBytes(),
                                    header.zeroBytes(),
                                    header.epoch())
                            .encode(out);
                } else {
                    new FrameHeader().set(header.type(), 0, header.seq()).encode(out);
                }
            }
            case BLOCK -> {
                if (header.type() == FrameType.TEST) {
                    new FrameHeader()
                            .setTest(
                                    header.seq(),
                                    header.codec(),
                                    payload.remaining(),
                                    (int) header.rawLen(),
                                    header.rawCrc32c())
                            .encode(out);
                    out.put(payload);
                    break;
                }
                new FrameHeader()
                        .setData(
                                header.seq(),
                                header.volume(),
                                header.codec(),
                                payload.remaining(),
                                (int) header.rawLen(),
                                header.offsetBytes(),
                                header.epoch(),
                                header.rawCrc32c())
                        .encode(out);
                out.put(payload);
            }
            case EPOCH -> {
                new FrameHeader().set(header.type(), Long.BYTES, header.seq()).encode(out);
                out.putLong(payload.getLong());
            }
            case OFFER -> {
                HashOffer offer = HashOffer.read(payload);
                new FrameHeader()
                        .set(header.type(), payload.remaining(), header.seq())
                        .encode(out);
                offer.put(out);
            }
            case DIFF -> {
                HashDiff diff = HashDiff.read(payload);
                new FrameHeader()
                        .set(header.type(), payload.remaining(), header.seq())
                        .encode(out);
                diff.put(out);
            }
            case ACK -> {
                new FrameHeader()
                        .set(header.type(), payload.remaining(), header.seq())
                        .encode(out);
                int entries = (payload.remaining() - DurableAck.HEAD_BYTES) / DurableAck.ENTRY_BYTES;
                DurableAck.putHead(out, payload.getLong(0), entries);
                DurableAck.read(
                        payload,
                        (volume, durableSeq, limitBytes) -> DurableAck.putEntry(out, volume, durableSeq, limitBytes));
            }
        }
        assertThat(HexFormat.of().formatHex(out.array())).isEqualTo(golden.hex());
    }

    @Test
    void whatReceiversIgnoreChangesNoBody() throws Exception {
        Body minimal = bodyOf(named("hello-minimal"));
        assertThat(minimal)
                .isEqualTo(new Hello(
                        List.of(1),
                        List.of(),
                        "s-1",
                        "0123456789abcdef0123456789abcdef",
                        1,
                        List.of(new Hello.Disk("/dev/sda", 33_554_432, 512)),
                        null));
        assertThat(bodyOf(named("hello-unknown-members"))).isEqualTo(minimal);
        assertThat(bodyOf(named("hello-extension-40"))).isEqualTo(minimal);
    }

    @Test
    void blocksExpandToTheirCrc() throws Exception {
        for (Golden golden : goodFrames()
                .filter(g -> g.is().startsWith("DATA") || g.is().startsWith("TEST "))
                .toList()) {
            FrameHeader header = headerOf(golden);
            byte[] raw = new byte[payloadOf(golden).remaining()];
            payloadOf(golden).get(raw);
            if (header.codec() == FrameHeader.CODEC_LZ4) {
                raw = LZ4Factory.fastestInstance().safeDecompressor().decompress(raw, (int) header.rawLen());
            }
            CRC32C crc = new CRC32C();
            crc.update(raw);
            assertThat(raw).as(golden.name()).hasSize((int) header.rawLen());
            assertThat((int) crc.getValue()).as(golden.name()).isEqualTo(header.rawCrc32c());
        }
    }

    @ParameterizedTest
    @MethodSource("badFramesOfTheCodec")
    void badFrameIsRefusedWithItsCode(Golden golden) {
        assertThat(refusalByTheCodec(golden)).isEqualTo(golden.refused());
    }

    @Test
    void onlyWhatNeedsTheSessionIsLeftToIt() throws Exception {
        List<String> left = all().stream()
                .filter(golden -> golden.refused() != null && refusalByTheCodec(golden) == null)
                .map(Golden::name)
                .toList();
        assertThat(left).containsExactlyElementsOf(LEFT_TO_THE_SESSION);
    }

    @Test
    void namesTellWhichFramesAreBad() throws Exception {
        for (Golden golden : all()) {
            assertThat(golden.name().startsWith("bad-")).as(golden.name()).isEqualTo(golden.refused() != null);
        }
        assertThat(goodFrames().map(Golden::name)).containsAll(NOT_OURS_TO_WRITE);
    }

    /** The code with which the reader or the parser of the body refuses the frame, or null. */
    private static @Nullable String refusalByTheCodec(Golden golden) {
        FrameLog parsing = new FrameLog() {
            @Override
            public Admission admit(FrameHeader header) {
                return FrameLog.isBlock(header) ? Admission.SKIP : Admission.TAKE;
            }

            @Override
            public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
                FrameType type = Objects.requireNonNull(header.type());
                switch (type.payload()) {
                    case JSON -> Bodies.parse(type, JsonBody.parse(payload));
                    case OFFER -> HashOffer.read(payload);
                    case DIFF -> HashDiff.read(payload);
                    default -> {}
                }
            }
        };
        ErrorCode code = parsing.refusalOf(afterItsPredecessors(golden));
        return code == null ? null : code.name();
    }
}
