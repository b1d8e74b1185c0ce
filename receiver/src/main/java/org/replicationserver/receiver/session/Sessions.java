package org.replicationserver.receiver.session;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.BlockWrite;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeFailure;
import org.replicationserver.volume.VolumeListener;

/**
 * The sessions of all source servers: where a connection begins and where the volume writers report. Event loop only, except for
 * the two methods of {@link VolumeListener}, which move what they are told to the event loop.
 */
public final class Sessions implements VolumeListener, SourceSlot.SlotOwner {
    /** Connections of a source server, of a session and of the one that it follows. */
    static final int CONNECTIONS_PER_SOURCE_MAX = 2 * (1 + ProtocolLimits.STREAMS_MAX);

    /** A schedule is looked at this often. */
    private static final long SCHEDULE_NANOS = 1_000_000_000L;

    private final SessionContext context;
    private final Throttle throttle;
    private final Map<String, SourceSlot> slots = new LinkedHashMap<>();
    private final Set<AgentConnection> connections = new LinkedHashSet<>();
    private boolean shuttingDown;
    private long scheduledNanos;

    /**
     * @param eventLoop runs a task on the thread that owns all sessions
     * @param timer does the same later
     * @param random draws data generations
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
            List<SourceAssignment> assignments) {
        this.context =
                new SessionContext(settings, clock, events, new BlockPool(memory), volumes, records, eventLoop, random);
        this.throttle = new Throttle(clock, timer);
        this.scheduledNanos = clock.nanos();
        for (SourceAssignment assignment : assignments) {
            SourceMemory share = new SourceMemory(settings.memoryBudgetBytes(), assignments.size(), clock);
            slots.put(
                    assignment.sourceServerId(),
                    new SourceSlot(assignment, context, share, throttle.newSource(), this));
        }
    }

    /** Begins a connection of an agent whose certificate belongs to this source server; null if none is assigned to it. */
    public @Nullable AgentConnection accept(Transport transport, String sourceServerId) {
        SourceSlot slot = slots.get(sourceServerId);
        if (slot == null) {
            return null;
        }
        AgentConnection connection =
                new AgentConnection(transport, slot, context.settings(), context.clock(), context.events());
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
        for (SourceSlot slot : slots.values()) {
            slot.tick(now);
        }
        if (now - scheduledNanos >= SCHEDULE_NANOS) {
            scheduledNanos = now;
            throttle.look();
            slots.values().forEach(slot -> slot.throttle().look());
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
        slot.throttle().setSchedule(schedule);
        return true;
    }

    /** Limits what all data connections together receive, from now on. */
    public void setServerBandwidth(BandwidthSchedule schedule) {
        throttle.setSchedule(schedule);
    }

    /** Opens a volume anew and draws a new data generation for it; null if no such volume is assigned. */
    public @Nullable CompletionStage<Availability> reopen(String volumeId) {
        for (SourceSlot slot : slots.values()) {
            for (VolumeAssignment volume : slot.assignment().volumes()) {
                if (volume.volumeId().equals(volumeId)) {
                    return slot.reopen(volume);
                }
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

    /** How long the stages of a source server have been busy; null if there is no such source server. */
    public @Nullable SourceClocks clocks(String sourceServerId) {
        SourceSlot slot = slots.get(sourceServerId);
        return slot == null ? null : slot.clocks();
    }

    /** No session opens any more, those that are open are asked to finish. */
    public void shutdown() {
        shuttingDown = true;
        slots.values().forEach(slot -> slot.goAway("SHUTDOWN"));
    }

    /** Finishes the sessions that did not do so by themselves: what was received becomes durable and is acknowledged. */
    public void finishAll() {
        slots.values().forEach(SourceSlot::finish);
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
    public boolean isShuttingDown() {
        return shuttingDown;
    }

    @Override
    public void connectionEnded(AgentConnection connection) {
        connections.remove(connection);
    }

    // --- volume writer threads

    @Override
    public void roundCompleted(Volume volume, List<BlockWrite> writes) {
        List<BlockWrite> round = new ArrayList<>(writes);
        context.eventLoop().execute(() -> completed(round));
    }

    @Override
    public void failed(Volume volume, VolumeFailure failure) {
        context.eventLoop().execute(() -> {
            for (SourceSlot slot : slots.values()) {
                for (VolumeAssignment assigned : slot.assignment().volumes()) {
                    if (assigned.volumeId().equals(failure.volumeId().value())) {
                        slot.volumeFailed(failure);
                    }
                }
            }
        });
    }

    // --- event loop

    private void completed(List<BlockWrite> round) {
        // A round is of one volume, so of one source server: nearly always of one session.
        SourceSession touched = null;
        for (BlockWrite write : round) {
            InboundBlock block = (InboundBlock) write;
            SourceSession session = block.session;
            if (session == null) {
                throw new IllegalStateException("reported twice: " + block);
            }
            if (touched != null && touched != session) {
                touched.roundEnded();
            }
            touched = session;
            session.completed(block);
        }
        if (touched != null) {
            touched.roundEnded();
        }
    }
}
