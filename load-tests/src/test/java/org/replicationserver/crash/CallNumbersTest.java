package org.replicationserver.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CallNumbersTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 5, 14, 70})
    void twiceAsManyCasesAsCallsMeanEachCall(int calls) {
        assertThat(IntStream.range(0, 2 * calls)
                        .mapToObj(number -> CallNumbers.of(number, calls))
                        .collect(Collectors.toSet()))
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.rangeClosed(1, calls).boxed().toList());
    }
}
