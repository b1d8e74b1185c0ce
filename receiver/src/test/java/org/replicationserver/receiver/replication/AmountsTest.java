package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AmountsTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0 bytes",
        "1023, 1023 bytes",
        "1024, 1.0 KiB",
        "67108864, 64.0 MiB",
        "1610612736, 1.5 GiB",
        "9223372036854775807, 8.0 EiB"
    })
    void bytesHaveTheLargestUnitOfWhichThereIsOne(long bytes, String words) {
        assertThat(Amounts.bytes(bytes)).isEqualTo(words);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0 s",
        "119, 119 s",
        "120, 2 min",
        "160, 2 min 40 s",
        "7199, 119 min 59 s",
        "7200, 2 h",
        "172799, 47 h 59 min",
        "172800, 2 days",
        "180000, 2 days 2 h"
    })
    void timesHaveTheLargestUnitOfWhichThereAreTwo(long seconds, String words) {
        assertThat(Amounts.seconds(seconds)).isEqualTo(words);
    }
}
