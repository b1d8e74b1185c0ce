package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.replication.StageClocks;
import org.replicationserver.receiver.staging.VolumeStatistics;

/** How the clock of the instance's limit runs. */
final class InstanceLimitClockTest {
    private static final long SECOND_NANOS = 1_000_000_000L;
    private static final List<String> VOLUMES = List.of("vol-a", "vol-b");

    private final Map<String, VolumeStatistics> statistics = new HashMap<>();
    private long nowNanos = 5;
    private final InstanceLimitClock clock = new InstanceLimitClock(statistics::get, () -> nowNanos);

    private void tell(String volumeId, double fraction) {
        statistics.put(volumeId, new VolumeStatistics(volumeId, null, null, 0, fraction));
    }

    private long after(long seconds) {
        nowNanos += seconds * SECOND_NANOS;
        return clock.nanos("s-1", VOLUMES);
    }

    @Test
    void clockIsUnknownWhereNoVolumeTells() {
        assertThat(after(1)).isEqualTo(StageClocks.UNKNOWN);
        tell("vol-a", -1);
        assertThat(after(1)).isEqualTo(StageClocks.UNKNOWN);
    }

    @Test
    void clockRunsAsFastAsTheVolumeThatSawTheMost() {
        tell("vol-a", 0.25);
        tell("vol-b", 0.5);
        assertThat(after(1)).isZero();
        assertThat(after(2)).isEqualTo(SECOND_NANOS);
        tell("vol-b", 0);
        assertThat(after(4)).isEqualTo(2 * SECOND_NANOS);
    }

    @Test
    void clockStandsWhileTheLimitIsNotExceededAndNeverGoesBack() {
        tell("vol-a", 0);
        assertThat(after(1)).isZero();
        assertThat(after(100)).isZero();
    }

    @Test
    void clockThatWasUnknownBeginsAtZeroAndCountsNothingOfTheTimeBetween() {
        tell("vol-a", 1);
        after(1);
        assertThat(after(1)).isEqualTo(SECOND_NANOS);
        statistics.clear();
        assertThat(after(50)).isEqualTo(StageClocks.UNKNOWN);
        tell("vol-a", 1);
        assertThat(after(1)).isZero();
    }

    @Test
    void sourceServersHaveClocksOfTheirOwnAndThoseThatAreGoneAreForgotten() {
        tell("vol-a", 1);
        after(1);
        after(1);
        assertThat(clock.nanos("s-2", VOLUMES)).isZero();
        clock.keepOnly(Set.of("s-2"));
        assertThat(after(0)).isZero();
    }
}
