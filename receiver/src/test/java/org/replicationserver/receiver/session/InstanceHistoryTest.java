package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class InstanceHistoryTest {
    private static final long SECOND = 1_000_000_000L;

    private final InstanceHistory history = new InstanceHistory(List.of());

    private boolean refused(String instance, long seconds) {
        return history.hello(instance, "address of " + instance, seconds * SECOND)
                .refused();
    }

    @Test
    void agentThatIsRestartedAgainAndAgainIsNoDuplicate() {
        for (int i = 0; i < 100; i++) {
            assertThat(refused("instance-" + i, i)).isFalse();
        }
    }

    @Test
    void ofTwoThatTakeTurnsTheLaterIsRefusedAtTheFourthReturn() {
        for (String turn : List.of("a", "b", "a", "b", "a")) {
            assertThat(refused(turn, 1)).as(turn).isFalse();
        }
        InstanceHistory.Verdict verdict = history.hello("b", "address of b", 2 * SECOND);
        assertThat(verdict.refused()).isTrue();
        assertThat(verdict.newlyRefused()).isTrue();
        assertThat(verdict.otherAddress()).isEqualTo("address of a");
        assertThat(refused("a", 3)).isFalse();
        assertThat(refused("b", 4000)).as("until an operator chooses").isTrue();
    }

    @Test
    void returnsThatAreFarApartAreNoDuplicate() {
        for (int i = 0; i < 20; i++) {
            assertThat(refused(i % 2 == 0 ? "a" : "b", i * 120L)).isFalse();
        }
    }

    @Test
    void operatorAcceptsTheRefusedOneAgain() {
        for (String turn : List.of("a", "b", "a", "b", "a", "b")) {
            refused(turn, 1);
        }
        assertThat(history.refused()).containsExactly("b");
        history.acceptAll();
        assertThat(refused("b", 2)).isFalse();
    }

    @Test
    void whoIsRefusedSurvivesARestartOfTheServer() {
        assertThat(new InstanceHistory(List.of("b")).hello("b", "x", 0).refused())
                .isTrue();
    }
}
