package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.receiver.protocol.Seeds;

class StateTransitionsTest {
    private static final List<DataReplicationState> COVERABLE = Stream.of(DataReplicationState.values())
            .filter(DataReplicationState::isCoverable)
            .toList();

    @ParameterizedTest
    @CsvSource({
        "STALLED, DISCONNECTED, AGENT_LOST",
        "STALLED, PAUSED, PAUSED",
        "STALLED, STOPPED, STOPPED",
        "DISCONNECTED, PAUSED, PAUSED",
        "DISCONNECTED, STOPPED, STOPPED",
        "PAUSED, STOPPED, STOPPED",
        "STOPPED, PAUSED, PAUSED"
    })
    void overlayThatTakesThePlaceOfAnotherCoversWhatThatCovered(
            DataReplicationState overlay, DataReplicationState next, ReplicationEvent event) {
        for (DataReplicationState covered : COVERABLE) {
            assertThat(StateTransitions.next(new StatePosition(overlay, covered), event))
                    .isEqualTo(new StatePosition(next, covered));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "PAUSED, AGENT_LOST",
        "PAUSED, STALLED",
        "STOPPED, AGENT_LOST",
        "STOPPED, STALLED",
        "DISCONNECTED, STALLED"
    })
    void weakerOverlayDoesNotHideAStrongerOne(DataReplicationState overlay, ReplicationEvent event) {
        for (DataReplicationState covered : COVERABLE) {
            StatePosition at = new StatePosition(overlay, covered);
            assertThat(StateTransitions.next(at, event)).isEqualTo(at);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DataReplicationState.class,
            names = {"STALLED", "DISCONNECTED", "PAUSED", "STOPPED"})
    void whatIsCoveredGoesOnAsItWouldWithoutTheOverlay(DataReplicationState overlay) {
        for (DataReplicationState covered : COVERABLE) {
            for (ReplicationEvent event : ReplicationEvent.values()) {
                StatePosition without = StateTransitions.next(new StatePosition(covered, covered), event);
                StatePosition with = StateTransitions.next(new StatePosition(overlay, covered), event);
                if (!without.shown().isOverlay()) {
                    assertThat(with.covered()).as("%s at %s", covered, event).isEqualTo(without.shown());
                } else {
                    assertThat(with.covered()).as("%s at %s", covered, event).isEqualTo(covered);
                }
            }
        }
    }

    @Test
    void overlayThatGoesShowsWhatIsCoveredNow() {
        StatePosition paused = new StatePosition(DataReplicationState.PAUSED, DataReplicationState.INITIAL_SYNC);

        StatePosition committed = StateTransitions.next(paused, ReplicationEvent.CAUGHT_UP);

        assertThat(StateTransitions.next(committed, ReplicationEvent.RESUMED).shown())
                .isEqualTo(DataReplicationState.CONTINUOUS);
    }

    @Test
    void statesOfAgentlessReplicationAreNeverEnteredNorLeft() {
        for (DataReplicationState agentless :
                EnumSet.of(DataReplicationState.PENDING_SNAPSHOT_SHIPPING, DataReplicationState.SHIPPING_SNAPSHOT)) {
            for (ReplicationEvent event : ReplicationEvent.values()) {
                assertThat(StateTransitions.effect(agentless, event).kind()).isEqualTo(StateTransitions.Kind.NOTHING);
                for (DataReplicationState state : DataReplicationState.values()) {
                    assertThat(StateTransitions.effect(state, event).state()).isNotEqualTo(agentless);
                }
            }
        }
    }

    @Test
    void anyEventsLeadFromValidPositionsToValidPositions() {
        Random random = Seeds.random("anyEventsLeadFromValidPositionsToValidPositions");
        ReplicationEvent[] events = ReplicationEvent.values();
        StatePosition at = new StatePosition(DataReplicationState.STOPPED, DataReplicationState.INITIATING);
        for (int i = 0; i < 100_000; i++) {
            at = StateTransitions.next(at, events[random.nextInt(events.length)]); // its constructor checks it
            assertThat(at.covered()).isIn(COVERABLE);
        }
    }

    @Test
    void positionRefusesWhatCannotBeCovered() {
        assertThatThrownBy(() -> new StatePosition(DataReplicationState.STALLED, DataReplicationState.PAUSED))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new StatePosition(DataReplicationState.BACKLOG, DataReplicationState.CONTINUOUS))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new StatePosition(
                        DataReplicationState.SHIPPING_SNAPSHOT, DataReplicationState.SHIPPING_SNAPSHOT))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
