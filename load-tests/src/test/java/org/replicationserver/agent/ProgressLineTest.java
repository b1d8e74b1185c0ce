package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProgressLineTest {
    private static final long MIB = 1024 * 1024;

    @Test
    void tellsPercentRateTimeLeftAndCompression() {
        ProgressLine line = new ProgressLine();
        line.of(1, disk(0), 1);
        assertThat(line.of(1, disk(300 * MIB), 3))
                .isEqualTo("sda epoch 1: 75.0 % of 400.0 MiB, 100.0 MiB/s, 0 min 01 s left, compression 2.00");
    }

    @Test
    void firstLineHasNoRateAndTheFirstSecondsNoTimeLeft() {
        ProgressLine line = new ProgressLine();
        assertThat(line.of(1, disk(MIB), 1)).doesNotContain("/s", "left");
        assertThat(line.of(1, disk(2 * MIB), 1)).contains(" 1.0 MiB/s").doesNotContain("left");
    }

    @Test
    void rateFollowsSlowly() {
        ProgressLine line = new ProgressLine();
        line.of(1, disk(0), 1);
        line.of(1, disk(100 * MIB), 1);
        assertThat(line.of(1, disk(100 * MIB), 1)).contains(" 80.0 MiB/s");
    }

    @Test
    void rescanTellsWhatWasComparedAndWhatDiffers() {
        AgentReport.Disk rescanning = new AgentReport.Disk(
                "sda", 400 * MIB, 100 * MIB, 0, 0, 0, 0, true, 120 * MIB, 100 * MIB, 20 * MIB, null);
        assertThat(new ProgressLine().of(1, rescanning, 1))
                .isEqualTo("sda epoch 1: 25.0 % of 400.0 MiB, 120.0 MiB compared, 20.0 MiB of it differ");
    }

    private static AgentReport.Disk disk(long settled) {
        return new AgentReport.Disk(
                "sda", 400 * MIB, settled, settled, 60 * MIB, 30 * MIB, 80 * MIB, false, 0, 0, 0, null);
    }
}
