package org.replicationserver.agent;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.GoAway;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.SourceStatus;
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

    /** Between two SOURCE_STATUS; it is looked at ten times a second. */
    private static final long STATUS_NANOS = TimeUnit.SECONDS.toNanos(2);

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

    /** Lane of stream s and volume v at s × volumes + v. */
    private final List<Lane> lanes = new ArrayList<>();

    private State state = State.GREETING;
    private long generation;
    private int regionShift;
    private int nextClaimer;
    private boolean progressed;
    private long pingedNanos;
    private @Nullable EpochRun run;
    private List<String> features = List.of();

    /** Of the open epoch, or of a verification; the lanes and they take turns in reading. */
    private List<DiskComparison> comparisons = List.of();

    private List<ReadClaimer> claimers = List.of();
    private boolean verifying;

    // SOURCE_STATUS
    private final WaitClocks waits;
    private long statusNanos;

    // LEAVING and PARTING
    private long deadlineNanos;
    private String leavingWhy = "";
    private @Nullable SessionEnd afterwards;

    AgentSession(Replication replication, AgentIo io) {
        this.replication = replication;
        this.io = io;
        this.disks = replication.disks().offered();
        this.pingedNanos = io.nanoTime();
        this.waits = new WaitClocks(io.nanoTime());
        this.control = new ControlLink(this, io, replication.newGrease(), replication.hello(disks));
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

    long openEpoch() {
        EpochRun open = run;
        if (open == null) {
            throw new IllegalStateException("no epoch is open");
        }
        return open.epoch;
    }

    @Override
    public boolean grants(String feature) {
        return features.contains(feature);
    }

    /** The lane of a volume on a stream, or null if there is no such volume, or not every stream is attached yet. */
    @Nullable
    Lane lane(int stream, int index) {
        if (lanes.isEmpty()) {
            return null;
        }
        for (int v = 0; v < volumes.size(); v++) {
            if (volumes.get(v).index == index) {
                return lanes.get(stream * volumes.size() + v);
            }
        }
        return null;
    }

    boolean madeProgress() {
        return progressed;
    }

    /** Whether the server answers, however long it may take to open the session. */
    boolean isConnected() {
        return control.isOpen();
    }

    boolean wasActive() {
        return !lanes.isEmpty();
    }

    boolean isActive() {
        return state == State.ACTIVE;
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
        for (DataLink link : streams) {
            for (SessionVolume volume : volumes) {
                lanes.add(new Lane(this, link, volume, regionShift, streams.size(), volumes.size()));
            }
        }
        state = State.ACTIVE;
        sendStatus();
        replication.sessionActive();
    }

    // --- an epoch

    /** Begins an epoch; {@link #sourceOpened} goes on. */
    void begin(EpochRun newRun) {
        run = newRun;
        lanes.forEach(Lane::rewind);
        compare(volumes.stream()
                .filter(volume -> !volume.isFailed() && volume.disk.map.hasUnknown())
                .map(volume -> new DiskComparison(this, volume, rescanOf(volume)))
                .toList());
        claimers = Stream.concat(lanes.stream(), comparisons.stream()).toList();
    }

    private RescanSubject rescanOf(SessionVolume volume) {
        return new RescanSubject(
                volume.disk,
                block -> lanes.stream().filter(lane -> lane.volume == volume).forEach(lane -> lane.lookAgain(block)));
    }

    private void compare(List<DiskComparison> newComparisons) {
        comparisons = newComparisons;
        claimers = List.copyOf(newComparisons);
    }

    /** The source can be read; it stands still, as far as it is to. */
    void sourceOpened(boolean still) {
        EpochRun marking = run;
        if (state != State.ACTIVE || marking == null || !marking.is(EpochRun.State.MARKING)) {
            return;
        }
        if (!still) {
            marking.becomeFuzzy();
        }
        openEpochOf(marking);
        flush();
    }

    private void openEpochOf(EpochRun opening) {
        long estimatedBytes =
                disks.stream().mapToLong(disk -> disk.map.dirtyBytes()).sum();
        control.send(FrameType.EPOCH_OPEN, opening.open(io.wallMillis(), estimatedBytes));
    }

    void epochStatus(EpochStatus status) throws ProtocolException {
        EpochRun open = run;
        boolean expected = open != null
                && open.epoch == status.epoch()
                && (status.committed() ? open.is(EpochRun.State.COMMITTING) : isOpening(open));
        if (open == null || !expected) {
            throw new ProtocolException(ErrorCode.STATE, "EPOCH_STATUS that nobody asked for: " + status);
        }
        if (status.committed()) {
            open.committed();
            run = null;
            progressed = true;
            replication.committed(open);
            leaveIfQuiet();
        } else if (open.is(EpochRun.State.UNMARKED)) {
            leave(
                    "a new mark",
                    Replication.STOP_PATIENCE_NANOS,
                    SessionEnd.now("the hold is over; the session begins anew, with a new mark of the source"));
        } else {
            open.send();
            pump();
        }
    }

    private static boolean isOpening(EpochRun open) {
        return open.is(EpochRun.State.OPENING) || open.is(EpochRun.State.UNMARKED);
    }

    /** The server wants a commit: the next epoch begins at once, unless one is open. */
    void commitRequested() {
        replication.commitRequested();
    }

    /** Reads and sends as much as is allowed now. */
    @Override
    public void pump() {
        EpochRun sending = run;
        boolean sends = sending != null && sending.is(EpochRun.State.SENDING);
        if (state != State.ACTIVE || !(sends || verifying)) {
            return;
        }
        if (sends) {
            lanes.forEach(Lane::drain);
        }
        comparisons.forEach(DiskComparison::offer);
        claim();
        if (!comparisons.stream().allMatch(DiskComparison::isDone)) {
            return;
        }
        if (verifying) {
            verified();
        } else if (sending != null && lanes.stream().allMatch(Lane::isDone)) {
            allSent(sending);
        }
    }

    /** Takes turns, so that the reads that are allowed at once are shared out. */
    private void claim() {
        int idle = 0;
        while (idle < claimers.size() && replication.mayRead()) {
            DiskRead read = claimers.get(nextClaimer % claimers.size()).claim();
            nextClaimer = (nextClaimer + 1) % claimers.size();
            if (read == null) {
                idle++;
            } else {
                idle = 0;
                replication.readBegun();
                io.read(read);
            }
        }
    }

    private void allSent(EpochRun sent) {
        replication.letSourceGo();
        List<Long> fences =
                streams.stream().map(link -> link.sendFence(sent.epoch)).toList();
        sent.commit();
        replication.commitAsked(sent.epoch);
        control.send(FrameType.EPOCH_COMMIT, new EpochCommit(sent.epoch, fences, sent.markTimeMillis()));
    }

    void readDone(DiskRead read) {
        switch (read) {
            case BlockRead blocks -> readDone(blocks);
            case HashRead hashed -> readDone(hashed);
        }
    }

    private void readDone(HashRead read) {
        boolean wanted = read.taker.finished();
        readConsumed();
        String failure = read.failure();
        if (wanted && failure != null) {
            replication.readFailed(read.disk(), failure);
        } else if (wanted) {
            pump();
            flush();
        }
    }

    private void readDone(BlockRead read) {
        String failure = read.failure();
        if (failure != null) {
            boolean wanted = read.taker.failed(read);
            drop(read);
            if (wanted) {
                replication.readFailed(read.disk(), failure);
            }
        } else if (read.taker.finished(read)) {
            read.taker.drain();
            pump();
            flush();
        } else {
            drop(read);
        }
    }

    private void drop(BlockRead read) {
        read.releaseFrames();
        readConsumed();
    }

    /** A read holds no memory any more. */
    void readConsumed() {
        replication.readConsumed();
    }

    // --- hashes

    /** Whether the server compares volumes with hashes in this session. */
    boolean compares() {
        return grants(Features.HASH_OFFER);
    }

    void sendOffer(HashOffer offer) {
        control.send(offer);
    }

    void hashDiff(HashDiff diff) throws ProtocolException {
        boolean asked = false;
        for (DiskComparison comparison : comparisons) {
            asked |= comparison.answered(diff);
        }
        if (!asked) {
            throw new ProtocolException(ErrorCode.STATE, "HASH_DIFF that nobody asked for: " + diff.range());
        }
        progressed = true;
        pump();
    }

    /** Compares volumes with what was sent to them; the source is open, and no epoch is. */
    void verify() {
        compare(volumes.stream()
                .filter(volume -> !volume.isFailed())
                .map(volume -> comparisonOf(volume, volume.disk.verification()))
                .filter(Objects::nonNull)
                .toList());
        verifying = true;
        pump();
        flush();
    }

    private @Nullable DiskComparison comparisonOf(SessionVolume volume, @Nullable Verification verification) {
        return verification == null ? null : new DiskComparison(this, volume, verification);
    }

    /** An epoch is to begin: what is not read yet is compared another time. */
    void stopVerifying() {
        comparisons.forEach(DiskComparison::stop);
        pump();
    }

    private void verified() {
        verifying = false;
        boolean stopped = comparisons.stream().anyMatch(DiskComparison::isStopping);
        compare(List.of());
        replication.verified(stopped);
    }

    void acknowledged(DataLink link) {
        leaveIfQuiet();
        pump();
    }

    /** Something became durable. */
    void progressed() {
        progressed = true;
    }

    void progress(Progress progress) {
        replication.serverBusy(progress);
        EpochRun opening = run;
        if (progress.waitingFor() == Progress.WaitingFor.HOLD
                && opening != null
                && opening.is(EpochRun.State.OPENING)
                && replication.isMarked()) {
            // A hold may last for minutes, in which nothing that a mark command has frozen may stand still.
            opening.letGo();
            replication.letSourceGo();
        }
    }

    // --- status

    private void sendStatus() {
        if (grants(Features.SOURCE_STATUS)) {
            statusNanos = io.nanoTime();
            observeWaits();
            control.send(
                    FrameType.SOURCE_STATUS,
                    new SourceStatus(volumes.stream().map(this::status).toList(), waits.waits()));
        }
    }

    private SourceStatus.Volume status(SessionVolume volume) {
        long claimedBytes = lanes.stream()
                .filter(lane -> lane.volume == volume)
                .mapToLong(Lane::claimedBytes)
                .sum();
        return new SourceStatus.Volume(volume.index, volume.disk.map.unacknowledgedBytes() + claimedBytes);
    }

    private void observeWaits() {
        if (grants(Features.SOURCE_STATUS)) {
            waits.observe(io.nanoTime(), waitsFor());
        }
    }

    private Set<WaitClocks.Cause> waitsFor() {
        Set<WaitClocks.Cause> causes = EnumSet.noneOf(WaitClocks.Cause.class);
        EpochRun open = run;
        if (state != State.ACTIVE || open == null) {
            return causes;
        }
        if (open.is(EpochRun.State.MARKING)) {
            causes.add(WaitClocks.Cause.SOURCE);
        } else if (open.is(EpochRun.State.SENDING)) {
            for (Lane lane : lanes) {
                WaitClocks.Cause cause = lane.waitsFor();
                if (cause != null) {
                    causes.add(cause);
                }
            }
            for (DiskComparison comparison : comparisons) {
                WaitClocks.Cause cause = comparison.waitsFor();
                if (cause != null) {
                    causes.add(cause);
                }
            }
        }
        return causes;
    }

    // --- errors

    @Override
    public void errorReceived(AgentLink link, ErrorBody error) {
        ErrorCode code = ErrorCode.of(error.code());
        String text = describe(error, code);
        if (code == ErrorCode.VOLUME_FAILED) {
            volumeFailed(error, text);
        } else if (code == ErrorCode.EPOCH) {
            end(afterwards == null ? SessionEnd.now("the server refused an epoch: " + text) : afterwards);
        } else {
            end(afterError(error, code, text));
        }
    }

    private SessionEnd afterError(ErrorBody error, @Nullable ErrorCode code, String text) {
        if (afterwards != null) {
            return afterwards;
        }
        boolean ofHello = state == State.GREETING && (code == ErrorCode.RANGE || code == ErrorCode.FORBIDDEN);
        ReplicatedDisk refused = ofHello ? diskOfHello(error) : null;
        if (refused != null && code != null) {
            return replication.refused(refused, code, error.text() == null ? text : error.text());
        }
        if (code == ErrorCode.FORBIDDEN) {
            return forbidden(Advice.forbidden(replication.plan(), text));
        }
        if (code == ErrorCode.PAUSED) { // somebody wants it so
            return SessionEnd.await("the server keeps this agent waiting: " + text);
        }
        if (code == ErrorCode.VERSION || code == ErrorCode.UNSUPPORTED) {
            return SessionEnd.never(AgentOutcome.Exit.PROTOCOL, "the server does not accept this agent: " + text);
        }
        return SessionEnd.retry("the server ended the session: " + text);
    }

    /** The disk that HELLO is refused for; null if the server does not say, and there is more than one. */
    private @Nullable ReplicatedDisk diskOfHello(ErrorBody error) {
        Integer place = error.volume();
        if (place == null) {
            return ErrorCode.of(error.code()) == ErrorCode.RANGE && disks.size() == 1 ? disks.getFirst() : null;
        }
        return place < disks.size() ? disks.get(place) : null;
    }

    /** Where somebody assigns servers to agents, the next may be another one, or this one may know of us by then. */
    private SessionEnd forbidden(String text) {
        return replication.plan().hasControlPlane()
                ? SessionEnd.retry(text)
                : SessionEnd.never(AgentOutcome.Exit.FORBIDDEN, text);
    }

    static String describe(ErrorBody error, @Nullable ErrorCode code) {
        StringBuilder text = new StringBuilder(code == null ? "code " + error.code() : code.name());
        if (error.volume() != null) {
            text.append(" volume=").append(error.volume());
        }
        if (error.offset() != null) {
            text.append(" offset=").append(error.offset());
        }
        return text.append(error.text() == null ? "" : ": " + error.text()).toString();
    }

    private void volumeFailed(ErrorBody error, String text) {
        for (SessionVolume volume : volumes) {
            if (error.volume() != null && volume.index == error.volume() && !volume.isFailed()) {
                volume.fail();
                replication
                        .disks()
                        .volumeFailed(volume.disk, volume.volumeId, error.text() == null ? text : error.text());
                leaveWithoutFailed();
            }
        }
        leaveIfQuiet();
    }

    /** The server sent what this agent had to refuse, and was told so. */
    @Override
    public void serverBroke(ProtocolException e) {
        String text = "the server broke the protocol: " + e.code() + ": " + e.getMessage();
        end(
                e.code() == ErrorCode.VERSION
                        ? SessionEnd.never(AgentOutcome.Exit.PROTOCOL, text)
                        : SessionEnd.retry(text));
    }

    @Override
    public void linkClosed(AgentLink link, LinkFailure failure) {
        if (afterwards != null) {
            end(afterwards);
            return;
        }
        String where = link == control ? "control connection" : "data connection";
        String text = where + ": " + failure.text();
        end(
                switch (failure.kind()) {
                    case LOST -> SessionEnd.retry(text);
                    case SERVER_UNKNOWN -> SessionEnd.retry(failure.text());
                    case SERVER_AWAITED -> SessionEnd.await(failure.text());
                    case REFUSED_BY_SERVER -> forbidden(Advice.certificateRefused(replication.plan(), failure.text()));
                    case SERVER_NOT_PINNED ->
                        replication.plan().serverMayChange() == ServerLookup.Change.PINS
                                ? SessionEnd.retry(failure.text())
                                : forbidden(failure.text());
                    case NOT_BRP -> SessionEnd.never(AgentOutcome.Exit.PROTOCOL, text);
                });
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
            lanes.forEach(Lane::abandon);
            comparisons.forEach(DiskComparison::abandon);
            replication.letSourceGo();
        }
        leaveIfQuiet();
        flush();
    }

    /** BYE as soon as nothing is under way. */
    private void leaveIfQuiet() {
        if (state == State.LEAVING
                && (run == null || !run.is(EpochRun.State.COMMITTING) || anyFailed())
                && isAllAcknowledged()) {
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
            sendStatus();
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
        lanes.forEach(Lane::abandon);
        comparisons.forEach(DiskComparison::abandon);
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
            if (attached && nowNanos - statusNanos >= STATUS_NANOS) {
                sendStatus();
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
            observeWaits();
        }
    }

    @Override
    public String toString() {
        return "AgentSession[generation=" + generation + ", state=" + state + "]";
    }
}
