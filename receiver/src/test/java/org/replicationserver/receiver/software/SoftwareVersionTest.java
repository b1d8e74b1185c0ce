package org.replicationserver.receiver.software;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SoftwareVersionTest {
    private static SoftwareVersion version(String text) {
        return Objects.requireNonNull(SoftwareVersion.parse(text), text);
    }

    @ParameterizedTest
    @CsvSource({
        "1, 2, -1",
        "2, 10, -1",
        "1.2, 1.10, -1",
        "1.2, 1.2.0, 0",
        "1.2.0.1, 1.2, 1",
        "0, 0.0, 0",
        "999999999, 1000, 1"
    })
    void versionsAreComparedNumberByNumber(String one, String other, int order) {
        assertThat(Integer.signum(version(one).compareTo(version(other)))).isEqualTo(order);
        assertThat(Integer.signum(version(other).compareTo(version(one)))).isEqualTo(-order);
        assertThat(version(one).equals(version(other))).isEqualTo(order == 0);
        if (order == 0) {
            assertThat(version(one)).hasSameHashCodeAs(version(other));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "1.", ".1", "01", "1.-2", "v1", "1 2", "1234567890", "1.2.3.4.5.6.7.8.9", "1.2\n", "\u0661"})
    void textThatIsNoVersionIsNone(String text) {
        assertThat(SoftwareVersion.parse(text)).isNull();
    }
}
