package org.replicationserver.receiver.session;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.TestAttach;
import org.replicationserver.receiver.protocol.TestOpen;
import org.replicationserver.receiver.protocol.TestResult;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.volume.VolumeFailure;

/**
 * The place of one source server: its record, its current session, and the session that is opening. Event loop only.
 *
 * <p>What happens when a HELLO comes, in this order, and what would break otherwise:
 * <ol>
 *   <li>the older session ends and its volumes are fenced: no write of it runs or is queued when the newer one begins, or older
 *       data could overwrite newer;
 *   <li>the new generation is stored, and whatever else has changed in the record: a crash must not give the same generation twice,
 *       nor make an agent remember a content that this server never had;
 *   <li>only when both are done WELCOME is sent.
 * </ol>
 */
final class SourceSlot implements SlotVolumes.Owner {
    private static final long CORRUPTION_WINDOW_NANOS = 600_000_000_000L;
    private static final int CORRUPT_BLOCKS_TOLD = 3;
    /** A name of an agent's disk that may stand in a sentence. */
    private static final Pattern TELLABLE = Pattern.compile("[!-~]{1,64}");

    private static final String LEAVING = "this source server is being taken from this server";

    // of the slot, for its session too
    final String sourceServerId;
    final SessionContext context;
    final SourceMemory memory;
    final SourceThrottle throttle;
    final SlotRecord record;
    final SlotVolumes volumes;
    final SlotHold hold;

    /** Some volume of it on some stream has less than a largest block of its window left. */
    final RunningTime windowUsedUp;

    /** Some block of it is with a volume. */
    final RunningTime blocksUnderWay;

    private final InstanceHistory instances;
    private final SlotOwner owner;
    private final BusiestVolume busiest = new BusiestVolume();
    private final VolumeActivity activity;
    private long replicatedBytes;

    private DesiredState desiredState;

    /** The source server is about to be another server's. */
    private boolean leaving;

    private @Nullable SourceSession session;
    private @Nullable SessionOpening opening;
    private final List<CompletableFuture<Void>> sessionEndWaiters = new ArrayList<>();
    private int connections;
    private int corruptBlocks;
    private long corruptSinceNanos;

    /** What a slot asks of {@link Sessions}. */
    interface SlotOwner {
        /** Why no session may open any more; null as long as one may. */
        @Nullable
        String closedBecause();

        void connectionEnded(AgentConnection connection);
    }

    /** A slot without volumes; {@link #assign} gives it some. */
    SourceSlot(
            String sourceServerId,
            DesiredState desiredState,
            SourceRecord record,
            SessionContext context,
            SourceMemory memory,
            SourceThrottle throttle,
            SlotOwner owner) {
        this.sourceServerId = sourceServerId;
        this.desiredState = desiredState;
        this.context = context;
        this.memory = memory;
        this.throttle = throttle;
        this.owner = owner;
        this.windowUsedUp = new RunningTime(context.clock());
        this.blocksUnderWay = new RunningTime(context.clock());
        this.activity = new VolumeActivity(context.clock());
        this.instances = new InstanceHistory(record.refusedAgents());
        this.record = new SlotRecord(sourceServerId, record, context, this::openIfReady);
        this.volumes = new SlotVolumes(sourceServerId, this.record, context, this);
        this.hold = new SlotHold(this);
    }

    // --- the assignment

    /** Takes over an assignment; done when every volume that came was opened or cannot be. */
    CompletionStage<Void> assign(SourceAssignment to) {
        leaving = false; // a fault may have kept it here
        return change(to);
    }

    private CompletionStage<Void> change(SourceAssignment to) {
        record.prune(to);
        context.events().assigned(to, desiredState, record.now());
        CompletionStage<Void> changed = volumes.assign(to);
        if (volumes.isChanging()) {
            askToFinish("ASSIGNMENT_CHANGED");
        }
        if (opening != null && !opening.fits(to)) {
            refuseOpening(new ProtocolException(ErrorCode.STATE, "the assignment has changed; come back"));
        }
        return changed.thenRun(this::openIfReady);
    }

    /** Ends the session softly and closes all volumes; done when another server may have them. */
    CompletionStage<Void> leave() {
        leaving = true;
        hold.leave(LEAVING);
        ProtocolException why = new ProtocolException(ErrorCode.SHUTDOWN, LEAVING);
        refuseOpening(why);
        context.speedTests().abort(sourceServerId, why);
        return change(new SourceAssignment(sourceServerId, List.of()));
    }

    void setDesiredState(DesiredState wanted) {
        if (wanted == desiredState) {
            return;
        }
        desiredState = wanted;
        context.events().desired(sourceServerId, wanted);
        if (wanted != DesiredState.STARTED) {
            refuseOpening(notStarted());
            askToFinish(wanted.name());
        }
    }

    @Override
    public CompletionStage<Void> whenNoSession() {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        if (session == null) {
            ended.complete(null);
        } else {
            sessionEndWaiters.add(ended);
        }
        return ended;
    }

    @Override
    public void askToFinish(String reason) {
        if (session != null) {
            session.goAway(reason);
        }
    }

    /** Ends the connection of the session that is opening, and so takes its place away. */
    private void refuseOpening(ProtocolException why) {
        if (opening != null) {
            opening.control.fail(why);
        }
    }

    private ProtocolException notStarted() {
        return new ProtocolException(
                ErrorCode.PAUSED, "replication of this source server is " + desiredState + "; come back later");
    }

    boolean hasSession() {
        return session != null || opening != null;
    }

    // --- HELLO and ATTACH

    void hello(AgentConnection control, Hello hello) throws ProtocolException {
        checkHello(control, hello);
        ProtocolException stale = new ProtocolException(ErrorCode.STALE_GENERATION, "a newer session opens");
        if (session != null) {
            session.end("a newer session", SessionEndCause.SERVER_ENDED, stale);
        }
        refuseOpening(stale);
        CompletionStage<Void> fenced = volumes.fence();
        CompletionStage<Void> stored = record.beginSession(hello, volumes.assignment(), volumes::openAs);
        SessionOpening opens =
                new SessionOpening(this, control, hello, record.now().generation());
        opening = opens;
        control.endsWith(stored.thenCompose(done -> fenced).thenRun(() -> {
            opens.mayWrite = true;
            openIfReady();
        }));
    }

    private void checkHello(AgentConnection control, Hello hello) throws ProtocolException {
        checkNotClosed();
        if (desiredState != DesiredState.STARTED) {
            throw notStarted();
        }
        checkPeer(hello.versions(), hello.sourceServerId());
        for (int place = 0; place < hello.disks().size(); place++) {
            checkDisk(hello.disks().get(place), place);
        }
        InstanceHistory.Verdict verdict = instances.hello(
                hello.instance(),
                control.remoteAddress(),
                control.pin(),
                context.clock().nanos());
        RefusedAgent found = verdict.newlyRefused();
        if (found != null) {
            record.setRefusedAgents(instances.refused());
            context.events().duplicateAgent(sourceServerId, found);
        }
        if (verdict.refused()) {
            throw new ProtocolException(ErrorCode.FORBIDDEN, "duplicate agent");
        }
    }

    private void checkDisk(Hello.Disk disk, int place) throws ProtocolException {
        VolumeAssignment volume = volumes.assignment().volumeOf(disk.deviceName());
        if (volume == null) {
            String name = disk.deviceName();
            throw ProtocolException.ofDisk(
                    ErrorCode.FORBIDDEN,
                    "no volume is assigned to "
                            + (TELLABLE.matcher(name).matches() ? name : "a disk of that deviceName"),
                    place);
        }
        if (volume.sizeBytes() != disk.sizeBytes()) {
            throw ProtocolException.ofDisk(
                    ErrorCode.RANGE,
                    volume.deviceName() + " has " + disk.sizeBytes() + " bytes, assigned are " + volume.sizeBytes(),
                    place);
        }
    }

    private void checkNotClosed() throws ProtocolException {
        String because = owner.closedBecause();
        if (because != null) {
            throw new ProtocolException(ErrorCode.SHUTDOWN, because);
        }
        if (leaving) {
            throw new ProtocolException(ErrorCode.SHUTDOWN, LEAVING);
        }
    }

    private void checkPeer(List<Integer> versions, String claimedId) throws ProtocolException {
        if (!versions.contains(ProtocolLimits.VERSION)) {
            throw new ProtocolException(ErrorCode.VERSION, "this server speaks version " + ProtocolLimits.VERSION);
        }
        if (!claimedId.equals(sourceServerId)) {
            throw new ProtocolException(ErrorCode.FORBIDDEN, "the certificate is another source server's");
        }
    }

    private void openIfReady() {
        SessionOpening ready = opening;
        if (ready != null && ready.isReady()) {
            try {
                if (ready.beginsUntoldAnew()) {
                    return; // until that is stored
                }
                opening = null;
                ready.open();
            } catch (RuntimeException | Error e) {
                // Who comes by here has waited for something else, and goes on.
                ready.control.faulted(e);
            }
        }
    }

    void sessionOpened(SourceSession opened) {
        session = opened;
        volumes.sessionOpened(opened);
    }

    /** Asks the agent of an open session for a commit. */
    void requestCommit() {
        if (session != null) {
            session.requestCommit();
        }
    }

    void attach(AgentConnection connection, FrameHeader header, Attach attach) throws ProtocolException {
        SourceSession current = session;
        if (attach.generation() < record.now().generation()) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.STALE_GENERATION,
                    "generation=" + attach.generation() + ", the newest is "
                            + record.now().generation());
        }
        if (current == null || current.generation() != attach.generation()) {
            throw ProtocolException.at(
                    header, ErrorCode.STATE, "generation=" + attach.generation() + " has no open session");
        }
        current.attach(connection, header, attach);
    }

    // --- speed tests, which no session hears of

    SpeedTest openTest(AgentConnection control, TestOpen asked) throws ProtocolException {
        checkNotClosed();
        checkPeer(asked.versions(), asked.sourceServerId());
        return context.speedTests().open(this, control, asked);
    }

    TestStream attachTest(AgentConnection connection, FrameHeader header, TestAttach attach) throws ProtocolException {
        return context.speedTests().attach(this, connection, header, attach);
    }

    /** Bytes of a data connection of a session arrived. */
    void replicated(int bytes, long nowNanos) {
        replicatedBytes += bytes;
        context.speedTests().replicated(bytes, nowNanos);
    }

    /** Bytes that data connections of its sessions have received. */
    long replicatedBytes() {
        return replicatedBytes;
    }

    /** What the writers of its volumes did lately. */
    List<TestResult.Volume> volumeActivity() {
        return activity.lately(volumes.assignment().volumes());
    }

    void bye(AgentConnection control) {
        SourceSession current = session;
        if (current != null && current.control() == control) {
            current.finish("BYE");
        } else {
            control.end("BYE", SessionEndCause.AGENT_LEFT);
        }
    }

    // --- events

    /** Says how many connections there are now. */
    int connectionAccepted() {
        return ++connections;
    }

    void connectionEnded(AgentConnection connection) {
        connections--;
        memory.forget(connection);
        if (opening != null && opening.control == connection) {
            opening = null;
        }
        owner.connectionEnded(connection);
    }

    void sessionEnded(SourceSession ended, String reason, SessionEndCause cause) {
        if (session == ended) {
            session = null;
            hold.forgetWaiting();
            List<CompletableFuture<Void>> waiters = List.copyOf(sessionEndWaiters);
            sessionEndWaiters.clear();
            waiters.forEach(waiter -> waiter.complete(null));
        }
        context.events().sessionEnded(sourceServerId, ended.generation(), reason, cause);
    }

    void corruptBlock() {
        long now = context.clock().nanos();
        if (corruptBlocks == 0 || now - corruptSinceNanos > CORRUPTION_WINDOW_NANOS) {
            corruptBlocks = 0;
            corruptSinceNanos = now;
        }
        corruptBlocks++;
        if (corruptBlocks == CORRUPT_BLOCKS_TOLD) {
            context.events().repeatedCorruption(sourceServerId, corruptBlocks);
        }
    }

    void volumeFailed(VolumeFailure failure) {
        String volumeId = failure.volumeId().value();
        String cause = failure.summary();
        VolumeRecord known = record.volume(volumeId);
        context.events().volumeFailed(sourceServerId, failure);
        // What there is no record of, nobody remembers: one that was pruned, or that no agent has met.
        CompletionStage<Void> stored =
                known == null ? CompletableFuture.completedStage(null) : record.setFailed(volumeId, known, cause);
        context.tellFault(sourceServerId, stored.thenRun(() -> {
            if (session != null) {
                session.volumeFailed(volumeId, cause);
            }
        }));
    }

    /**
     * Makes the agent send whole disks again: nothing that it remembers of them holds any more.
     *
     * @return done when that is stored
     */
    CompletionStage<Void> rescan(Set<String> volumeIds) {
        return record.rescan(volumeIds, Origin.RESCAN_REQUESTED).thenRun(() -> askToFinish("RESCAN_REQUESTED"));
    }

    /** An operator has chosen: every instance may open a session again. */
    void acceptAgents() {
        instances.acceptAll();
        record.setRefusedAgents(List.of());
        context.events().agentsAccepted(sourceServerId);
    }

    SourceClocks clocks() {
        busiest.look(volumes.assignment().volumes(), context.volumes());
        return new SourceClocks(
                throttle.pausedNanos(),
                memory.pausedNanos(),
                hold.delaying.nanos(),
                windowUsedUp.nanos(),
                blocksUnderWay.nanos(),
                blocksUnderWay.running(),
                busiest.deviceNanos(),
                busiest.expandNanos());
    }

    void tick(long nowNanos) {
        activity.look(volumes.assignment().volumes(), context.volumes());
        busiest.look(volumes.assignment().volumes(), context.volumes());
        hold.tick();
        volumes.tick(nowNanos);
        if (session != null) {
            session.tick(nowNanos);
        }
        openIfReady();
        if (opening != null) {
            opening.tick(nowNanos);
        }
    }

    CompletableFuture<HoldAnswer> hold(HoldRequest request) {
        return hold.begin(request, leaving ? LEAVING : owner.closedBecause());
    }

    void shutdown(String because) {
        hold.close(because);
        askToFinish("SHUTDOWN");
        ProtocolException why = new ProtocolException(ErrorCode.SHUTDOWN, because);
        refuseOpening(why);
        context.speedTests().abort(sourceServerId, why);
    }

    void finish() {
        if (session != null) {
            session.finish("the server is about to stop");
        }
    }
}
