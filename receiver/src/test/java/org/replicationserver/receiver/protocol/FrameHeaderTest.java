package org.replicationserver.receiver.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Headers at the ends of their fields' ranges. */
final class FrameHeaderTest {
    private static FrameHeader decoded(ByteBuffer bytes) throws ProtocolException {
        FrameHeader header = new FrameHeader();
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        header.decode(bytes, FrameHeader.lengthOf(bytes));
        return header;
    }

    @Test
    void crcIsTheSpecifiedOne() {
        CRC32C crc = new CRC32C();
        crc.update("123456789".getBytes(StandardCharsets.US_ASCII));
        assertThat((int) crc.getValue()).isEqualTo(0xE3069283);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 511, 1L << 46, Long.MAX_VALUE, Long.MIN_VALUE, -1})
    void dataKeepsEveryValue(long value) throws Exception {
        ByteBuffer bytes = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES);
        new FrameHeader()
                .setData(value, 65535, 255, Integer.MAX_VALUE, (int) value, value, ~value, (int) ~value)
                .encode(bytes);
        FrameHeader header = decoded(bytes);
        assertThat(bytes.hasRemaining()).isFalse();
        assertThat(header.type()).isEqualTo(FrameType.DATA);
        assertThat(header.typeCode()).isEqualTo(0x61);
        assertThat(header.headerLen()).isEqualTo(64);
        assertThat(header.seq()).isEqualTo(value);
        assertThat(header.volume()).isEqualTo(65535);
        assertThat(header.codec()).isEqualTo(255);
        assertThat(header.dflags()).isZero();
        assertThat(header.payloadLen()).isEqualTo(Integer.MAX_VALUE);
        assertThat(header.rawLen()).isEqualTo(value & 0xffff_ffffL);
        assertThat(header.blockBytes()).isEqualTo(header.rawLen());
        assertThat(header.offsetBytes()).isEqualTo(value);
        assertThat(header.epoch()).isEqualTo(~value);
        assertThat(header.rawCrc32c()).isEqualTo((int) ~value);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 511, 1L << 46, Long.MAX_VALUE, Long.MIN_VALUE, -1})
    void zeroKeepsEveryValue(long value) throws Exception {
        ByteBuffer bytes = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES);
        new FrameHeader().setZero(value, 65535, true, ~value, value, ~value).encode(bytes);
        FrameHeader header = decoded(bytes);
        assertThat(header.type()).isEqualTo(FrameType.ZERO);
        assertThat(header.seq()).isEqualTo(value);
        assertThat(header.volume()).isEqualTo(65535);
        assertThat(header.codec()).isZero();
        assertThat(header.dflags()).isEqualTo(FrameHeader.DFLAG_MAY_DEALLOCATE);
        assertThat(header.payloadLen()).isZero();
        assertThat(header.rawLen()).isZero();
        assertThat(header.offsetBytes()).isEqualTo(~value);
        assertThat(header.zeroBytes()).isEqualTo(value);
        assertThat(header.blockBytes()).isEqualTo(value);
        assertThat(header.epoch()).isEqualTo(~value);
    }

    @Test
    void lengthsAreUnsigned() throws Exception {
        RawFrame frame = RawFrame.of(0x61, 64, 1, new byte[0]).payloadLen(0xffff_ffffL);
        frame.bytes().putInt(36, -1).putShort(32, (short) -1);
        FrameHeader header = decoded(frame.seal().bytes());
        assertThat(header.payloadLen()).isEqualTo(0xffff_ffffL);
        assertThat(header.rawLen()).isEqualTo(0xffff_ffffL);
        assertThat(header.volume()).isEqualTo(65535);
    }

    @Test
    void reusedHeaderKeepsNothingOfThePreviousFrame() throws Exception {
        FrameHeader reused = new FrameHeader();
        reused.setData(-1, 65535, 255, -1, -1, -1, -1, -1).encode(ByteBuffer.allocate(64));
        ByteBuffer zero = ByteBuffer.allocate(64);
        reused.setZero(2, 0, false, 0, 512, 0).encode(zero);
        ByteBuffer expected = ByteBuffer.allocate(64);
        new FrameHeader().setZero(2, 0, false, 0, 512, 0).encode(expected);
        assertThat(zero.flip()).isEqualTo(expected.flip());

        ByteBuffer ping = ByteBuffer.allocate(32);
        reused.set(FrameType.PING, 0, 3).encode(ping);
        assertThat(ping.flip()).isEqualTo(RawFrame.of(0x30, 32, 3, new byte[0]).whole());
    }

    @Test
    void headerIsWrittenAtThePositionWhateverTheOrderOfTheBuffer() {
        ByteBuffer bytes = ByteBuffer.allocate(7 + 64 + 5).order(ByteOrder.BIG_ENDIAN);
        bytes.position(7);
        new FrameHeader().setZero(1, 2, true, 512, 1024, 3).encode(bytes);
        assertThat(bytes.position()).isEqualTo(7 + 64);
        assertThat(bytes.limit()).isEqualTo(7 + 64 + 5);
        ByteBuffer alone = ByteBuffer.allocate(64);
        new FrameHeader().setZero(1, 2, true, 512, 1024, 3).encode(alone);
        assertThat(bytes.slice(7, 64)).isEqualTo(alone.flip());
    }

    @Test
    void typesAreThoseOfTheSpecification() {
        assertThat(FrameType.values())
                .extracting(FrameType::code)
                .containsExactly(
                        0x01, 0x02, 0x03, 0x04, 0x05, 0x10, 0x11, 0x12, 0x13, 0x14, 0x20, 0x21, 0x30, 0x31, 0x32, 0x40,
                        0x41, 0x42, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68);
        for (FrameType type : FrameType.values()) {
            assertThat(FrameType.of(type.code())).isEqualTo(type);
        }
    }
}
