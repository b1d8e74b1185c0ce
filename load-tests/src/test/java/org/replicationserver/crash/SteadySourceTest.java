package org.replicationserver.crash;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class SteadySourceTest {
    /** So many milliseconds took each cycle at first, and then so many. */
    private static List<Long> cycles(long firstMillis, long... laterMillis) {
        return Stream.concat(
                        Stream.generate(() -> firstMillis).limit(SteadySource.CYCLES_UNDISTURBED),
                        Arrays.stream(laterMillis).boxed())
                .map(millis -> Duration.ofMillis(millis).toNanos())
                .toList();
    }

    @Test
    void oneSlowCycleOfManyIsNoDisturbance() {
        assertThatCode(() -> SteadySource.requireNotSlowed(cycles(10, 230, 230, 5200)))
                .doesNotThrowAnyException();
    }

    @Test
    void cyclesThatAreSlowerThanBeforeAreOne() {
        assertThatThrownBy(() -> SteadySource.requireNotSlowed(cycles(10, 10, 231, 231)))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("half took up to PT0.01S at first and then PT0.231S");
    }

    @Test
    void aCycleThatTakesVeryLongIsOne() {
        assertThatThrownBy(() -> SteadySource.requireNotSlowed(cycles(10, 10, 10, 5201)))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("number 28, took PT5.201S");
    }
}
