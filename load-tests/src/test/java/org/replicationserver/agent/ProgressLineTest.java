package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
    private static final long MIB = 1024 * 1024;

    @Test
    void tellsDonePercentRateCompressionDurableAndTimeLeft() {
        ProgressLine line = new ProgressLine();
        line.of(report(), disk(0), 1);
        assertThat(line.of(report(), disk(100 * MIB), 1))
                .isEqualTo("sda sending epoch 1: 100.0 MiB of 400.0 MiB (25.0 %), 100.0 MiB/s, compression 2.00,"
                        + " durable 80.0 MiB, 0 min 03 s left");
    }

    @Test
    void rateFollowsSlowly() {
        ProgressLine line = new ProgressLine();
        line.of(report(), disk(0), 1);
        line.of(report(), disk(100 * MIB), 1);
        assertThat(line.of(report(), disk(100 * MIB), 1)).contains(" 80.0 MiB/s");
    }

    private static AgentReport.Disk disk(long settled) {
        return new AgentReport.Disk("sda", 400 * MIB, settled, settled, 60 * MIB, 30 * MIB, 80 * MIB, null);
    }

    private static AgentReport report() {
        return new AgentReport(
                AgentReport.Phase.SENDING, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, List.of(), List.of(), null);
    }
}
