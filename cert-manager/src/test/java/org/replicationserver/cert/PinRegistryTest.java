package org.replicationserver.cert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PinRegistryTest {
    private static final Pin CURRENT = Pin.parse("sha256:" + "0a".repeat(32));
    private static final Pin NEXT = Pin.parse("sha256:" + "0b".repeat(32));

    private final PinRegistry registry = new PinRegistry();

    @Test
    void aSourceServerMayHaveSeveralPins() {
        registry.replaceAll(Map.of(CURRENT, "s-1", NEXT, "s-1"));
        assertThat(registry.sourceServerOf(CURRENT)).contains("s-1");
        assertThat(registry.sourceServerOf(NEXT)).contains("s-1");
    }

    @Test
    void replacingWithdrawsWhatIsNotNamedAgain() {
        registry.replaceAll(Map.of(CURRENT, "s-1"));
        registry.replaceAll(Map.of(NEXT, "s-2"));
        assertThat(registry.sourceServerOf(CURRENT)).isEmpty();
        assertThat(registry.sourceServerOf(NEXT)).contains("s-2");
    }

    @Test
    void laterChangesOfTheGivenMapChangeNothing() {
        Map<Pin, String> given = new HashMap<>(Map.of(CURRENT, "s-1"));
        registry.replaceAll(given);
        given.put(NEXT, "s-2");
        assertThat(registry.sourceServerOf(NEXT)).isEmpty();
    }

    @Test
    void aRefusedTableLeavesTheOldOneInForce() {
        registry.replaceAll(Map.of(CURRENT, "s-1"));
        assertThatThrownBy(() -> registry.replaceAll(Map.of(NEXT, " "))).isInstanceOf(IllegalArgumentException.class);
        assertThat(registry.sourceServerOf(CURRENT)).contains("s-1");
    }
}
