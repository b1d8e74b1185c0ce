package org.replicationserver.receiver.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WordsTest {
    @ParameterizedTest
    @CsvSource({"port,port,0", "prot,port,1", "por,port,1", "port,ports,1", "a,xyz,3", "'',abc,3"})
    void distanceCountsEditsAndSwaps(String a, String b, int edits) {
        assertThat(Nearest.distance(a, b)).isEqualTo(edits);
    }

    @Test
    void nearestOfAVeryLongWordIsFoundFast() {
        assertThat(Nearest.to("x".repeat(1_000_000), List.of("listen.port"))).isEqualTo("listen.port");
    }

    @ParameterizedTest
    @CsvSource({
        "0,0",
        "1500,1500",
        "1024,1KiB",
        "262144,256KiB",
        "8388608,8MiB",
        "68719476736,64GiB",
        "70368744177664,64TiB"
    })
    void sizesAreWrittenInTheLargestExactUnit(long bytes, String text) {
        assertThat(ByteSize.format(bytes)).isEqualTo(text);
        assertThat(ByteSize.parse(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "1.5MiB", "8MB", "8 MiB", "8mib", "KiB", "99999999999999999999"})
    void whatIsNoSizeIsRefused(String text) {
        assertThatThrownBy(() -> ByteSize.parse(text)).isInstanceOf(NumberFormatException.class);
    }

    @Test
    void sizeBeyond63BitsIsRefused() {
        assertThatThrownBy(() -> ByteSize.parse("9223372036854775807TiB")).isInstanceOf(ArithmeticException.class);
    }

    @Test
    void valueInAMessageStaysOneShortLine() {
        assertThat(Mistakes.display("a\nb\u001b[31m")).isEqualTo("a?b?[31m");
        assertThat(Mistakes.display("a\u009b31m\u202eb")).isEqualTo("a?31m?b");
        assertThat(Mistakes.display("x".repeat(500))).hasSizeLessThan(110);
    }
}
