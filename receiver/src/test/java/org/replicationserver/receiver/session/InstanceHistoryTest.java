package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class InstanceHistoryTest {
    private static final long SECOND = 1_000_000_000L;

    private final InstanceHistory history = new InstanceHistory(List.of());

    /** An agent comes back from another port each time. */
    private static String addressOf(String instance, long seconds) {
        return "address of " + instance + " at " + seconds;
    }

    private boolean refused(String instance, long seconds) {
        return hello(instance, "pin", seconds).refused();
    }

    private InstanceHistory.Verdict hello(String instance, String pin, long seconds) {
        return history.hello(instance, addressOf(instance, seconds), pin, seconds * SECOND);
    }

    @Test
    void agentThatIsRestartedAgainAndAgainIsNoDuplicate() {
        for (int i = 0; i < 100; i++) {
            assertThat(refused("instance-" + i, i)).isFalse();
        }
    }

    @Test
    void ofTwoThatTakeTurnsTheLaterIsRefusedAtTheFourthReturn() {
        for (String turn : List.of("a", "b", "a", "b")) {
            assertThat(refused(turn, 0)).as(turn).isFalse();
        }
        assertThat(refused("a", 1)).isFalse();
        InstanceHistory.Verdict verdict = hello("b", "pin", 2);
        assertThat(verdict.refused()).isTrue();
        assertThat(verdict.newlyRefused())
                .isEqualTo(new RefusedAgent("b", addressOf("b", 2), "pin", addressOf("a", 1), "pin"));
        assertThat(refused("a", 3)).isFalse();
        assertThat(refused("b", 4000)).as("until an operator chooses").isTrue();
    }

    @Test
    void ofTwoThatTakeTurnsTheLaterIsRefusedAlsoWhenTheEarlierComes() {
        for (String turn : List.of("a", "b", "c", "b", "c")) {
            assertThat(refused(turn, 0)).as(turn).isFalse();
        }
        assertThat(refused("b", 1)).isFalse();
        assertThat(refused("a", 2)).isFalse();
        assertThat(history.refused())
                .as("b is named with its own address, not with that of who came")
                .containsExactly(new RefusedAgent("b", addressOf("b", 1), "pin", addressOf("a", 2), "pin"));
    }

    @Test
    void twoKeysOfOneSourceServerAreToldFromAClone() {
        for (String turn : List.of("a", "b", "a", "b", "a")) {
            hello(turn, "pin of " + turn, 1);
        }
        assertThat(hello("b", "pin of b", 2).newlyRefused())
                .isEqualTo(new RefusedAgent("b", addressOf("b", 2), "pin of b", addressOf("a", 1), "pin of a"));
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
        RefusedAgent refused = new RefusedAgent("b", "address of b", "pin", "address of a", "pin");
        assertThat(new InstanceHistory(List.of(refused))
                        .hello("b", "x", "pin", 0)
                        .refused())
                .isTrue();
    }
}
