package org.replicationserver.receiver.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an ERROR tells, and that it can be written whatever went wrong. */
final class ErrorBodyTest {
    private static ErrorBody sent(ErrorBody body) throws ProtocolException {
        return ErrorBody.parse(JsonBody.parse(body.toJson().toBytes()));
    }

    private static ErrorBody withText(String text) {
        return new ErrorBody(1, null, null, null, null, text);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 255, 256})
    void textUpTo256CharactersIsKept(int length) throws Exception {
        assertThat(sent(withText("x".repeat(length))).text()).isEqualTo("x".repeat(length));
    }

    @ParameterizedTest
    @ValueSource(ints = {257, 1025, 100_000})
    void longerTextIsShortenedTo256(int length) throws Exception {
        assertThat(sent(withText("x".repeat(length))).text()).isEqualTo("x".repeat(256));
    }

    @Test
    void textIsNotCutThroughASurrogatePair() throws Exception {
        assertThat(sent(withText("x".repeat(255) + "😀")).text()).isEqualTo("x".repeat(255));
        assertThat(sent(withText("x".repeat(254) + "😀y")).text()).isEqualTo("x".repeat(254) + "😀");
    }

    @ParameterizedTest
    @EnumSource
    void everyCodeIsTold(ErrorCode code) throws Exception {
        ErrorBody body = sent(new ProtocolException(code, "why").toBody());
        assertThat(body).isEqualTo(new ErrorBody(code.code(), code.name(), null, null, null, "why"));
        assertThat(ErrorCode.of(body.code())).isEqualTo(code);
        assertThat(code.isFatal()).isEqualTo(code != ErrorCode.EPOCH && code != ErrorCode.VOLUME_FAILED);
    }

    @Test
    void codeOfTomorrowIsReadAndUnknown() throws Exception {
        assertThat(ErrorCode.of(
                        sent(new ErrorBody(16, "NEW", null, null, null, null)).code()))
                .isNull();
        assertThat(ErrorCode.of(65535)).isNull();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 512, ProtocolLimits.DISK_BYTES_MAX})
    void offsetOfABlockIsTold(long offset) throws Exception {
        ErrorBody body = ProtocolException.ofBlock(ErrorCode.RANGE, "why", Long.MAX_VALUE, 65535, offset)
                .toBody();
        assertThat(sent(body)).isEqualTo(new ErrorBody(8, "RANGE", "9223372036854775807", 65535, offset, "why"));
    }

    @ParameterizedTest
    @ValueSource(longs = {ProtocolLimits.DISK_BYTES_MAX + 1, Long.MAX_VALUE, Long.MIN_VALUE, -1})
    void offsetThatNoVolumeHasIsLeftOut(long offset) throws Exception {
        FrameHeader header = new FrameHeader().setData(3, 7, 0, 512, 512, offset, 1, 0);
        ErrorBody body =
                sent(ProtocolException.at(header, ErrorCode.RANGE, "why").toBody());
        assertThat(body).isEqualTo(new ErrorBody(8, "RANGE", "3", 7, null, "why"));
    }

    @Test
    void frameThatIsNoBlockHasNoVolume() throws Exception {
        FrameHeader header = new FrameHeader().set(FrameType.FENCE, 8, 3);
        assertThat(sent(ProtocolException.at(header, ErrorCode.EPOCH, "why").toBody()))
                .isEqualTo(new ErrorBody(10, "EPOCH", "3", null, null, "why"));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, Long.MIN_VALUE, -1})
    void seqThatNoFrameHasIsLeftOut(long seq) throws Exception {
        FrameHeader header = new FrameHeader().set(FrameType.PING, 0, seq);
        assertThat(sent(ProtocolException.at(header, ErrorCode.SEQUENCE, "why").toBody())
                        .seq())
                .isNull();
    }
}
