package org.replicationserver.receiver.server;

import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.DataReplicationInfoJson;
import org.replicationserver.receiver.control.Report;
import org.replicationserver.receiver.replication.DataReplicationInfo;
import org.replicationserver.receiver.replication.DataReplicationState;

/**
 * Tells the control plane of each change of a replication's state, from the state that was told before. Event loop only.
 *
 * <p>A state counts as told when its report is durable. Several reports of a source server may be under way at once; each is from the state
 * of the one before. Where one is lost, the state that it is later is told instead, by the next change or by {@link #tellLostAgain}.
 */
final class StateReports {
    private final Function<Report, CompletionStage<Void>> append;
    private final ToldStates told;
    private final Executor eventLoop;

    /** By source server, in the order of their appends. */
    private final Map<String, Deque<Change>> underWay = new HashMap<>();

    /** By source server, what the first report that was lost was from; used where no state was ever told. */
    private final Map<String, DataReplicationState> lost = new HashMap<>();

    /** Not a record, since a source server may have two alike under way. */
    private static final class Change {
        final DataReplicationState from;
        final DataReplicationState to;

        Change(DataReplicationState from, DataReplicationState to) {
            this.from = from;
            this.to = to;
        }
    }

    /** @param append done when the report is durable, fails if it is lost */
    StateReports(Function<Report, CompletionStage<Void>> append, ToldStates told, Executor eventLoop) {
        this.append = append;
        this.told = told;
        this.eventLoop = eventLoop;
    }

    /**
     * Tells what a state is now, unless that was told last.
     *
     * @param previous what it was before, which is told where no state was told yet
     */
    void tell(String sourceServerId, DataReplicationState previous, DataReplicationInfo info, Instant now) {
        DataReplicationState before = newest(sourceServerId);
        Change change = new Change(before == null ? previous : before, info.dataReplicationState());
        if (change.from == change.to) {
            return;
        }
        underWay.computeIfAbsent(sourceServerId, id -> new ArrayDeque<>()).addLast(change);
        Report report = Report.stateChanged(now, sourceServerId, change.from.name(), DataReplicationInfoJson.of(info));
        append.apply(report)
                .whenCompleteAsync((done, failure) -> appended(sourceServerId, change, failure == null), eventLoop);
    }

    /** What was told last, if what is under way arrives; null if nothing was. */
    private @Nullable DataReplicationState newest(String sourceServerId) {
        Deque<Change> changes = underWay.get(sourceServerId);
        if (changes != null) {
            return changes.getLast().to;
        }
        DataReplicationState durable = told.of(sourceServerId);
        return durable == null ? lost.get(sourceServerId) : durable;
    }

    private void appended(String sourceServerId, Change change, boolean durable) {
        underWay.computeIfPresent(sourceServerId, (id, changes) -> {
            changes.remove(change);
            return changes.isEmpty() ? null : changes;
        });
        if (durable) {
            told.put(sourceServerId, change.to);
        } else {
            lost.putIfAbsent(sourceServerId, change.from);
        }
    }

    /**
     * Tells the states whose reports were lost, unless something is under way that shows whether it is possible now. To be called now and
     * then.
     *
     * @param infos of each source server; null for those that are not here any more, of which nothing more is told
     */
    void tellLostAgain(Function<String, @Nullable DataReplicationInfo> infos, Instant now) {
        for (String id : List.copyOf(lost.keySet())) {
            if (!underWay.containsKey(id)) {
                DataReplicationState from = lost.remove(id);
                DataReplicationInfo info = infos.apply(id);
                if (info != null && from != null) {
                    tell(id, from, info, now);
                }
            }
        }
    }
}
