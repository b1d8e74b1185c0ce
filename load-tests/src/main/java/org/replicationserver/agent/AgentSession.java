package org.replicationserver.agent;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.GoAway;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.Welcome;

/**
 * One session with the server, from the control connection to the end of all connections. Event loop only.
 *
 * <p>GREETING (until WELCOME) → ATTACHING (until every stream is attached) → ACTIVE → LEAVING (sends no blocks, waits for what is
 * under way) → PARTING (BYE sent) → ENDED. Any state may go to ENDED: one end ends all.
 *
 * <p>At the end, in this order: all connections are closed; what was claimed and not sent is given back; what is in flight becomes
 * dirty; only then the replication hears of it and may begin another session.
 */
final class AgentSession implements LinkOwner {
    private static final long PING_AFTER_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long DEAD_AFTER_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** From BYE to the server's close. */
    private static final long PARTING_NANOS = TimeUnit.SECONDS.toNanos(5);

    private enum State {
        GREETING,
        ATTACHING,
        ACTIVE,
        LEAVING,
        PARTING,
        ENDED
    }

    private final Replication replication;
    private final AgentIo io;
    private final List<ReplicatedDisk> disks;
    private final ControlLink control;
    private final List<DataLink> streams = new ArrayList<>();
    private final List<SessionVolume> volumes = new ArrayList<>();
    private final SessionTransfer transfer;
    private final StatusSender status;
    private final SessionFaults faults;

    private State state = State.GREETING;
    private long generation;
    private int regionShift;
    private boolean progressed;
    private long pingedNanos;
    private List<String> features = List.of();

    // LEAVING and PARTING
    private long deadlineNanos;
    private String leavingWhy = "";
    private @Nullable SessionEnd afterwards;

    AgentSession(Replication replication, AgentIo io) {
        this.replication = replication;
        this.io = io;
        this.disks = replication.disks().offered();
        this.pingedNanos = io.nanoTime();
        this.control = new ControlLink(this, io, replication.newGrease(), replication.hello(disks));
        this.transfer = new SessionTransfer(this, replication, io, control, streams, volumes);
        this.status = new StatusSender(this, io, control, volumes, transfer);
        this.faults = new SessionFaults(replication, disks);
    }

    void connect() {
        io.connect(control);
    }

    // --- what links ask

    long generation() {
        return generation;
    }

    @Override
    public AgentCounters count() {
        return replication.counters();
    }

    @Override
    public boolean grants(String feature) {
        return features.contains(feature);
    }

    boolean madeProgress() {
        return progressed;
    }

    /** Whether the server answers, however long it may take to open the session. */
    boolean isConnected() {
        return control.isOpen();
    }

    boolean wasActive() {
        return transfer.hasBegun();
    }

    boolean isActive() {
        return state == State.ACTIVE;
    }

    /** What it does with blocks, once it is active. */
    SessionTransfer transfer() {
        return transfer;
    }

    /** The disks that were named in HELLO. */
    List<ReplicatedDisk> disks() {
        return disks;
    }

    /** False when no volume of an open session takes writes: it only waits for one to be reopened. */
    boolean takesWrites() {
        return volumes.isEmpty() || !volumes.stream().allMatch(SessionVolume::isFailed);
    }

    boolean isLeaving() {
        return state == State.LEAVING || state == State.PARTING;
    }

    // --- opening

    void welcome(Welcome welcome) throws ProtocolException {
        WelcomeCheck.check(welcome, replication.plan().streams(), disks, replication.generation());
        features = welcome.features();
        generation = welcome.generation();
        regionShift = welcome.regionShift();
        for (int i = 0; i < disks.size(); i++) {
            Welcome.Volume volume = welcome.volumes().get(i);
            boolean failed = volume.action() == Welcome.Action.FAILED;
            volumes.add(new SessionVolume(disks.get(i), volume.index(), volume.volumeId(), failed));
        }
        replication.welcomed(welcome, disks);
        if (anyFailed() && takesWrites()) {
            leaveWithoutFailed();
        }
        if (state != State.GREETING) {
            return;
        }
        state = State.ATTACHING;
        for (int s = 0; s < welcome.streams(); s++) {
            streams.add(new DataLink(this, io, replication.newGrease(), s));
        }
        streams.forEach(io::connect);
    }

    void attached() {
        if (state != State.ATTACHING || !streams.stream().allMatch(DataLink::isAttached)) {
            return;
        }
        transfer.begin(regionShift);
        state = State.ACTIVE;
        status.send();
        replication.sessionActive();
    }

    // --- what the server tells

    void acknowledged() {
        leaveIfQuiet();
        pump();
    }

    /** Something became durable, or is known to be equal. */
    void progressed() {
        progressed = true;
    }

    /** The server wants a commit: the next epoch begins at once, unless one is open. */
    void commitRequested() {
        replication.commitRequested();
    }

    void progress(Progress progress) {
        replication.serverBusy(progress);
        if (progress.waitingFor() == Progress.WaitingFor.HOLD) {
            transfer.held();
        }
    }

    // --- what lanes and comparisons ask

    /** Reads and sends as much as is allowed now. */
    @Override
    public void pump() {
        transfer.pump();
    }

    /** A read holds no memory any more. */
    void readConsumed() {
        replication.readConsumed();
    }

    /** Whether the server compares volumes with hashes in this session. */
    boolean compares() {
        return grants(Features.HASH_OFFER);
    }

    void sendOffer(HashOffer offer) {
        control.send(offer);
    }

    // --- errors

    @Override
    public void errorReceived(AgentLink link, ErrorBody error) {
        if (ErrorCode.of(error.code()) == ErrorCode.VOLUME_FAILED) {
            volumeFailed(error);
        } else {
            end(afterwards == null ? faults.afterError(error, state == State.GREETING) : afterwards);
        }
    }

    private void volumeFailed(ErrorBody error) {
        for (SessionVolume volume : volumes) {
            if (error.volume() != null && volume.index == error.volume() && !volume.isFailed()) {
                volume.fail();
                replication.disks().volumeFailed(volume.disk, volume.volumeId, whyFailed(error));
                leaveWithoutFailed();
            }
        }
        leaveIfQuiet();
    }

    private static String whyFailed(ErrorBody error) {
        String text = error.text();
        return text == null ? SessionFaults.describe(error, ErrorCode.VOLUME_FAILED) : text;
    }

    /** The server sent what this agent had to refuse, and was told so. */
    @Override
    public void serverBroke(ProtocolException e) {
        end(SessionFaults.afterBrokenProtocol(e));
    }

    @Override
    public void linkClosed(AgentLink link, LinkFailure failure) {
        String where = link == control ? "control connection" : "data connection";
        end(afterwards == null ? faults.afterLoss(where, failure) : afterwards);
    }

    // --- leaving

    void goAway(GoAway goAway) {
        if (goAway.reason().equals("VOLUME_REOPENED") || goAway.reason().equals("ASSIGNMENT_CHANGED")) {
            replication.disks().offerAllAgain();
        }
        long delay = TimeUnit.MILLISECONDS.toNanos(goAway.reconnectAfterMillis());
        leave(
                "server: " + goAway.reason(),
                TimeUnit.MILLISECONDS.toNanos(goAway.deadlineMillis()),
                SessionEnd.later("the server sent GOAWAY " + goAway.reason(), delay));
    }

    /** Sends no more blocks, waits for the acknowledgements of what was sent, then says BYE. */
    void leave(String why, long patienceNanos, SessionEnd after) {
        if (state == State.ENDED || state == State.PARTING) {
            return;
        }
        if (state == State.GREETING || state == State.ATTACHING) {
            afterwards = after;
            leavingWhy = why;
            part();
            return;
        }
        boolean stronger = afterwards == null || after.next() == SessionEnd.Next.NEVER;
        if (stronger) {
            afterwards = after;
            leavingWhy = why;
            deadlineNanos = io.nanoTime() + patienceNanos;
        }
        if (state == State.ACTIVE) {
            state = State.LEAVING;
            transfer.abandon();
            replication.letSourceGo();
        }
        leaveIfQuiet();
        flush();
    }

    /** BYE as soon as nothing is under way. */
    void leaveIfQuiet() {
        if (state == State.LEAVING && (!transfer.isCommitting() || anyFailed()) && isAllAcknowledged()) {
            part();
        }
    }

    /** Whether no frame for a volume that takes writes is under way; the last acknowledgements may come after a commit. */
    boolean isAllAcknowledged() {
        return volumes.stream().allMatch(v -> v.isFailed() || v.disk.map.isAllAcknowledged());
    }

    /** A failed volume holds back every commit of its session; the next session has the others only. */
    private void leaveWithoutFailed() {
        leave(
                "a volume takes no writes",
                Replication.STOP_PATIENCE_NANOS,
                SessionEnd.now("the session begins anew without the disks whose volumes take no writes"));
    }

    private boolean anyFailed() {
        return volumes.stream().anyMatch(SessionVolume::isFailed);
    }

    private void part() {
        state = State.PARTING;
        deadlineNanos = io.nanoTime() + PARTING_NANOS;
        if (control.isOpen()) {
            status.send();
            String reason = leavingWhy;
            control.send(FrameType.BYE, new Bye(reason.substring(0, Math.min(64, reason.length()))));
            control.flush();
        } else {
            deadlineNanos = io.nanoTime();
        }
    }

    /** Closes everything; the replication is over. */
    void drop() {
        end(SessionEnd.retry("dropped"));
    }

    private void end(SessionEnd end) {
        if (state == State.ENDED) {
            return;
        }
        state = State.ENDED;
        control.flush();
        control.end();
        streams.forEach(AgentLink::flush);
        streams.forEach(AgentLink::end);
        transfer.abandon();
        volumes.forEach(volume -> volume.disk.map.sessionEnded());
        replication.sessionEnded(this, end);
    }

    // --- time

    void tick(long nowNanos) {
        if (state == State.ENDED) {
            return;
        }
        if (state == State.LEAVING && nowNanos - deadlineNanos >= 0) {
            part();
        } else if (state == State.PARTING && nowNanos - deadlineNanos >= 0) {
            end(afterwards == null ? SessionEnd.retry("left") : afterwards);
            return;
        }
        if (checkSilence(nowNanos)) {
            boolean attached = state == State.ACTIVE || state == State.LEAVING;
            if (attached) {
                status.sendIfDue(nowNanos);
            }
            control.maybeGrease(nowNanos);
            streams.stream().filter(DataLink::isAttached).forEach(link -> link.maybeGrease(nowNanos));
            flush();
        }
    }

    /** Sends PING where it is due; false if the session ended because nothing was heard. */
    private boolean checkSilence(long nowNanos) {
        if (control.isOpen()) {
            long silentNanos = nowNanos - control.heardNanos();
            if (silentNanos > DEAD_AFTER_NANOS) {
                end(SessionEnd.retry("nothing was received on the control connection for 30 s"));
                return false;
            }
            if (silentNanos > PING_AFTER_NANOS && nowNanos - pingedNanos > PING_AFTER_NANOS) {
                pingedNanos = nowNanos;
                control.send(FrameType.PING);
            }
        }
        for (DataLink link : streams) {
            link.pingIfSilent(nowNanos, PING_AFTER_NANOS);
            if (link.isOpen() && nowNanos - link.heardNanos() > DEAD_AFTER_NANOS) {
                end(SessionEnd.retry("nothing was received on data connection " + link.stream() + " for 30 s"));
                return false;
            }
        }
        return true;
    }

    @Override
    public void flush() {
        if (state != State.ENDED) {
            control.flush();
            streams.forEach(AgentLink::flush);
            status.observe();
        }
    }

    @Override
    public String toString() {
        return "AgentSession[generation=" + generation + ", state=" + state + "]";
    }
}
