package org.replicationserver.receiver.replication;

import static org.replicationserver.receiver.replication.DataReplicationState.BACKLOG;
import static org.replicationserver.receiver.replication.DataReplicationState.CONTINUOUS;
import static org.replicationserver.receiver.replication.DataReplicationState.CREATING_SNAPSHOT;
import static org.replicationserver.receiver.replication.DataReplicationState.INITIAL_SYNC;
import static org.replicationserver.receiver.replication.DataReplicationState.INITIATING;
import static org.replicationserver.receiver.replication.DataReplicationState.RESCAN;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which state follows which: the one table. {@code receiver/replication/README.md} prints it, and a test compares each cell.
 *
 * <p>A pair that is not in the table changes nothing: the event says nothing new in that state, or the state has the stronger claim.
 * STOPPED is stronger than PAUSED, that than DISCONNECTED, that than STALLED. The two states of agentless replication have no way in
 * and no way out.
 */
final class StateTransitions {
    /** What an event does in a state. */
    enum Kind {
        NOTHING,

        /** Another state is shown. */
        TO,

        /** The overlay stays, and the event is taken by what it covers. */
        UNDER,

        /** The overlay goes, and what it covers is shown. */
        BACK
    }

    /** {@code state} is that of {@link Kind#TO}, otherwise null. */
    record Effect(Kind kind, @Nullable DataReplicationState state) {
        static final Effect NOTHING = new Effect(Kind.NOTHING, null);
        static final Effect UNDER = new Effect(Kind.UNDER, null);
        static final Effect BACK = new Effect(Kind.BACK, null);
    }

    /** What goes on below an overlay as it would without. */
    private static final Set<ReplicationEvent> UNDER_OVERLAYS = EnumSet.of(
            ReplicationEvent.FIRST_BYTE,
            ReplicationEvent.INITIAL_SYNC_SENT,
            ReplicationEvent.CAUGHT_UP,
            ReplicationEvent.FELL_BEHIND,
            ReplicationEvent.RESCAN_BEGAN,
            ReplicationEvent.RESCAN_ENDED,
            ReplicationEvent.SNAPSHOT_BEGAN,
            ReplicationEvent.SNAPSHOT_ENDED);

    private static final Map<DataReplicationState, Row> TABLE = table();

    private StateTransitions() {}

    private static Map<DataReplicationState, Row> table() {
        Map<DataReplicationState, Row> table = new EnumMap<>(DataReplicationState.class);

        table.put(
                INITIATING,
                covered()
                        .to(ReplicationEvent.FIRST_BYTE, INITIAL_SYNC)
                        .to(ReplicationEvent.INITIAL_SYNC_SENT, BACKLOG)
                        .to(ReplicationEvent.CAUGHT_UP, CONTINUOUS));
        table.put(
                INITIAL_SYNC,
                covered().to(ReplicationEvent.INITIAL_SYNC_SENT, BACKLOG).to(ReplicationEvent.CAUGHT_UP, CONTINUOUS));
        table.put(
                BACKLOG,
                covered()
                        .to(ReplicationEvent.CAUGHT_UP, CONTINUOUS)
                        .to(ReplicationEvent.RESCAN_BEGAN, RESCAN)
                        .to(ReplicationEvent.SNAPSHOT_BEGAN, CREATING_SNAPSHOT));
        table.put(
                CREATING_SNAPSHOT,
                covered()
                        .to(ReplicationEvent.SNAPSHOT_ENDED, CONTINUOUS)
                        .to(ReplicationEvent.FELL_BEHIND, BACKLOG)
                        .to(ReplicationEvent.RESCAN_BEGAN, RESCAN));
        table.put(
                CONTINUOUS,
                covered()
                        .to(ReplicationEvent.FELL_BEHIND, BACKLOG)
                        .to(ReplicationEvent.RESCAN_BEGAN, RESCAN)
                        .to(ReplicationEvent.SNAPSHOT_BEGAN, CREATING_SNAPSHOT));
        table.put(
                RESCAN,
                covered().to(ReplicationEvent.CAUGHT_UP, CONTINUOUS).to(ReplicationEvent.RESCAN_ENDED, BACKLOG));

        table.put(
                DataReplicationState.STALLED,
                overlay()
                        .back(ReplicationEvent.PROGRESSED)
                        .back(ReplicationEvent.NOTHING_WAITS)
                        .to(ReplicationEvent.AGENT_LOST, DataReplicationState.DISCONNECTED)
                        .to(ReplicationEvent.PAUSED, DataReplicationState.PAUSED)
                        .to(ReplicationEvent.STOPPED, DataReplicationState.STOPPED));
        table.put(
                DataReplicationState.DISCONNECTED,
                overlay()
                        .back(ReplicationEvent.AGENT_CAME)
                        .to(ReplicationEvent.PAUSED, DataReplicationState.PAUSED)
                        .to(ReplicationEvent.STOPPED, DataReplicationState.STOPPED));
        table.put(
                DataReplicationState.PAUSED,
                overlay().back(ReplicationEvent.RESUMED).to(ReplicationEvent.STOPPED, DataReplicationState.STOPPED));
        table.put(
                DataReplicationState.STOPPED,
                overlay().back(ReplicationEvent.STARTED).to(ReplicationEvent.PAUSED, DataReplicationState.PAUSED));

        table.put(DataReplicationState.PENDING_SNAPSHOT_SHIPPING, new Row());
        table.put(DataReplicationState.SHIPPING_SNAPSHOT, new Row());
        return table;
    }

    /** A state that every overlay may cover. */
    private static Row covered() {
        return new Row()
                .to(ReplicationEvent.STALLED, DataReplicationState.STALLED)
                .to(ReplicationEvent.PAUSED, DataReplicationState.PAUSED)
                .to(ReplicationEvent.STOPPED, DataReplicationState.STOPPED)
                .to(ReplicationEvent.AGENT_LOST, DataReplicationState.DISCONNECTED);
    }

    private static Row overlay() {
        Row row = new Row();
        UNDER_OVERLAYS.forEach(event -> row.effects.put(event, Effect.UNDER));
        return row;
    }

    /** What the events do in one state. */
    private static final class Row {
        final Map<ReplicationEvent, Effect> effects = new EnumMap<>(ReplicationEvent.class);

        Row to(ReplicationEvent event, DataReplicationState state) {
            effects.put(event, new Effect(Kind.TO, state));
            return this;
        }

        Row back(ReplicationEvent event) {
            effects.put(event, Effect.BACK);
            return this;
        }
    }

    /** One cell of the table. */
    static Effect effect(DataReplicationState state, ReplicationEvent event) {
        Row row = TABLE.get(state);
        return row == null ? Effect.NOTHING : row.effects.getOrDefault(event, Effect.NOTHING);
    }

    /** Where an event leads from here; the same position if it changes nothing. */
    static StatePosition next(StatePosition at, ReplicationEvent event) {
        Effect effect = effect(at.shown(), event);
        DataReplicationState to = effect.state();
        return switch (effect.kind()) {
            case NOTHING -> at;
            case BACK -> new StatePosition(at.covered(), at.covered());
            case UNDER -> {
                DataReplicationState under = effect(at.covered(), event).state();
                yield under == null ? at : new StatePosition(at.shown(), under);
            }
            case TO -> {
                if (to == null) {
                    throw new IllegalStateException(at + " has a transition to nowhere at " + event);
                }
                yield new StatePosition(to, to.isOverlay() ? at.covered() : to);
            }
        };
    }
}
