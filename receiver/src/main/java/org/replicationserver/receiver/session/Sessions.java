package org.replicationserver.receiver.session;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.VolumeFailure;

/** The sessions of all source servers: where a connection begins, and what is assigned to whom. Event loop only. */
public final class Sessions implements SourceSlot.SlotOwner {
    /** Connections of a source server: of a session, of the one that it follows, and of a speed test. */
    static final int CONNECTIONS_PER_SOURCE_MAX = 3 * (1 + ProtocolLimits.STREAMS_MAX);

    /** A schedule is looked at this often. */
    private static final long SCHEDULE_NANOS = 1_000_000_000L;

    private static final Begun NOTHING = new Begun(CompletableFuture.completedStage(null));

    private final SessionContext context;
    private final Throttle throttle;
    private final Map<String, SourceSlot> slots = new LinkedHashMap<>();
    private final Set<AgentConnection> connections = new LinkedHashSet<>();

    /** What was last said of each source server that is assigned; a change that waits for volumes may know only older things. */
    private final Map<String, Wish> wishes = new HashMap<>();

    private record Wish(BandwidthSchedule bandwidth, DesiredState wanted) {}

    /** Of source servers whose assignment is being changed. */
    private final Map<String, Changes> changes = new HashMap<>();

    /**
     * The changes of one source server.
     *
     * @param begun done when the next may begin
     * @param done of all of them
     */
    private record Changes(CompletionStage<?> begun, CompletionStage<Void> done) {
        static final Changes NONE =
                new Changes(CompletableFuture.completedStage(null), CompletableFuture.completedStage(null));
    }

    /** A change after which the next may begin, though it may not be done. */
    private record Begun(CompletionStage<Void> done) {}

    /** Why no session may open any more; null as long as one may. */
    private @Nullable String closedBecause;

    private long scheduledNanos;

    /**
     * @param eventLoop runs a task on the thread that owns all sessions
     * @param timer does the same later
     * @param random draws data generations and names of speed tests
     * @param speedTests what they need of the process
     */
    public Sessions(
            SessionSettings settings,
            SessionClock clock,
            SessionEvents events,
            PayloadMemory memory,
            VolumeHost volumes,
            SourceRecords records,
            Executor eventLoop,
            LoopTimer timer,
            RandomGenerator random,
            SpeedTestRuntime speedTests) {
        this.context = new SessionContext(
                settings,
                clock,
                events,
                new BlockPool(memory),
                volumes,
                new VolumeHolders(),
                records,
                new SpeedTests(clock, memory, eventLoop, speedTests, random),
                new Comparisons(clock, eventLoop),
                eventLoop,
                random);
        this.throttle = new Throttle(clock, timer, limit -> events.bandwidthLimited(null, limit));
        this.scheduledNanos = clock.nanos();
    }

    // --- assignments

    /** Source servers that the memory does for. */
    public int sourceServersMax() {
        return (int) Math.min(Integer.MAX_VALUE, context.settings().memoryBudgetBytes() / SourceMemory.SHARE_BYTES_MIN);
    }

    /**
     * Assigns volumes to a source server, or changes what is assigned to it; an open session is asked to begin again if its volumes
     * change. Calls for one source server take effect in their order, but a volume waits for no other; what is wanted and its bandwidth do so
     * at once, however long volumes take.
     *
     * @param bandwidth of all its data connections together; what {@link #setBandwidth} set meanwhile stays unless this is another than was
     *     assigned before
     * @param wanted of the source server from now on
     * @param lastReported what the last server of this source server reported of it, if another one was; it counts only where nothing
     *     newer is known here
     * @return done when every volume is open or cannot be opened, and what was changed before is done too; fails only by a fault of the
     *     program, of which {@link SessionEvents#programFault} was told
     */
    public CompletionStage<Void> assign(
            SourceAssignment assignment,
            BandwidthSchedule bandwidth,
            DesiredState wanted,
            @Nullable SourceRecord lastReported) {
        String id = assignment.sourceServerId();
        Wish wish = new Wish(bandwidth, wanted);
        wishes.put(id, wish);
        SourceSlot here = slots.get(id);
        if (here != null) {
            follow(here, wish);
        }
        return inOrder(id, () -> {
            SourceSlot slot = slots.get(id);
            if (slot == null) {
                return assignFirst(assignment, wish, lastReported);
            }
            follow(slot, newest(id, wish));
            return CompletableFuture.completedStage(new Begun(slot.assign(assignment)));
        });
    }

    private Wish newest(String sourceServerId, Wish own) {
        return wishes.getOrDefault(sourceServerId, own);
    }

    private static void follow(SourceSlot slot, Wish wish) {
        slot.throttle.assign(wish.bandwidth());
        slot.setDesiredState(wish.wanted());
    }

    private CompletionStage<Begun> assignFirst(
            SourceAssignment assignment, Wish asked, @Nullable SourceRecord lastReported) {
        String id = assignment.sourceServerId();
        return context.records().load(id).thenCompose(known -> {
            Wish wish = newest(id, asked); // another may have come while the record was read
            SourceRecord record = known.newerOf(lastReported);
            SourceMemory share = new SourceMemory(shareBytes(slots.size() + 1), context.clock());
            SourceThrottle own = throttle.newSource(limit -> context.events().bandwidthLimited(id, limit));
            SourceSlot slot = new SourceSlot(id, wish.wanted(), record, context, share, own, this);
            slot.throttle.assign(wish.bandwidth());
            slots.put(id, slot);
            shareMemory();
            CompletionStage<Void> stored = record.equals(known)
                    ? CompletableFuture.completedStage(null)
                    : context.records().store(id, record);
            return stored.thenApply(done -> new Begun(slot.assign(assignment)));
        });
    }

    /**
     * Takes a source server's volumes away: its session is asked to finish, what was received becomes durable, its volumes are closed.
     *
     * @return done when another server may have them; fails only by a fault of the program, of which {@link SessionEvents#programFault} was
     *     told
     */
    public CompletionStage<Void> unassign(String sourceServerId) {
        wishes.remove(sourceServerId);
        return inOrder(sourceServerId, () -> {
            SourceSlot slot = slots.get(sourceServerId);
            if (slot == null) {
                return CompletableFuture.completedStage(NOTHING);
            }
            // What is assigned next gets another slot.
            return slot.leave().thenApply(left -> {
                slots.remove(sourceServerId);
                shareMemory();
                context.events().unassigned(sourceServerId);
                return NOTHING;
            });
        });
    }

    /** Done when nothing of what was changed of a source server until now is under way any more; fails if a fault ended the last change. */
    public CompletionStage<Void> whenChanged(String sourceServerId) {
        return changes.getOrDefault(sourceServerId, Changes.NONE).done;
    }

    private CompletionStage<Void> inOrder(String sourceServerId, Supplier<CompletionStage<Begun>> change) {
        Changes before = changes.getOrDefault(sourceServerId, Changes.NONE);
        // A fault in one change stops no other.
        CompletionStage<Begun> begun =
                before.begun.handle((turn, fault) -> true).thenCompose(turn -> change.get());
        CompletionStage<Void> done = before.done
                .handle((earlier, fault) -> true)
                .thenCompose(earlier -> begun)
                .thenCompose(Begun::done);
        Changes now = new Changes(begun, done);
        changes.put(sourceServerId, now);
        done.whenComplete((all, fault) -> changes.remove(sourceServerId, now));
        context.tellFault(sourceServerId, done);
        return done;
    }

    private long shareBytes(int sources) {
        return SourceMemory.shareBytes(context.settings().memoryBudgetBytes(), sources);
    }

    private void shareMemory() {
        long shareBytes = shareBytes(slots.size());
        slots.values().forEach(slot -> slot.memory.setShareBytes(shareBytes));
    }

    /** Ids of the volumes that are assigned to a source server; null if it is not assigned. */
    public @Nullable Set<String> volumesOf(String sourceServerId) {
        SourceSlot slot = slots.get(sourceServerId);
        return slot == null
                ? null
                : slot.volumes.assignment().volumes().stream()
                        .map(VolumeAssignment::volumeId)
                        .collect(Collectors.toSet());
    }

    /**
     * Has volumes sent whole again by the agent.
     *
     * @return done when that is stored; false if no volumes are assigned to the source server
     */
    public CompletionStage<Boolean> rescan(String sourceServerId, Set<String> volumeIds) {
        SourceSlot slot = slots.get(sourceServerId);
        return slot == null
                ? CompletableFuture.completedStage(false)
                : slot.rescan(volumeIds).thenApply(stored -> true);
    }

    /** Ends the connections that came with a pin that is withdrawn, whichever source server it was of. */
    public void withdrawPins(Set<String> pins) {
        for (AgentConnection connection : List.copyOf(connections)) {
            if (pins.contains(connection.pin())) {
                connection.fail(new ProtocolException(ErrorCode.FORBIDDEN, "the agent's pin was withdrawn"));
            }
        }
    }

    // --- connections

    /**
     * Begins a connection of an agent whose certificate belongs to this source server; null if none is assigned to it.
     *
     * @param pin of the certificate
     */
    public @Nullable AgentConnection accept(Transport transport, String sourceServerId, String pin) {
        SourceSlot slot = slots.get(sourceServerId);
        if (slot == null) {
            return null;
        }
        AgentConnection connection =
                new AgentConnection(transport, slot, pin, context.settings(), context.clock(), context.events());
        connections.add(connection);
        if (slot.connectionAccepted() > CONNECTIONS_PER_SOURCE_MAX) {
            connection.fail(new ProtocolException(
                    ErrorCode.LIMIT, "more than " + CONNECTIONS_PER_SOURCE_MAX + " connections of one source server"));
        }
        return connection;
    }

    /** Looks at all deadlines; to be called a few times a second. */
    public void tick() {
        long now = context.clock().nanos();
        for (AgentConnection connection : List.copyOf(connections)) {
            connection.tick(now);
        }
        context.comparisons().tick();
        // Whoever is being taken away may be gone afterwards.
        List.copyOf(slots.values()).forEach(slot -> slot.tick(now));
        context.speedTests().tick(now);
        if (now - scheduledNanos >= SCHEDULE_NANOS) {
            scheduledNanos = now;
            throttle.look();
            slots.values().forEach(slot -> slot.throttle.look());
        }
    }

    /**
     * Limits what the data connections of a source server receive, from now on, beside what the server's own limit allows; false if there is
     * no such source server.
     */
    public boolean setBandwidth(String sourceServerId, BandwidthSchedule schedule) {
        SourceSlot slot = slots.get(sourceServerId);
        if (slot == null) {
            return false;
        }
        slot.throttle.setSchedule(schedule);
        return true;
    }

    /** What is assigned to all data connections together; it holds from now on. */
    public void setServerBandwidth(BandwidthSchedule schedule) {
        throttle.assign(schedule);
    }

    /** Limits what all data connections together receive, until {@link #setServerBandwidth}. */
    public void limitServerByHand(BandwidthSchedule schedule) {
        throttle.setSchedule(schedule);
    }

    /** The limit of all data connections together. */
    public HeldLimit serverLimit() {
        return throttle.held();
    }

    /** The limit of a source server's data connections; null if there is no such source server. */
    public @Nullable HeldLimit limit(String sourceServerId) {
        SourceSlot slot = slots.get(sourceServerId);
        return slot == null ? null : slot.throttle.held();
    }

    /** What there is of each assigned volume. */
    public Map<String, Availability> volumes() {
        Map<String, Availability> found = new LinkedHashMap<>();
        for (SourceSlot slot : slots.values()) {
            for (VolumeAssignment volume : slot.volumes.assignment().volumes()) {
                found.put(volume.volumeId(), slot.volumes.find(volume));
            }
        }
        return found;
    }

    /** Which volume of a source server is not open, and why, in words: the first one; null if all are open. */
    public @Nullable String notOpen(String sourceServerId) {
        SourceSlot slot = slots.get(sourceServerId);
        return slot == null ? "no volume is assigned to this source server" : slot.volumes.notOpen();
    }

    /**
     * Opens a volume anew and draws a new data generation for it; null if no such volume is assigned. Fails only by a fault of the program, of
     * which {@link SessionEvents#programFault} was told.
     */
    public @Nullable CompletionStage<Availability> reopen(String volumeId) {
        for (SourceSlot slot : slots.values()) {
            VolumeAssignment volume = slot.volumes.assignment().volume(volumeId);
            if (volume != null) {
                return slot.volumes.reopen(volume);
            }
        }
        return null;
    }

    /** Forgets which agents of a source server were refused as duplicates; false if there is no such source server. */
    public boolean acceptAgents(String sourceServerId) {
        SourceSlot slot = slots.get(sourceServerId);
        if (slot == null) {
            return false;
        }
        slot.acceptAgents();
        return true;
    }

    /** Devices have come or gone: volumes that are not open are tried again at the next tick. */
    public void devicesChanged() {
        slots.values().forEach(slot -> slot.volumes.devicesChanged());
    }

    /** How long the stages of a source server have been busy; null if there is no such source server. */
    public @Nullable SourceClocks clocks(String sourceServerId) {
        SourceSlot slot = slots.get(sourceServerId);
        return slot == null ? null : slot.clocks();
    }

    /** No session opens any more, those that are open are asked to finish: the process is about to end. */
    public void shutdown() {
        close("the server is about to stop");
    }

    /** The same, and the process goes on. */
    public void drain() {
        close("the server was drained; it takes sessions again once it is started again, or replaced");
    }

    private void close(String because) {
        closedBecause = because;
        slots.values().forEach(slot -> slot.shutdown(because));
    }

    /** Finishes the sessions that did not do so by themselves: what was received becomes durable and is acknowledged. */
    public void finishAll() {
        List.copyOf(slots.values()).forEach(SourceSlot::finish); // as in tick
    }

    /**
     * Holds the volumes of a source server at its next commit, which its agent is asked for; where no session is open, at the last one, if
     * nothing was written since. A hold that is not released in its time ends by itself.
     *
     * @return the answer; who cancels it before it is there does not want the hold any more
     */
    public CompletableFuture<HoldAnswer> hold(String sourceServerId, HoldRequest request) {
        SourceSlot slot = slots.get(sourceServerId);
        return slot == null
                ? CompletableFuture.completedFuture(new HoldAnswer.NotHeld(
                        HoldAnswer.Cause.NOT_ASSIGNED, "no volume is assigned to this source server"))
                : slot.hold(request);
    }

    /** Ends a hold and says what it was worth; a second release of the same says EXPIRED. */
    public HoldEnd release(HoldToken token) {
        SourceSlot slot = slots.get(token.sourceServerId());
        return slot == null ? HoldEnd.EXPIRED : slot.hold.release(token);
    }

    /** The present hold of a source server; null if its volumes are not held. */
    public @Nullable StandingHold standingHold(String sourceServerId) {
        SourceSlot slot = slots.get(sourceServerId);
        return slot == null ? null : slot.hold.standing();
    }

    /** Whether any session is open or opening. */
    public boolean hasSessions() {
        return slots.values().stream().anyMatch(SourceSlot::hasSession);
    }

    /** Connections from handshake to end, of any role. */
    public int connectionCount() {
        return connections.size();
    }

    @Override
    public @Nullable String closedBecause() {
        return closedBecause;
    }

    @Override
    public void connectionEnded(AgentConnection connection) {
        connections.remove(connection);
    }

    /** A volume has failed on its writer's thread: that of whoever has it, though it may be assigned to another one or nobody by now. */
    void volumeFailed(VolumeFailure failure) {
        SourceSlot slot =
                slots.get(context.holders().holderOf(failure.volumeId().value()));
        if (slot != null) {
            slot.volumeFailed(failure);
        }
    }
}
