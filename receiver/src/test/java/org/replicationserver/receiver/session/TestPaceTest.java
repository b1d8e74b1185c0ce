package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** What speed tests may take beside replication. */
final class TestPaceTest {
    private static final long MILLISECOND = 1_000_000;

    private final TestPace pace = new TestPace();

    @Test
    void withoutReplicationEverythingPasses() {
        for (int i = 0; i < 100; i++) {
            assertThat(pace.mayPass(i)).isTrue();
            pace.passed(1 << 20, i);
        }
    }

    @Test
    void nothingPassesBeforeReplicationHasMadeUpForIt() {
        pace.replicated(1, 0);
        assertThat(pace.mayPass(0)).isTrue();
        pace.passed(1000, 0);
        pace.replicated(1000 * TestPace.REPLICATION_PER_TEST - 1, 0);
        assertThat(pace.mayPass(0)).isFalse();
        pace.replicated(1, 0);
        assertThat(pace.mayPass(0)).isTrue();
    }

    @Test
    void whatPassedBeforeReplicationBeganIsNoDebt() {
        pace.passed(1 << 20, 0);
        pace.replicated(1, 1);
        assertThat(pace.mayPass(1)).isTrue();
    }

    @Test
    void replicationThatPausesForASecondHasEnded() {
        pace.replicated(1, 0);
        pace.passed(1 << 20, 0);
        assertThat(pace.mayPass(TestPace.QUIET_NANOS)).isFalse();
        assertThat(pace.mayPass(TestPace.QUIET_NANOS + 1)).isTrue();
    }

    @Test
    void shareIsKeptWhateverTheSizesOfPieces() {
        Random random = new Random(1);
        long replicated = 0;
        long passed = 0;
        for (long now = 0; now < 100_000 * MILLISECOND; now += MILLISECOND) {
            int bytes = random.nextInt(1, 1 << 18);
            pace.replicated(bytes, now);
            replicated += bytes;
            if (pace.mayPass(now)) {
                int piece = random.nextInt(1, 1 << 20);
                pace.passed(piece, now);
                passed += piece;
            }
        }
        assertThat((double) passed / replicated)
                .isBetween(0.95 / TestPace.REPLICATION_PER_TEST, 1.05 / TestPace.REPLICATION_PER_TEST);
    }
}
