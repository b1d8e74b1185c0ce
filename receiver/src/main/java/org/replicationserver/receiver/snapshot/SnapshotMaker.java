package org.replicationserver.receiver.snapshot;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.SnapshotSettings;
import org.replicationserver.receiver.session.HoldAnswer;
import org.replicationserver.receiver.session.HoldAnswer.Held;
import org.replicationserver.receiver.session.HoldAnswer.NotHeld;
import org.replicationserver.receiver.session.HoldEnd;
import org.replicationserver.receiver.session.HoldRequest;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.snapshot.Ec2Snapshots.Made;
import org.replicationserver.receiver.staging.EbsVolumeId;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Makes snapshot groups: one at a time of a source server, some at a time in all, each on a virtual thread {@code snapshot-<source server
 * id>}. Nothing that goes wrong with a group stops replication. Any thread.
 *
 * <p>A group has no place while its agent is asked for a commit, so that agents that do not commit keep no other source server waiting.
 * Once its volumes are held it waits for none that only begins.
 *
 * <p>The order of steps, and what a crash after each makes of the group (README, "What is kept"):
 * <ol>
 *   <li>the group is stored as BEGUN: the next start tells that it is left over, whatever of it exists;
 *   <li>EC2 is asked for what it has of the group, nothing: the client is ready, and the way known to be open, before writes are held;
 *   <li>writes are held, snapshots requested, writes released: as before;
 *   <li>it is stored as MADE: the next start registers it;
 *   <li>it is in the outbox: it will be registered, also twice, which changes nothing;
 *   <li>it is stored as REGISTERED: {@link SnapshotFollower} follows it.
 * </ol>
 */
public final class SnapshotMaker implements AutoCloseable {
    /** Groups that begin at once, and groups whose snapshots are requested at once; those that wait for a commit are in between. */
    static final int GROUPS_PARALLEL_MAX = 4;

    private static final Logger LOG = LoggerFactory.getLogger(SnapshotMaker.class);
    private static final Duration EVENT_LOOP_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration STORE_TIMEOUT = Duration.ofSeconds(30);

    /** What is left of a hold when the last request must have been answered: to come back to the event loop. */
    private static final Duration RELEASE_MARGIN = Duration.ofMillis(500);

    /** What a stop waits for groups whose requests are on their way. */
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(5);

    private final SnapshotSettings settings;
    private final SnapshotDesk desk;
    private final SnapshotHolds holds;
    private final Ec2Snapshots ec2;
    private final SnapshotStore store;
    private final SnapshotFollower follower;
    private final SnapshotEvents events;
    private final Supplier<String> groupIds;
    private final Clock clock;
    private final RequestPauses pauses;
    private final Semaphore beginning = new Semaphore(GROUPS_PARALLEL_MAX, true);
    private final Semaphore requesting = new Semaphore(GROUPS_PARALLEL_MAX, true);

    // under the lock of threads
    private final Set<Thread> threads = new LinkedHashSet<>();
    private final Map<String, CompletableFuture<SnapshotResult>> newest = new HashMap<>();
    private boolean closed;

    /**
     * Makes nothing yet.
     *
     * @param groupIds draws ids that are unique over all servers
     */
    public SnapshotMaker(
            SnapshotSettings settings,
            SnapshotDesk desk,
            SnapshotHolds holds,
            Ec2Snapshots ec2,
            SnapshotStore store,
            SnapshotFollower follower,
            SnapshotEvents events,
            Supplier<String> groupIds,
            Clock clock) {
        this(settings, desk, holds, ec2, store, follower, events, groupIds, clock, RequestPauses.REAL);
    }

    SnapshotMaker(
            SnapshotSettings settings,
            SnapshotDesk desk,
            SnapshotHolds holds,
            Ec2Snapshots ec2,
            SnapshotStore store,
            SnapshotFollower follower,
            SnapshotEvents events,
            Supplier<String> groupIds,
            Clock clock,
            RequestPauses pauses) {
        this.settings = settings;
        this.desk = desk;
        this.holds = holds;
        this.ec2 = ec2;
        this.store = store;
        this.follower = follower;
        this.events = events;
        this.groupIds = groupIds;
        this.clock = clock;
        this.pauses = pauses;
    }

    /** Goes on with what an earlier process has left. To be called once, before the first {@link #make}; blocks for the disk only. */
    public void recover() {
        store.standings().forEach(events::standing);
        for (SnapshotGroup group : store.groups()) {
            switch (group.phase()) {
                case BEGUN -> follower.followLeftOver(group);
                case MADE -> inTurn(group.sourceServerId(), place -> registerAgain(group));
                case REGISTERED -> follower.follow(group);
            }
        }
    }

    private SnapshotResult registerAgain(SnapshotGroup group) throws InterruptedException {
        try {
            return register(group);
        } catch (SnapshotException e) {
            LOG.atError()
                    .addKeyValue("group", group.groupId())
                    .addKeyValue("cause", e.sentence())
                    .log("snapshot group is registered by the next start");
            return SnapshotResult.failed(group.groupId(), e, List.of());
        }
    }

    /**
     * Makes a group of a source server, after those that are asked for already.
     *
     * @param triggers one group serves all of them. What was carried out for one of them before, by an earlier process too, is not done
     *     again
     * @return what became of it; never fails. Done on any thread
     */
    public CompletionStage<SnapshotResult> make(String sourceServerId, List<SnapshotTrigger> triggers) {
        return inTurn(sourceServerId, place -> makeOnce(sourceServerId, triggers, place));
    }

    private interface Turn {
        SnapshotResult take(Place place) throws InterruptedException;
    }

    /** One of the places, which may be given up for a while. Confined to one virtual thread. */
    private final class Place implements AutoCloseable {
        private @Nullable Semaphore taken;

        /** Waits for one among the groups that begin, after those who came before. */
        void begin() throws InterruptedException {
            beginning.acquire();
            taken = beginning;
        }

        /** Waits for one among those that request snapshots, for no longer than that; whether there was one. */
        boolean request(Duration timeout) throws InterruptedException {
            boolean free = requesting.tryAcquire(timeout.toMillis(), TimeUnit.MILLISECONDS);
            taken = free ? requesting : null;
            return free;
        }

        /** Also where none is taken. */
        @Override
        public void close() {
            Semaphore places = taken;
            taken = null;
            if (places != null) {
                places.release();
            }
        }
    }

    /** Does something for a source server after what is to be done for it already. However that ends, this has its turn. */
    private CompletionStage<SnapshotResult> inTurn(String sourceServerId, Turn turn) {
        CompletableFuture<SnapshotResult> end = new CompletableFuture<>();
        synchronized (threads) {
            if (closed) {
                return CompletableFuture.completedStage(stopped());
            }
            CompletableFuture<SnapshotResult> before = newest.put(sourceServerId, end);
            Thread thread = Thread.ofVirtual()
                    .name("snapshot-" + sourceServerId)
                    .unstarted(() -> {
                        try {
                            end.complete(take(sourceServerId, turn, before));
                        } finally {
                            end.complete(stopped()); // does nothing, unless an Error is on its way
                            synchronized (threads) {
                                threads.remove(Thread.currentThread());
                                newest.remove(sourceServerId, end);
                            }
                        }
                    });
            threads.add(thread);
            thread.start();
        }
        return end;
    }

    private static SnapshotResult stopped() {
        return SnapshotResult.failed(
                null,
                new SnapshotException(SnapshotOutcome.STOPPED, "this server stops", "Ask again when it runs."),
                List.of());
    }

    /** @param before the end of what comes first, which never fails; null if there is nothing */
    private SnapshotResult take(String sourceServerId, Turn turn, @Nullable CompletableFuture<SnapshotResult> before) {
        try {
            if (before != null) {
                before.get();
            }
            try (Place place = new Place()) {
                place.begin();
                return isClosed() ? stopped() : turn.take(place);
            }
        } catch (InterruptedException e) {
            return stopped();
        } catch (RuntimeException | ExecutionException e) {
            return SnapshotResult.failed(null, fault(sourceServerId, e), List.of());
        }
    }

    private boolean isClosed() {
        synchronized (threads) {
            return closed;
        }
    }

    static SnapshotException fault(String sourceServerId, Exception thrown) {
        Throwable cause =
                thrown instanceof ExecutionException && thrown.getCause() != null ? thrown.getCause() : thrown;
        LOG.atError()
                .setCause(cause)
                .addKeyValue("source", sourceServerId)
                .log("snapshot group failed by a fault of ours");
        return new SnapshotException(
                SnapshotOutcome.FAULT,
                String.valueOf(cause),
                "Report this fault, with its trace in this server's log.");
    }

    private SnapshotResult makeOnce(String sourceServerId, List<SnapshotTrigger> triggers, Place place)
            throws InterruptedException {
        List<SnapshotTrigger> open = new ArrayList<>();
        SnapshotResult known = null;
        for (SnapshotTrigger trigger : triggers) {
            SnapshotResult result = store.resultOf(trigger);
            if (result == null) {
                open.add(trigger);
            } else {
                known = result;
            }
        }
        if (open.isEmpty() && known != null) {
            return known;
        }
        SnapshotResult result = new Attempt(sourceServerId, open, place).run();
        tell(sourceServerId, result);
        return result;
    }

    private void tell(String sourceServerId, SnapshotResult result) {
        events.ended(sourceServerId, result.outcome());
        if (result.isMade()) {
            LOG.atInfo()
                    .addKeyValue("source", sourceServerId)
                    .addKeyValue("group", result.groupId())
                    .addKeyValue("snapshots", result.snapshotIds())
                    .log("snapshot group is made");
            follower.made(sourceServerId);
            return;
        }
        LOG.atLevel(result.outcome().isFailure() ? Level.WARN : Level.INFO)
                .addKeyValue("source", sourceServerId)
                .addKeyValue("group", result.groupId())
                .addKeyValue("outcome", result.outcome())
                .addKeyValue("cause", result.sentence())
                .addKeyValue("nextAction", result.nextAction())
                .log("snapshot group is not made");
        if (result.outcome().isFailure()) {
            follower.failed(sourceServerId, result);
        }
    }

    /** Waits for what the event loop does. */
    private static <T extends @Nullable Object> T await(CompletionStage<T> stage, Duration timeout)
            throws InterruptedException {
        try {
            return stage.toCompletableFuture().get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw new IllegalStateException("the event loop has not answered within " + timeout.toSeconds() + " s", e);
        }
    }

    private void awaitKept(CompletionStage<Void> stored) throws SnapshotException, InterruptedException {
        try {
            stored.toCompletableFuture().get(STORE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw notKept(e.getCause() == null ? e : e.getCause());
        }
    }

    private static SnapshotException notKept(Throwable cause) {
        return new SnapshotException(
                SnapshotOutcome.NOT_KEPT,
                "what a crash must not lose cannot be stored in the state directory: " + cause.getMessage(),
                "Look at the file system of the state directory.");
    }

    /** From the moment on that this returns the group is registered, whatever happens. */
    private SnapshotResult register(SnapshotGroup group) throws SnapshotException, InterruptedException {
        try {
            // However long the disk takes: a group that is given up might be registered all the same.
            desk.register(group).toCompletableFuture().get();
        } catch (ExecutionException e) {
            throw notKept(e.getCause() == null ? e : e.getCause());
        }
        SnapshotGroup registered = group.registered();
        SnapshotResult result = SnapshotResult.made(registered);
        store.registered(registered, result);
        follower.follow(registered);
        return result;
    }

    /** One group, from the first question to its end. Confined to one virtual thread. */
    private final class Attempt {
        private final String sourceServerId;
        private final List<SnapshotTrigger> triggers;
        private final Place place;
        private @Nullable SnapshotGroup group;

        Attempt(String sourceServerId, List<SnapshotTrigger> triggers, Place place) {
            this.sourceServerId = sourceServerId;
            this.triggers = triggers;
            this.place = place;
        }

        SnapshotResult run() throws InterruptedException {
            try {
                return makeGroup();
            } catch (SnapshotException e) {
                return failed(e, List.of());
            } catch (RuntimeException e) {
                return failed(fault(sourceServerId, e), List.of());
            }
        }

        private SnapshotResult failed(SnapshotException failure, List<String> leftOver) {
            SnapshotGroup begun = group;
            SnapshotResult result = SnapshotResult.failed(begun == null ? null : begun.groupId(), failure, leftOver);
            store.failed(begun, triggers, result);
            return result;
        }

        private SnapshotResult makeGroup() throws SnapshotException, InterruptedException {
            requireOnEbs(SnapshotMaker.await(holds.volumes(sourceServerId), EVENT_LOOP_TIMEOUT));
            if (store.isFull()) {
                throw new SnapshotException(
                        SnapshotOutcome.NOT_KEPT,
                        SnapshotStore.GROUPS_MAX + " groups are not complete yet, and no more are followed at once",
                        "Wait until EC2 has completed snapshots.");
            }
            requireCredit(desk.credits(sourceServerId));
            requireOpen(); // as late as can be: what comes next takes the credit
            SnapshotGroup begun = SnapshotGroup.begun(groupIds.get(), sourceServerId, triggers, clock.millis());
            Map<String, String> tags = desk.start(begun.groupId(), sourceServerId);
            group = begun; // from here on its end takes it from the store, also if it cannot be kept there
            awaitKept(store.put(begun));
            try {
                ec2.ofGroup(begun.groupId(), VolumeRequest.REQUEST_TIMEOUT);
            } catch (Ec2Exception e) {
                throw e.toSnapshotException();
            }
            return underHold(begun, tags);
        }

        private void requireOnEbs(@Nullable List<VolumeAssignment> volumes) throws SnapshotException {
            if (volumes == null || volumes.isEmpty()) {
                throw new SnapshotException(
                        SnapshotOutcome.NOT_ASSIGNED,
                        volumes == null
                                ? "source server " + sourceServerId + " is not assigned to this server"
                                : "no volume of source server " + sourceServerId + " is assigned to this server",
                        "Ask the replication server that it is assigned to.");
            }
            for (VolumeAssignment volume : volumes) {
                boolean isDevice = !volume.isImageFile();
                if (!isDevice || !EbsVolumeId.isOne(volume.volumeId())) {
                    throw new SnapshotException(
                            SnapshotOutcome.NOT_ON_EBS,
                            "volume " + volume.volumeId() + " of disk " + volume.deviceName() + " is no EBS volume: "
                                    + (isDevice
                                            ? "its id is not " + EbsVolumeId.ALLOWED
                                            : "it is the file " + volume.path()),
                            "Assign attached EBS volumes by their ids; only they have EBS snapshots."
                                    + (isDevice || !EbsVolumeId.isOne(volume.volumeId())
                                            ? ""
                                            : " Without a path volume.discovery=nvme finds it by its serial number."));
                }
            }
        }

        private void requireOpen() throws SnapshotException, InterruptedException {
            String notOpen = SnapshotMaker.await(holds.notOpen(sourceServerId), EVENT_LOOP_TIMEOUT);
            if (notOpen != null) {
                throw new SnapshotException(
                        SnapshotOutcome.NOT_HELD,
                        notOpen,
                        "Attach or repair it, look at ./run volume list, and ask again when it is open.");
            }
        }

        private void requireCredit(SnapshotDesk.Credits credits) throws SnapshotException {
            if (credits.credits() <= 0) {
                throw new SnapshotException(
                        SnapshotOutcome.NO_CREDIT,
                        "the control plane allows no snapshot group of " + sourceServerId + " now"
                                + (credits.next() == null ? "" : ", the next at " + credits.next()),
                        "Wait for the next credit.");
            }
        }

        private SnapshotResult underHold(SnapshotGroup begun, Map<String, String> tags)
                throws SnapshotException, InterruptedException {
            place.close();
            Held hold = hold();
            long takenMillis = clock.millis();
            long heldNanos = System.nanoTime();
            try (GroupRequests requests = new GroupRequests(ec2, begun, hold, tags, pauses)) {
                SnapshotException failure = request(hold, heldNanos, requests);
                if (failure == null) {
                    return register(begun, hold, takenMillis, requests);
                }
                requests.awaitRest();
                throw abandoned(begun, failure, requests);
            } catch (Abandoned e) {
                return failed(e.failure, e.leftOver);
            }
        }

        /** Requests the snapshots, and ends the hold however that goes. Null if all are made under it, else why not. */
        private @Nullable SnapshotException request(Held hold, long heldNanos, GroupRequests requests)
                throws InterruptedException {
            boolean valid;
            try {
                try {
                    requireOnEbs(hold.volumes());
                    Duration longest = settings.hold().minus(RELEASE_MARGIN);
                    requirePlace(longest);
                    requests.make(longest.minusNanos(System.nanoTime() - heldNanos));
                } finally {
                    valid = release(hold);
                }
            } catch (SnapshotException e) {
                return e;
            } catch (RuntimeException e) {
                return fault(sourceServerId, e); // what is made by now must be told all the same
            }
            SnapshotException failure = requests.failure();
            return failure == null && !valid ? expired() : failure;
        }

        /** While the hold lives; it would be of no use later. */
        private void requirePlace(Duration longest) throws SnapshotException, InterruptedException {
            if (!place.request(longest)) {
                throw new SnapshotException(
                        SnapshotOutcome.HOLD_EXPIRED,
                        "the hold of " + settings.hold().toSeconds() + " s has ended while " + GROUPS_PARALLEL_MAX
                                + " other groups requested their snapshots, and no more do at once",
                        "Ask for fewer groups at a time, raise snapshot.hold-seconds, or look for what makes EC2 slow.");
            }
        }

        private SnapshotResult register(SnapshotGroup begun, Held hold, long takenMillis, GroupRequests requests)
                throws Abandoned, InterruptedException {
            SnapshotGroup made = begun.made(hold.epoch(), hold.markTimeMillis(), takenMillis, requests.made());
            group = made;
            try {
                awaitKept(store.put(made));
                return SnapshotMaker.this.register(made);
            } catch (SnapshotException e) {
                throw abandoned(made, e, requests);
            }
        }

        private Held hold() throws SnapshotException, InterruptedException {
            CompletionStage<HoldAnswer> asked =
                    holds.hold(sourceServerId, new HoldRequest(settings.commitTimeout(), settings.hold()));
            HoldAnswer answer;
            try {
                // After the commit volumes settle, for as long as a hold may take.
                Duration longest =
                        settings.commitTimeout().plus(settings.hold()).plus(EVENT_LOOP_TIMEOUT);
                answer = SnapshotMaker.await(asked, longest);
            } catch (InterruptedException | IllegalStateException e) {
                // Nobody must be held whom nobody releases.
                asked.thenAccept(late -> {
                    if (late instanceof Held held) {
                        holds.release(held.token());
                    }
                });
                throw e;
            }
            return switch (answer) {
                case Held held -> held;
                case NotHeld none ->
                    throw new SnapshotException(
                            outcome(none.cause()),
                            "the writes of " + sourceServerId + " are not held at a commit (" + none.cause() + "): "
                                    + none.text(),
                            "Look at the other explanations of this source server, and at its agent.");
            };
        }

        private static SnapshotOutcome outcome(HoldAnswer.Cause cause) {
            return switch (cause) {
                case NOT_ASSIGNED -> SnapshotOutcome.NOT_ASSIGNED;
                case SHUTDOWN -> SnapshotOutcome.STOPPED;
                case ALREADY_HELD, COMMIT_TIMEOUT, FUZZY, VOLUME_NOT_SERVED, NOT_SETTLED -> SnapshotOutcome.NOT_HELD;
            };
        }

        /** Whether the hold was there all the time. An interrupt must not keep it. */
        private boolean release(Held hold) throws InterruptedException {
            return SnapshotMaker.await(holds.release(hold.token()), EVENT_LOOP_TIMEOUT) == HoldEnd.VALID;
        }

        private SnapshotException expired() {
            return new SnapshotException(
                    SnapshotOutcome.HOLD_EXPIRED,
                    "the hold of " + settings.hold().toSeconds()
                            + " s has ended before it was released, so the snapshots are not of one moment",
                    "Raise snapshot.hold-seconds, or look for what makes EC2 slow.");
        }

        /** A group that is not registered, with all of its snapshots that are known here or to EC2. */
        private Abandoned abandoned(SnapshotGroup left, SnapshotException failure, GroupRequests requests)
                throws InterruptedException {
            Set<String> ids = new LinkedHashSet<>();
            requests.made().forEach(one -> ids.add(one.snapshotId()));
            try {
                ec2.ofGroup(left.groupId(), VolumeRequest.REQUEST_TIMEOUT).stream()
                        .map(Made::snapshotId)
                        .forEach(ids::add);
            } catch (Ec2Exception e) {
                return new Abandoned(withDoubt(failure, left, e), List.copyOf(ids));
            }
            return new Abandoned(failure, List.copyOf(ids));
        }

        /** Who deletes what is left over must not believe that this is all. */
        private static SnapshotException withDoubt(SnapshotException failure, SnapshotGroup left, Ec2Exception doubt) {
            return new SnapshotException(
                    failure.outcome(),
                    failure.sentence() + "; what else there may be has the tag " + SnapshotTags.GROUP + "="
                            + left.groupId() + ", but " + doubt.getMessage(),
                    failure.nextAction());
        }
    }

    /** A group was given up after requests for its snapshots. */
    private static final class Abandoned extends Exception {
        private static final long serialVersionUID = 1;

        final SnapshotException failure;
        final List<String> leftOver;

        Abandoned(SnapshotException failure, List<String> leftOver) {
            super(failure);
            this.failure = failure;
            this.leftOver = leftOver;
        }
    }

    /** Begins no group any more, and waits some seconds for those that are under way. */
    @Override
    public void close() {
        List<Thread> running;
        synchronized (threads) {
            closed = true;
            running = List.copyOf(threads);
        }
        try {
            join(running);
            running.forEach(Thread::interrupt);
            join(running);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void join(List<Thread> running) throws InterruptedException {
        long end = System.nanoTime() + STOP_TIMEOUT.toNanos();
        for (Thread thread : running) {
            thread.join(Duration.ofNanos(Math.max(1, end - System.nanoTime())));
        }
    }
}
