package org.replicationserver.receiver.tool;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.SequenceInputStream;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import picocli.CommandLine;

class DecodeCommandTest {
    private record Outcome(int exitCode, String out, String err) {}

    @TempDir
    private Path directory = Path.of("");

    private final FrameWriter writer = new FrameWriter();
    private final ByteArrayOutputStream stream = new ByteArrayOutputStream();

    private void add(ByteBuffer frame) {
        byte[] bytes = new byte[frame.remaining()];
        frame.get(bytes);
        stream.writeBytes(bytes);
    }

    private void addData(byte[] payload) {
        ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES + payload.length);
        writer.dataHeader(frame, 3, FrameHeader.CODEC_LZ4, payload.length, 4096, 8192, 7, 0xCAFE);
        add(frame.put(payload).flip());
    }

    private void addZero() {
        ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES);
        writer.zero(frame, 3, true, 0, 65536, 7);
        add(frame.flip());
    }

    private void addAck() {
        ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BYTES + DurableAck.bytes(2));
        writer.ackHeader(frame, 2);
        DurableAck.putHead(frame, 9, 2);
        DurableAck.putEntry(frame, 0, 5, 262144);
        DurableAck.putEntry(frame, 1, 6, 524288);
        add(frame.flip());
    }

    private Outcome decode() throws IOException {
        return decodeFile(
                Files.write(directory.resolve("frames"), stream.toByteArray()).toString());
    }

    private static Outcome decodeFile(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = new CommandLine(new DecodeCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(arguments);
        return new Outcome(exitCode, out.toString(), err.toString());
    }

    @Test
    void everyKindOfFrameIsALineWithItsOffset() throws Exception {
        add(writer.empty(FrameType.PING));
        addData("customer data".getBytes(StandardCharsets.UTF_8));
        addZero();
        add(writer.fence(7));
        addAck();
        add(writer.json(FrameType.BYE, new Bye("done \u009b31m")));

        assertThat(decode()).isEqualTo(new Outcome(0, """
                        0 PING seq=1 payload_len=0
                        32 DATA seq=2 payload_len=13 volume=3 offset=8192 epoch=7 codec=1 raw_len=4096 raw_crc32c=0000cafe
                        109 ZERO seq=3 payload_len=0 volume=3 offset=0 epoch=7 length=65536 dflags=1
                        173 FENCE seq=4 payload_len=8 epoch=7
                        213 DURABLE_ACK seq=5 payload_len=64 received_seq=9 [volume=0 durable_seq=5 limit_bytes=262144] [volume=1 durable_seq=6 limit_bytes=524288]
                        309 BYE seq=6 payload_len=23 {"reason":"done \\u009b31m"}
                        """, ""));
    }

    @Test
    void unknownFrameThatMayBeIgnoredIsPassedOver() throws Exception {
        stream.write(ignorable(new byte[] {1, 2, 3}));
        assertThat(decode()).isEqualTo(new Outcome(0, "0 type-80 seq=1 payload_len=3 (ignorable)\n", ""));
    }

    /** A frame that no writer makes: a PING's header with another type, another length and its CRC made right again. */
    private static byte[] ignorable(byte[] payload) {
        ByteBuffer frame =
                ByteBuffer.allocate(FrameHeader.BYTES + payload.length).order(ByteOrder.LITTLE_ENDIAN);
        frame.putInt(FrameHeader.MAGIC).put((byte) 0x80).put((byte) 0).putShort((short) FrameHeader.BYTES);
        frame.putInt(payload.length).putInt(0).putLong(1).putInt(0).putInt(0);
        CRC32C crc = new CRC32C();
        crc.update(frame.array(), 0, FrameHeader.BYTES);
        frame.putInt(24, (int) crc.getValue());
        return frame.put(payload).array();
    }

    @Test
    void faultIsToldWithTheOffsetOfItsFrame() throws Exception {
        addData(new byte[100]);
        add(writer.empty(FrameType.PING));
        byte[] bytes = stream.toByteArray();
        bytes[164 + 16] ^= 1;
        stream.reset();
        stream.write(bytes);

        assertThat(decode())
                .isEqualTo(new Outcome(
                        1,
                        "0 DATA seq=1 payload_len=100 volume=3 offset=8192 epoch=7 codec=1 raw_len=4096"
                                + " raw_crc32c=0000cafe\n",
                        "164 fault: PROTOCOL header_crc32c is wrong\n"));
    }

    @Test
    void bodyThatIsNoJsonIsAFault() throws Exception {
        add(writer.json(FrameType.BYE, new Bye("x")));
        byte[] bytes = stream.toByteArray();
        bytes[FrameHeader.BYTES] = 'x';
        stream.reset();
        stream.write(bytes);
        assertThat(decode()).isEqualTo(new Outcome(1, "", "0 fault: PROTOCOL the body is not valid JSON\n"));
    }

    @Test
    void streamMayBeginAtAnyFrame() throws Exception {
        addData(new byte[100]);
        stream.reset();
        add(writer.empty(FrameType.PING));
        add(writer.fence(7));
        assertThat(decode())
                .isEqualTo(new Outcome(0, "0 PING seq=2 payload_len=0\n32 FENCE seq=3 payload_len=8 epoch=7\n", ""));
    }

    @Test
    void decodingGoesOnAfterAGapAndAfterABodyThatDoesNotParse() throws Exception {
        add(writer.empty(FrameType.PING));
        writer.empty(FrameType.PING);
        ByteBuffer bye = writer.json(FrameType.BYE, new Bye("x"));
        bye.put(FrameHeader.BYTES, (byte) 'x');
        add(bye);
        add(writer.empty(FrameType.PONG));
        assertThat(decode()).isEqualTo(new Outcome(1, """
                        0 PING seq=1 payload_len=0
                        78 PONG seq=4 payload_len=0
                        """, """
                        32 fault: SEQUENCE seq=3, next is 2
                        32 fault: PROTOCOL the body is not valid JSON
                        """));
    }

    /** The golden frames stand alone, with seqs from anywhere; what is wrong with many bad ones only a session can tell. */
    @Test
    void goldenFramesAreDecodedFromTheirText() throws Exception {
        Path golden = Path.of("protocol", "golden", "frames.txt");
        List<String> names = Files.readAllLines(golden).stream()
                .filter(line -> line.startsWith("name: "))
                .map(line -> line.substring(6))
                .toList();

        Outcome outcome = decodeFile("--hex", golden.toString());

        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.out().lines().filter(line -> !line.startsWith("0 "))).containsExactlyElementsOf(names);
        List<String> lines = outcome.out().lines().toList();
        for (String name : names) {
            if (!name.startsWith("bad-")) {
                assertThat(lines.get(lines.indexOf(name) + 1)).as(name).startsWith("0 ");
            }
        }
        assertThat(outcome.err()).doesNotContain("SEQUENCE");
    }

    @Test
    void textThatIsNotHexadecimalIsOneLine() throws Exception {
        Path text = Files.writeString(directory.resolve("text"), "name: x\nhex: 4252\nhex: 42ZZ\n");
        assertThat(decodeFile("--hex", text.toString()))
                .isEqualTo(new Outcome(74, "", text + ": cannot be read: line 3 is not hexadecimal\n"));
    }

    @Test
    void streamThatIsCutOffIsAFault() throws Exception {
        add(writer.empty(FrameType.PING));
        addData(new byte[100]);
        byte[] whole = stream.toByteArray();
        stream.reset();
        stream.write(Arrays.copyOf(whole, whole.length - 1));
        assertThat(decode())
                .isEqualTo(new Outcome(
                        1,
                        "0 PING seq=1 payload_len=0\n",
                        "32 fault: the stream ends inside a frame, after 163 bytes of it\n"));
    }

    @Test
    void emptyStreamIsWhole() throws Exception {
        assertThat(decode()).isEqualTo(new Outcome(0, "", ""));
    }

    @Test
    void standardInputIsRead() throws Exception {
        add(writer.empty(FrameType.PONG));
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream(stream.toByteArray()));
        try {
            assertThat(decodeFile("-")).isEqualTo(new Outcome(0, "0 PONG seq=1 payload_len=0\n", ""));
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void fileThatCannotBeReadIsOneLine() {
        assertThat(decodeFile("/nowhere/x")).isEqualTo(new Outcome(74, "", "/nowhere/x: no such file\n"));
        assertThat(decodeFile(directory.toString()))
                .satisfies(o -> assertThat(o.exitCode()).isEqualTo(74))
                .satisfies(o -> assertThat(o.err()).contains("cannot be read").hasLineCount(1));
        assertThat(decodeFile().exitCode()).isEqualTo(2);
    }

    @Test
    void offsetsGoBeyondTheChunksInWhichTheStreamIsRead() throws Exception {
        for (int i = 0; i < 5; i++) {
            addData(new byte[100_000]);
        }
        String lines = decode().out();
        assertThat(lines).hasLineCount(5).contains("\n400256 DATA seq=5 ");
    }

    @Test
    void blockOfAnyLengthTakesNoMemory() throws Exception {
        ByteBuffer header = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES);
        writer.dataHeader(header, 0, 0, -1, 512, 0, 1, 0);
        InputStream in = new SequenceInputStream(
                new ByteArrayInputStream(header.array()), new ByteArrayInputStream(new byte[1 << 20]));
        List<String> faults = new ArrayList<>();
        assertThat(new StreamPrinter(new PrintWriter(Writer.nullWriter()), faults::add).print(in))
                .isFalse();
        assertThat(faults).containsExactly("0 fault: the stream ends inside a frame, after 1048640 bytes of it");
    }
}
