package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Device numbers as sysfs writes them. */
final class DeviceNumberTest {
    @Test
    void isReadAndWrittenAsSysfsHasIt() {
        DeviceNumber number = DeviceNumber.parse("259:3");
        assertThat(number).isEqualTo(new DeviceNumber(259, 3)).hasToString("259:3");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "259", "259:", ":3", "259:3\n", "-1:3", "259:3:4", "9999999999:1"})
    void whatIsNoNumberIsNone(String text) {
        assertThat(DeviceNumber.parse(text)).isNull();
    }
}
