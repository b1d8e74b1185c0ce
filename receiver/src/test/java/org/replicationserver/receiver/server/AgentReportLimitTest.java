package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class AgentReportLimitTest {
    private static final long INTERVAL_MILLIS = AgentReportLimit.INTERVAL.toMillis();

    private final AgentReportLimit limit = new AgentReportLimit();

    private int takenOf(int times, long nowMillis) {
        int taken = 0;
        for (int i = 0; i < times; i++) {
            taken += limit.take(nowMillis) ? 1 : 0;
        }
        return taken;
    }

    @Test
    void burstIsToldAndWhatFollowsIsCounted() {
        assertThat(takenOf(100, 1)).isEqualTo(AgentReportLimit.BURST);
        assertThat(limit.takeSuppressed()).isEqualTo(100 - AgentReportLimit.BURST);
        assertThat(limit.takeSuppressed()).as("told once").isZero();
    }

    @Test
    void afterTheBurstOneIsToldInAnInterval() {
        takenOf(100, 0);
        assertThat(takenOf(9, INTERVAL_MILLIS - 1)).isZero();
        assertThat(takenOf(9, INTERVAL_MILLIS)).isEqualTo(1);
        assertThat(takenOf(9, 4 * INTERVAL_MILLIS)).isEqualTo(3);
    }

    @Test
    void silenceGivesBackTheWholeBurstAndNoMore() {
        takenOf(100, 0);
        assertThat(takenOf(100, 10_000 * INTERVAL_MILLIS)).isEqualTo(AgentReportLimit.BURST);
    }
}
