package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ToldFailuresTest {
    private long nowNanos = -1;
    private final ToldFailures failures = new ToldFailures(() -> nowNanos);

    @Test
    void sameFailureIsToldOnceInAWhile() {
        assertThat(failures.tells("A", "refused")).isTrue();
        nowNanos += ToldFailures.REMINDER.toNanos() - 1;
        assertThat(failures.tells("A", "refused")).isFalse();
        nowNanos++;
        assertThat(failures.tells("A", "refused")).isTrue();
        assertThat(failures.tells("A", "refused")).isFalse();
    }

    @Test
    void anotherFailureOrOperationIsToldAtOnce() {
        failures.tells("A", "refused");
        assertThat(failures.tells("B", "refused")).isTrue();
        assertThat(failures.tells("A", "timed out")).isTrue();
        assertThat(failures.tells("A", "refused")).isTrue();
    }

    @Test
    void failureAfterAnAnswerIsToldAgainAndTheAnswerOnce() {
        assertThat(failures.ended("A")).isFalse();
        failures.tells("A", "refused");
        assertThat(failures.ended("A")).isTrue();
        assertThat(failures.ended("A")).isFalse();
        assertThat(failures.tells("A", "refused")).isTrue();
    }
}
