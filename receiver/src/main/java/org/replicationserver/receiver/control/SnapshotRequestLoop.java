package org.replicationserver.receiver.control;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.SnapshotOperations.SnapshotRequest;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks which snapshots are wanted, has them made, and clears those that are; on the virtual thread {@code control-snapshots}.
 *
 * <p>All requests of a source server are served by one group. One that is not made is tried again after a time that doubles up to {@link
 * #PAUSE_MAX}: each try takes a credit and may leave snapshots behind.
 */
public final class SnapshotRequestLoop extends ControlThread {
    static final Duration PAUSE_MAX = Duration.ofHours(1);

    private static final Logger LOG = LoggerFactory.getLogger(SnapshotRequestLoop.class);

    private final SnapshotOperations operations;
    private final Maker maker;
    private final Duration interval;

    /** Of groups whose making has ended; any thread puts. */
    private final LinkedBlockingQueue<Ended> ended = new LinkedBlockingQueue<>();

    // control-snapshots only
    private final Set<String> underWay = new LinkedHashSet<>();
    private final Set<String> toClear = new LinkedHashSet<>();
    private final Map<String, Refused> refused = new HashMap<>();
    private long askAtNanos = System.nanoTime();

    /** Makes a group. Must not block. */
    @FunctionalInterface
    public interface Maker {
        /**
         * Makes a group for all of these requests, but for those that one was made for before.
         *
         * @return whether all have one; on any thread
         */
        CompletionStage<Boolean> make(String sourceServerId, List<String> requestIds);
    }

    private record Ended(String sourceServerId, List<String> requestIds, boolean made) {}

    /** When a source server is tried again, and after which pause once more. */
    private record Refused(long untilNanos, Duration pause) {}

    /** @param interval between two questions */
    public SnapshotRequestLoop(
            ControlPlane controlPlane, SnapshotOperations operations, Maker maker, Duration interval) {
        super("control-snapshots", controlPlane);
        this.operations = operations;
        this.maker = maker;
        this.interval = interval;
    }

    @Override
    void step() throws ControlPlaneException, InterruptedException {
        Ended first = ended.poll(Math.max(0, askAtNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
        for (Ended end = first; end != null; end = ended.poll()) {
            take(end);
        }
        ControlPlaneException notCleared = clear();
        if (askAtNanos - System.nanoTime() <= 0) {
            begin(operations.snapshotRequests());
            askAtNanos = System.nanoTime() + interval.toNanos();
        }
        if (notCleared != null) {
            throw notCleared; // to be tried again after a pause
        }
    }

    private void take(Ended end) {
        underWay.remove(end.sourceServerId());
        if (end.made()) {
            refused.remove(end.sourceServerId());
            toClear.addAll(end.requestIds());
            return;
        }
        Refused before = refused.get(end.sourceServerId());
        Duration doubled = before == null ? interval : before.pause().multipliedBy(2);
        Duration pause = doubled.compareTo(PAUSE_MAX) < 0 ? doubled : PAUSE_MAX;
        refused.put(end.sourceServerId(), new Refused(System.nanoTime() + pause.toNanos(), pause));
    }

    /** Why some are not cleared; null if all are. What others want does not wait for that. */
    private @Nullable ControlPlaneException clear() throws InterruptedException {
        while (!toClear.isEmpty()) {
            List<String> some =
                    toClear.stream().limit(WireForms.SNAPSHOT_REQUESTS_MAX).toList();
            try {
                clear(some);
            } catch (ControlPlaneException e) {
                return e;
            }
            some.forEach(toClear::remove);
        }
        return null;
    }

    /** What is refused for good stays: the next question finds it again, and it is not made again. */
    private void clear(List<String> requestIds) throws ControlPlaneException, InterruptedException {
        try {
            operations.deleteSnapshotRequests(requestIds).forEach(SnapshotRequestLoop::tellNotCleared);
        } catch (ControlPlaneException e) {
            if (!e.kind().isRefusal()) {
                throw e;
            }
            if (requestIds.size() == 1) {
                tellNotCleared(requestIds.getFirst(), e.sentence());
                return;
            }
            for (String id : requestIds) { // one may be why all are refused
                clear(List.of(id));
            }
        }
    }

    private static void tellNotCleared(String requestId, String why) {
        LOG.atWarn()
                .addKeyValue("request", requestId)
                .addKeyValue("cause", why)
                .log("request for a snapshot is made and cannot be cleared");
    }

    private void begin(List<SnapshotRequest> requests) {
        Map<String, List<String>> bySource = new LinkedHashMap<>();
        requests.forEach(request -> bySource.computeIfAbsent(request.sourceServerId(), id -> new ArrayList<>())
                .add(request.requestId()));
        refused.keySet().retainAll(bySource.keySet());
        bySource.forEach((source, ids) -> {
            if (isDue(source) && underWay.add(source)) {
                make(source, List.copyOf(ids));
            }
        });
    }

    private void make(String sourceServerId, List<String> requestIds) {
        try {
            maker.make(sourceServerId, requestIds)
                    .whenComplete((made, failure) ->
                            ended.add(new Ended(sourceServerId, requestIds, failure == null && made)));
        } catch (RuntimeException e) {
            LOG.atError().setCause(e).addKeyValue("source", sourceServerId).log("snapshot group cannot be begun");
            ended.add(new Ended(sourceServerId, requestIds, false));
        }
    }

    private boolean isDue(String sourceServerId) {
        @Nullable Refused last = refused.get(sourceServerId);
        return last == null || last.untilNanos() - System.nanoTime() <= 0;
    }
}
