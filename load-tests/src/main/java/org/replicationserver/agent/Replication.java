package org.replicationserver.agent;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.Welcome;

/**
 * The replication of one source server from session to session: what is remembered, when the next cycle begins, when to connect
 * again. A state machine without I/O. Event loop only.
 *
 * <p>A cycle is DUE (also when its epoch was cut and begins again) → RUNNING → RESTING → DUE, or FINISHED after the last one.
 *
 * <p>The source is CLOSED → OPENING → OPEN → CLOSING → CLOSED, once for each attempt at an epoch and each part of a verification. It is
 * closed as soon as the last block was read or the session ends, but not before the last read under way is back, and the next attempt
 * waits until it is closed: otherwise a late read would see what the next mark replaces, or hold open what a mark command takes away.
 *
 * <p>Between epochs volumes are compared with what was sent to them, if that is wanted. An epoch that is due goes before it; then what is
 * left is compared after the commit.
 *
 * <p>The disks are looked at before each HELLO, which tells their sizes, and at each opening of the source. One that has another size then,
 * came or went ends the session, and {@link ReplicatedDisks} says what is offered in the next.
 *
 * <p>Invariants: at most one session at a time; reads are under way only while the source is OPEN; nothing ends before the source is
 * CLOSED, so that it is never left frozen; the hash of a block is that of what was sent last.
 */
public final class Replication {
    /** How long a stop waits for acknowledgements. */
    static final long STOP_PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** Blocks are read ahead in at most so many reads: of 256 KiB to be sent, with memory until then, and of 1 MiB to be hashed. */
    static final int READS_MAX = 32;

    private static final String ALL_COMMITTED = "all cycles are committed";

    /** Ends of sessions that are no reason to warn. */
    private static final Set<SessionEnd.Next> INTENDED =
            EnumSet.of(SessionEnd.Next.NOW, SessionEnd.Next.SMALLER, SessionEnd.Next.WAIT);

    private enum Cycle {
        DUE,
        RUNNING,
        RESTING,
        FINISHED
    }

    private enum SourceState {
        CLOSED,
        OPENING,
        OPEN,
        CLOSING
    }

    private final ReplicationPlan plan;
    private final AgentIo io;
    private final RandomGenerator random;
    private final Backoff backoff;
    private final ReplicatedDisks disks;
    private final AgentCounters counters = new AgentCounters();
    private final CycleLog log;

    // the conversation
    private @Nullable AgentSession session;
    private long nextConnectNanos;
    private long downSinceNanos;
    private String lastFailure = "not tried yet";
    private int restartsAtOnce;
    private boolean stopping;
    private boolean looking;

    /** How it will end, as soon as the source is closed. */
    private @Nullable AgentOutcome ending;

    private @Nullable AgentOutcome outcome;

    // remembered from session to session
    private long generation;
    private long committedEpoch;

    // cycles
    private Cycle cycle = Cycle.DUE;
    private boolean resumed;
    private int cyclesDone = -1;
    private long restUntilNanos;
    private long runningEpoch;
    private boolean runningFuzzy;
    private boolean fuzzyTold;
    private long commitAskedEpoch;

    /** Disks that the running epoch, or the last one, does not have. */
    private List<ReplicatedDisk> runningWithout = List.of();

    // verifications
    private final VerificationLog verifications;
    private boolean verifying;

    // the source
    private SourceState source = SourceState.CLOSED;

    private boolean sourceUnwanted;
    private int readsHeld;

    public Replication(ReplicationPlan plan, AgentIo io, RandomGenerator random) {
        this.plan = plan;
        this.io = io;
        this.random = random;
        this.backoff = Backoff.ofSessions(random);
        this.disks = new ReplicatedDisks(plan, io, random);
        this.verifications = new VerificationLog(disks.all(), plan.verifyNanos(), io.nanoTime());
        this.log = new CycleLog(disks.all(), counters, io.nanoTime());
        this.nextConnectNanos = io.nanoTime();
        this.downSinceNanos = io.nanoTime();
    }

    // --- from outside

    /** Looks at all that is due; to be called several times a second. */
    public void tick(long nowNanos) {
        if (ending != null) {
            return;
        }
        AgentSession open = session;
        if (open != null) {
            open.tick(nowNanos);
        } else if (nowNanos - nextConnectNanos >= 0 && !looking) {
            looking = true;
            io.lookAtSource();
        }
        giveUpIfUnreachable(nowNanos);
        if (cycle == Cycle.RESTING && nowNanos - restUntilNanos >= 0) {
            cycle = Cycle.DUE;
        }
        if (open != null) {
            offersAgain(open);
        }
        beginIfDue();
        verifyIfDue();
    }

    /** Begins the next cycle without waiting for the end of the pause; one that runs goes on. */
    void cycleNow() {
        if (cycle == Cycle.RESTING) {
            cycle = Cycle.DUE;
            beginIfDue();
        }
    }

    /** The server asks for a commit. */
    void commitRequested() {
        io.event(AgentEvent.state("the server asks for a commit"));
        cycleNow();
    }

    /** Ends the session in good order and then the replication; nobody waits for a mark command that hangs. */
    public void stop() {
        stopping = true;
        io.cutMarkShort();
        AgentOutcome how = stopped();
        leaveForGood(how.exit(), how.text());
    }

    /** A bug was met; nothing that is remembered can be relied on. The source is let go by whoever calls this. */
    void abort(AgentOutcome how) {
        ending = how;
        outcome = how;
        AgentSession open = session;
        session = null;
        if (open != null) {
            open.drop();
        }
    }

    boolean hasEnded() {
        return outcome != null;
    }

    private AgentOutcome stopped() {
        return cycle == Cycle.FINISHED
                ? allCommitted()
                : new AgentOutcome(
                        AgentOutcome.Exit.STOPPED, "stopped; epoch " + committedEpoch + " is the last committed");
    }

    private AgentOutcome allCommitted() {
        String left = runningWithout.isEmpty() ? "" : "; left out: " + ReplicatedDisks.failures(runningWithout);
        if (verifications.foundDifferences()) {
            return new AgentOutcome(
                    AgentOutcome.Exit.DIFFERS, ALL_COMMITTED + ", but a volume is not what was sent to it" + left);
        }
        return runningWithout.isEmpty()
                ? new AgentOutcome(AgentOutcome.Exit.DONE, ALL_COMMITTED)
                : new AgentOutcome(AgentOutcome.Exit.INCOMPLETE, ALL_COMMITTED + ", but not of all disks" + left);
    }

    public void readDone(DiskRead read) {
        AgentSession open = session;
        if (open == null) {
            if (read instanceof BlockRead blocks) {
                blocks.releaseFrames();
            }
            readConsumed();
        } else {
            open.transfer().readDone(read);
        }
    }

    /** The source can be read, or why not. */
    public void sourceOpened(SourceOpening opening) {
        source = SourceState.OPEN;
        boolean wanted = !sourceUnwanted;
        closeSourceIfUnwanted();
        String warning = opening.warning();
        if (warning != null) {
            io.event(AgentEvent.warning(warning + (wanted && !verifying ? "; this epoch will be fuzzy" : "")));
        }
        List<String> changed = disks.opened(opening.disks());
        AgentSession open = session;
        if (wanted && open != null) {
            if (!changed.isEmpty()) {
                leaveForOtherDisks(open, changed);
            } else if (verifying) {
                open.transfer().verify();
            } else {
                runningFuzzy |= !opening.still();
                open.transfer().sourceOpened(opening.still());
            }
        }
    }

    /** The source goes on, or why it may not. */
    public void sourceClosed(@Nullable String warning) {
        source = SourceState.CLOSED;
        if (warning != null) {
            io.event(AgentEvent.warning(warning + "; the source may still stand still, thaw it by hand"));
        }
        endIfSourceClosed();
        beginIfDue();
        verifyIfDue();
    }

    // --- what the disks are

    /** What the disks are now; then it connects. */
    public void sourceSeen(List<DiskLook> looks) {
        looking = false;
        if (ending != null || session != null) {
            return;
        }
        disks.seen(looks, verifications);
        if (disks.isNoneReadable()) {
            finish(sourceFailed());
        } else if (disks.isNoneToOffer()) {
            awaitDisks();
        } else {
            connect();
        }
    }

    /** One that does not answer may be back soon. */
    private void awaitDisks() {
        lastFailure = ReplicatedDisks.failures(disks.all());
        long delayNanos = backoff.nextNanos();
        nextConnectNanos = io.nanoTime() + delayNanos;
        io.event(AgentEvent.state("no disk can be read; they are looked at again" + inSeconds(delayNanos)));
    }

    private static void leaveForOtherDisks(AgentSession open, List<String> changed) {
        open.leave(
                "a disk has changed",
                STOP_PATIENCE_NANOS,
                SessionEnd.now("the session begins anew, because of " + String.join(", ", changed)
                        + ", whose size has changed or that came or went"));
    }

    /** A disk that was open cannot be read any more. */
    void readFailed(int number, String text) {
        ReplicatedDisk disk = disks.all().get(number);
        if (!disks.readFailed(disk, text)) {
            return;
        }
        AgentSession open = session;
        if (disks.isNoneReadable()) {
            AgentOutcome how = sourceFailed();
            leaveForGood(how.exit(), how.text());
        } else if (open != null) {
            open.leave(
                    "a disk cannot be read",
                    STOP_PATIENCE_NANOS,
                    SessionEnd.now("the session begins anew without " + disk.spec.deviceName()));
        }
    }

    private AgentOutcome sourceFailed() {
        return new AgentOutcome(AgentOutcome.Exit.SOURCE_FAILED, ReplicatedDisks.failures(disks.all()));
    }

    /** The server refuses a HELLO because of one of its disks: what follows the end of this session. */
    SessionEnd refused(ReplicatedDisk disk, ErrorCode code, String text) {
        return disks.refused(disk, code, text, generation != 0);
    }

    AgentReport report() {
        DiskCounters sum = log.sum();
        return new AgentReport(
                phase(),
                cycle == Cycle.RUNNING ? runningEpoch : 0,
                committedEpoch,
                sum.dataBytesSent + sum.zeroBytesSent,
                sum.zeroBytesSent,
                counters.wireBytesSent,
                sum.dataBytesResent,
                sum.zeroBytesResent,
                sum.durableBytes,
                sum.readBytes,
                counters.skippedFrames,
                counters.sessions,
                counters.commits,
                counters.reconnects,
                disks.report(),
                log.cycles(),
                verifications.report(),
                outcome);
    }

    private AgentReport.Phase phase() {
        if (outcome != null) {
            return AgentReport.Phase.ENDED;
        }
        AgentSession open = session;
        if (open == null || !(open.isActive() || open.isLeaving())) {
            return AgentReport.Phase.CONNECTING;
        }
        if (!open.takesWrites()) {
            return AgentReport.Phase.WITHHELD;
        }
        if (cycle != Cycle.RUNNING) {
            return verifying ? AgentReport.Phase.VERIFYING : AgentReport.Phase.RESTING;
        }
        return commitAskedEpoch == runningEpoch ? AgentReport.Phase.COMMITTING : AgentReport.Phase.SENDING;
    }

    // --- what sessions ask

    ReplicationPlan plan() {
        return plan;
    }

    ReplicatedDisks disks() {
        return disks;
    }

    AgentCounters counters() {
        return counters;
    }

    long generation() {
        return generation;
    }

    Grease newGrease() {
        return new Grease(plan.grease(), random, io.nanoTime());
    }

    Hello hello(List<ReplicatedDisk> offered) {
        return new Hello(
                List.of(ProtocolLimits.VERSION),
                List.of(Features.SOURCE_STATUS, Features.COMMIT_REQUEST, Features.HASH_OFFER),
                plan.sourceServerId(),
                plan.instance(),
                plan.streams(),
                offered.stream().map(ReplicatedDisk::hello).toList(),
                generation == 0
                        ? null
                        : new Hello.Remembered(generation, ReplicatedDisks.remembered(offered, committedEpoch)));
    }

    // --- a session opens

    private void connect() {
        AgentSession opening = new AgentSession(this, io);
        session = opening;
        opening.connect();
    }

    void welcomed(Welcome welcome, List<ReplicatedDisk> offered) {
        counters.sessions++;
        generation = welcome.generation();
        io.event(AgentEvent.state("session open: generation " + generation + ", " + welcome.streams() + " streams"));
        boolean compares = welcome.features().contains(Features.HASH_OFFER);
        boolean due = false;
        for (int i = 0; i < offered.size(); i++) {
            due |= disks.welcomed(offered.get(i), welcome.volumes().get(i), compares);
        }
        committedEpoch = welcome.volumes().stream()
                .mapToLong(Welcome.Volume::committedEpoch)
                .max()
                .orElse(0);
        if (resumed && commitAskedEpoch == runningEpoch && committedEpoch >= runningEpoch) {
            io.event(AgentEvent.state("epoch " + runningEpoch + " was committed, its answer was lost"));
            recordCommit(runningEpoch, runningFuzzy);
        }
        if (due && cycle != Cycle.RUNNING) {
            cycle = Cycle.DUE;
        }
    }

    void sessionActive() {
        if (!endIfFinished()) {
            beginIfDue();
        }
    }

    /** Says whether nothing is left to do. */
    private boolean endIfFinished() {
        boolean finished = cycle == Cycle.FINISHED && !verifying && !verifications.isDue(io.nanoTime());
        if (finished) {
            AgentOutcome how = allCommitted();
            leaveForGood(how.exit(), how.text());
        }
        return finished;
    }

    // --- cycles

    private void beginIfDue() {
        AgentSession open = session;
        if (cycle != Cycle.DUE || open == null || !open.isActive() || ending != null) {
            return;
        }
        if (verifying) {
            open.transfer().stopVerifying();
        }
        if (source != SourceState.CLOSED) {
            return;
        }
        if (!open.takesWrites() || offersAgain(open)) {
            return;
        }
        tellIfFuzzy();
        long now = io.nanoTime();
        if (!resumed) {
            disks.all().forEach(disk -> disk.map.beginEpoch());
            log.begin(now);
        }
        boolean consistent = plan.quietSource() || plan.marked();
        if (!resumed || consistent) {
            // What was read under an earlier mark is not the state of the new one, and between two attempts a quiet
            // source may change.
            disks.all().forEach(disk -> disk.map.suspectAll());
        }
        cycle = Cycle.RUNNING;
        resumed = false;
        commitAskedEpoch = 0;
        runningEpoch = committedEpoch + 1;
        runningWithout = disks.all().stream()
                .filter(disk -> !open.disks().contains(disk))
                .toList();
        runningFuzzy = !consistent;
        io.event(AgentEvent.state("epoch " + runningEpoch + (runningFuzzy ? " begins, fuzzy" : " begins")));
        open.transfer().beginEpoch(new EpochRun(runningEpoch, runningFuzzy));
        source = SourceState.OPENING;
        sourceUnwanted = false;
        io.openSource();
    }

    private void tellIfFuzzy() {
        if (!plan.quietSource() && !plan.marked() && !fuzzyTold) {
            fuzzyTold = true;
            io.event(AgentEvent.state(
                    "epochs will be fuzzy: durable, but not the disks' state of one moment; --mark-command"
                            + " makes them consistent, or --quiet-source if nobody writes to the disks"));
        }
    }

    void commitAsked(long epoch) {
        commitAskedEpoch = epoch;
    }

    void committed(EpochRun run) {
        committedEpoch = run.epoch;
        recordCommit(run.epoch, run.isFuzzy());
        endIfFinished();
    }

    private void recordCommit(long epoch, boolean fuzzy) {
        long now = io.nanoTime();
        verifications.committed();
        counters.commits++;
        log.committed(epoch, fuzzy, now);
        io.event(AgentEvent.state("epoch " + epoch + " is committed" + (fuzzy ? ", fuzzy" : "")
                + (runningWithout.isEmpty() ? "" : ", without " + ReplicatedDisks.names(runningWithout))));
        resumed = false;
        cyclesDone++;
        boolean last = plan.cycles() != ReplicationPlan.ENDLESS && cyclesDone >= plan.cycles();
        cycle = last ? Cycle.FINISHED : Cycle.RESTING;
        restUntilNanos = now + plan.cyclePauseNanos();
    }

    // --- verifications

    private void verifyIfDue() {
        AgentSession open = session;
        boolean between = cycle == Cycle.RESTING || cycle == Cycle.FINISHED;
        if (!between || open == null || !open.isActive() || ending != null || source != SourceState.CLOSED) {
            return;
        }
        if (!open.takesWrites() || !open.isAllAcknowledged() || !verifications.isDue(io.nanoTime())) {
            return;
        }
        if (!open.compares()) {
            io.event(AgentEvent.warning("the server does not compare hashes, so nothing is verified"));
            verifications.impossible();
            endIfFinished();
            return;
        }
        if (verifications.begin()) {
            io.event(AgentEvent.state("verifies: compares the volumes with what was sent"));
        }
        verifying = true;
        source = SourceState.OPENING;
        sourceUnwanted = false;
        io.openSource();
    }

    /** A part of a verification is done; {@code stopped} because an epoch is due. */
    void verified(boolean stopped) {
        verifying = false;
        letSourceGo();
        verifications.partDone(stopped, cycle == Cycle.FINISHED, io.nanoTime()).forEach(io::event);
        endIfFinished();
    }

    // --- disks that are left out

    /** Between epochs, ends the session to offer failed disks again when it is time; says whether. */
    private boolean offersAgain(AgentSession open) {
        boolean between = cycle == Cycle.DUE || cycle == Cycle.RESTING;
        if (between && open.isActive() && disks.isAnyDue()) {
            open.leave(
                    "offers disks again",
                    STOP_PATIENCE_NANOS,
                    SessionEnd.now(
                            "the session begins anew and offers " + ReplicatedDisks.names(disks.leftOut()) + " again"));
            return true;
        }
        return false;
    }

    void serverBusy(Progress progress) {
        io.event(AgentEvent.state(
                "the server waits for " + progress.waitingFor().name().toLowerCase(Locale.ROOT)));
    }

    // --- the source

    /** Whether the source stands still while it is open. */
    boolean isMarked() {
        return plan.marked();
    }

    boolean mayRead() {
        return readsHeld < READS_MAX;
    }

    void readBegun() {
        readsHeld++;
    }

    void readConsumed() {
        readsHeld--;
        closeSourceIfUnwanted();
    }

    /** Nothing more is read in this attempt. */
    void letSourceGo() {
        sourceUnwanted = true;
        closeSourceIfUnwanted();
    }

    private void closeSourceIfUnwanted() {
        if (sourceUnwanted && source == SourceState.OPEN && readsHeld == 0) {
            source = SourceState.CLOSING;
            io.closeSource();
        }
    }

    // --- a session ends

    void sessionEnded(AgentSession ended, SessionEnd end) {
        if (session != ended) {
            return;
        }
        session = null;
        verifying = false;
        letSourceGo();
        if (cycle == Cycle.RUNNING) {
            cycle = Cycle.DUE;
            resumed = true;
        }
        lastFailure = end.text();
        AgentOutcome last = end.outcome();
        if (last != null) {
            finish(last);
            return;
        }
        if (stopping) {
            finish(stopped());
            return;
        }
        long now = io.nanoTime();
        if (ended.madeProgress()) {
            backoff.reset();
            restartsAtOnce = 0;
        }
        if (ended.wasActive()) {
            downSinceNanos = now;
            // Another assignment is told to an open session only, and there is none for a while.
            disks.offerRefusedAgain();
        }
        counters.reconnects += ended.wasActive() ? 1 : 0;
        long delayNanos = delayAfter(end);
        nextConnectNanos = now + delayNanos;
        String when = delayNanos == 0 ? "" : "; next attempt" + inSeconds(delayNanos);
        boolean intended = INTENDED.contains(end.next());
        io.event(intended ? AgentEvent.state(end.text() + when) : AgentEvent.warning(end.text() + when));
    }

    private static String inSeconds(long nanos) {
        return String.format(Locale.ROOT, " in %.1f s", nanos / 1e9);
    }

    private long delayAfter(SessionEnd end) {
        return switch (end.next()) {
            case LATER, SMALLER -> end.delayNanos();
            // Once; what fails again and again must not be tried without a pause.
            case NOW -> restartsAtOnce++ == 0 ? 0 : backoff.nextNanos();
            case RETRY, WAIT, NEVER -> backoff.nextNanos();
        };
    }

    private void giveUpIfUnreachable(long nowNanos) {
        AgentSession open = session;
        boolean waited = plan.connectTimeoutNanos() > 0 && nowNanos - downSinceNanos > plan.connectTimeoutNanos();
        if (waited && ending == null && (open == null || !open.isConnected())) {
            session = null;
            if (open != null) {
                open.drop();
            }
            finish(new AgentOutcome(AgentOutcome.Exit.UNREACHABLE, "no session was opened: " + lastFailure));
        }
    }

    private void leaveForGood(AgentOutcome.Exit exit, String text) {
        AgentSession open = session;
        if (ending != null) {
            return;
        }
        if (open == null) {
            finish(new AgentOutcome(exit, text));
        } else {
            open.leave(text, STOP_PATIENCE_NANOS, SessionEnd.never(exit, text));
        }
    }

    private void finish(AgentOutcome how) {
        if (ending == null) {
            ending = how;
            io.cutMarkShort();
            letSourceGo();
            endIfSourceClosed();
        }
    }

    private void endIfSourceClosed() {
        AgentOutcome how = ending;
        if (how != null && outcome == null && source == SourceState.CLOSED) {
            outcome = how;
            io.ended(how);
        }
    }
}
