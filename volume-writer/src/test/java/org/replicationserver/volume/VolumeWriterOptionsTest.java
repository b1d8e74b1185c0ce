package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class VolumeWriterOptionsTest {
    @Test
    void defaultsAreTheProtocolsRegionsAndRounds() {
        assertThat(VolumeWriterOptions.defaults()).isEqualTo(new VolumeWriterOptions(false, 16L << 20, 8L << 20));
    }

    @Test
    void eachOptionCanBeSetByItself() {
        assertThat(VolumeWriterOptions.defaults()
                        .withFresh(true)
                        .withRegionBytes(1 << 20)
                        .withForceBytesMax(1))
                .isEqualTo(new VolumeWriterOptions(true, 1 << 20, 1));
    }

    @Test
    void regionsAreAPowerOfTwoAndRoundsArePositive() {
        VolumeWriterOptions defaults = VolumeWriterOptions.defaults();
        assertThatThrownBy(() -> defaults.withRegionBytes(3 << 20)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> defaults.withRegionBytes(512)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> defaults.withForceBytesMax(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
