package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class InstanceHistoryTest {
    private static final long SECOND = 1_000_000_000L;

    private final InstanceHistory history = new InstanceHistory(List.of());

    private boolean refused(String instance, long seconds) {
        return hello(instance, "pin", seconds).refused();
    }

    private InstanceHistory.Verdict hello(String instance, String pin, long seconds) {
        return history.hello(instance, "address of " + instance, pin, seconds * SECOND);
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
        InstanceHistory.Verdict verdict = hello("b", "pin", 2);
        assertThat(verdict.refused()).isTrue();
        assertThat(verdict.newlyRefused()).isEqualTo(new RefusedAgent("b", "address of b", "address of a", true));
        assertThat(refused("a", 3)).isFalse();
        assertThat(refused("b", 4000)).as("until an operator chooses").isTrue();
    }

    @Test
    void ofTwoThatTakeTurnsTheLaterIsRefusedAlsoWhenTheEarlierComes() {
        for (String turn : List.of("a", "b", "c", "b", "c", "b", "a")) {
            assertThat(refused(turn, 1)).as(turn).isFalse();
        }
        assertThat(history.refused())
                .as("b is named with its own address, not with that of who came")
                .containsExactly(new RefusedAgent("b", "address of b", "address of a", true));
    }

    @Test
    void twoKeysOfOneSourceServerAreToldFromAClone() {
        for (String turn : List.of("a", "b", "a", "b", "a")) {
            hello(turn, "pin of " + turn, 1);
        }
        assertThat(hello("b", "pin of b", 2).newlyRefused())
                .isEqualTo(new RefusedAgent("b", "address of b", "address of a", false));
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
        assertThat(history.refused()).extracting(RefusedAgent::instance).containsExactly("b");
        history.acceptAll();
        assertThat(refused("b", 2)).isFalse();
    }

    @Test
    void whoIsRefusedSurvivesARestartOfTheServer() {
        RefusedAgent refused = new RefusedAgent("b", "address of b", "address of a", true);
        assertThat(new InstanceHistory(List.of(refused))
                        .hello("b", "x", "pin", 0)
                        .refused())
                .isTrue();
    }
}
