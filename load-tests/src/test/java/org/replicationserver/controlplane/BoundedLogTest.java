package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class BoundedLogTest {
    @Test
    void theOldestGoWhenThereAreTooManyOrTheyAreTooLarge() {
        BoundedLog<Integer> log = new BoundedLog<>(3, 10);
        for (int i = 1; i <= 4; i++) {
            log.add(i, 1);
        }
        assertThat(log.newest()).containsExactly(2, 3, 4);
        log.add(5, 9);
        assertThat(log.newest()).containsExactly(4, 5);
        log.add(6, 11);
        assertThat(log.newest()).containsExactly(6);
        assertThat(log.total()).isEqualTo(6);
    }
}
