package org.replicationserver.agent;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
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
 * <p>The source is CLOSED → OPENING → OPEN → CLOSING → CLOSED, once for each attempt at an epoch. It is closed as soon as the last
 * block was read or the session ends, but not before the last read under way is back, and the next attempt waits until it is closed:
 * otherwise a late read would see what the next mark replaces, or hold open what a mark command takes away.
 *
 * <p>Invariants: at most one session at a time; reads are under way only while the source is OPEN; nothing ends before the source is
 * CLOSED, so that it is never left frozen; the hash of a block is that of what was sent last.
 */
final class Replication {
    /** How long a stop waits for acknowledgements. */
    static final long STOP_PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** Blocks are read ahead in at most so many reads of 256 KiB, each of which holds memory until it is sent. */
    static final int READS_MAX = 32;

    private static final String ALL_COMMITTED = "all cycles are committed";

    private enum Cycle {
        DUE,
        RUNNING,
        RESTING,
        FINISHED
    }

    private enum Source {
        CLOSED,
        OPENING,
        OPEN,
        CLOSING
    }

    private final ReplicationPlan plan;
    private final AgentIo io;
    private final RandomGenerator random;
    private final Backoff backoff;
    private final List<ReplicatedDisk> disks;
    private final AgentCounters counters = new AgentCounters();
    private final CycleLog log;

    // the conversation
    private @Nullable AgentSession session;
    private long nextConnectNanos;
    private long downSinceNanos;
    private String lastFailure = "not tried yet";
    private int restartsAtOnce;
    private boolean stopping;

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
    private long commitAskedEpoch;
    private boolean withheld;

    // the source
    private Source source = Source.CLOSED;
    private boolean sourceUnwanted;
    private int readsHeld;

    Replication(ReplicationPlan plan, AgentIo io, RandomGenerator random) {
        this.plan = plan;
        this.io = io;
        this.random = random;
        this.backoff = new Backoff(random);
        this.disks = IntStream.range(0, plan.disks().size())
                .mapToObj(i -> new ReplicatedDisk(i, plan.disks().get(i)))
                .toList();
        this.log = new CycleLog(disks, counters, io.nanoTime());
        this.nextConnectNanos = io.nanoTime();
        this.downSinceNanos = io.nanoTime();
    }

    // --- from outside

    /** Looks at all that is due; to be called several times a second. */
    void tick(long nowNanos) {
        if (ending != null) {
            return;
        }
        AgentSession open = session;
        if (open != null) {
            open.tick(nowNanos);
        } else if (nowNanos - nextConnectNanos >= 0) {
            connect();
        }
        giveUpIfUnreachable(nowNanos);
        if (cycle == Cycle.RESTING && nowNanos - restUntilNanos >= 0) {
            cycle = Cycle.DUE;
        }
        beginIfDue();
    }

    /** Begins the next cycle without waiting for the end of the pause. */
    void cycleNow() {
        if (cycle == Cycle.RESTING) {
            cycle = Cycle.DUE;
            beginIfDue();
        }
    }

    /** Ends the session in good order and then the replication; nobody waits for a mark command that hangs. */
    void stop() {
        stopping = true;
        io.cutMarkShort();
        AgentOutcome how = stopped();
        leaveForGood(how.exit(), how.text());
    }

    private AgentOutcome stopped() {
        return cycle == Cycle.FINISHED
                ? new AgentOutcome(AgentOutcome.Exit.DONE, ALL_COMMITTED)
                : new AgentOutcome(
                        AgentOutcome.Exit.STOPPED, "stopped; epoch " + committedEpoch + " is the last committed");
    }

    void readDone(BlockRead read) {
        AgentSession open = session;
        if (open == null) {
            read.releaseFrames();
            readConsumed();
        } else {
            open.readDone(read);
        }
    }

    /** The source can be read, or why not. */
    void sourceOpened(SourceOpening opening) {
        source = Source.OPEN;
        boolean wanted = !sourceUnwanted;
        closeSourceIfUnwanted();
        String warning = opening.warning();
        if (warning != null && wanted) {
            io.event(AgentEvent.warning(warning + "; this epoch will be fuzzy"));
        }
        String failure = opening.failure();
        if (failure != null) {
            sourceFailed(failure);
            return;
        }
        AgentSession open = session;
        if (wanted && open != null) {
            runningFuzzy |= !opening.still();
            open.sourceOpened(opening.still());
        }
    }

    /** The source goes on, or why it may not. */
    void sourceClosed(@Nullable String warning) {
        source = Source.CLOSED;
        if (warning != null) {
            io.event(AgentEvent.warning(warning + "; the source may still stand still, thaw it by hand"));
        }
        endIfSourceClosed();
        beginIfDue();
    }

    /** A disk cannot be read: nothing can be replicated correctly any more. */
    void sourceFailed(String text) {
        leaveForGood(AgentOutcome.Exit.SOURCE_FAILED, text);
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
                disks.stream().map(Replication::report).toList(),
                log.cycles(),
                outcome);
    }

    private static AgentReport.Disk report(ReplicatedDisk disk) {
        DiskCounters counted = disk.counters;
        return new AgentReport.Disk(
                disk.spec.deviceName(),
                disk.spec.sizeBytes(),
                disk.map.settledBytes(),
                counted.dataBytesSent + counted.zeroBytesSent,
                counted.dataBytesSent,
                counted.payloadBytesSent,
                counted.durableBytes,
                disk.failure());
    }

    private AgentReport.Phase phase() {
        if (outcome != null) {
            return AgentReport.Phase.ENDED;
        }
        AgentSession open = session;
        if (open == null || !(open.isActive() || open.isLeaving())) {
            return AgentReport.Phase.CONNECTING;
        }
        if (cycle != Cycle.RUNNING) {
            return AgentReport.Phase.RESTING;
        }
        if (withheld) {
            return AgentReport.Phase.WITHHELD;
        }
        return commitAskedEpoch == runningEpoch ? AgentReport.Phase.COMMITTING : AgentReport.Phase.SENDING;
    }

    // --- what sessions ask

    ReplicationPlan plan() {
        return plan;
    }

    List<ReplicatedDisk> disks() {
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

    Hello hello() {
        List<Hello.RememberedDisk> remembered = disks.stream()
                .map(disk -> disk.remembered(committedEpoch))
                .filter(Objects::nonNull)
                .toList();
        return new Hello(
                List.of(ProtocolLimits.VERSION),
                List.of(),
                plan.sourceServerId(),
                plan.instance(),
                plan.streams(),
                disks.stream().map(ReplicatedDisk::hello).toList(),
                generation == 0 ? null : new Hello.Remembered(generation, remembered));
    }

    long estimatedBytes() {
        return disks.stream().mapToLong(disk -> disk.map.dirtyBytes()).sum();
    }

    // --- a session opens

    private void connect() {
        AgentSession opening = new AgentSession(this, io);
        session = opening;
        opening.connect();
    }

    void welcomed(Welcome welcome) {
        counters.sessions++;
        generation = welcome.generation();
        io.event(AgentEvent.state("session open: generation " + generation + ", " + welcome.streams() + " streams"));
        boolean all = false;
        for (int i = 0; i < disks.size(); i++) {
            all |= welcomed(disks.get(i), welcome.volumes().get(i));
        }
        committedEpoch = welcome.volumes().stream()
                .mapToLong(Welcome.Volume::committedEpoch)
                .max()
                .orElse(0);
        if (resumed && commitAskedEpoch == runningEpoch && committedEpoch >= runningEpoch) {
            io.event(AgentEvent.state("epoch " + runningEpoch + " was committed, its answer was lost"));
            recordCommit(runningEpoch, runningFuzzy);
        }
        if (all && cycle != Cycle.RUNNING) {
            cycle = Cycle.DUE;
        }
    }

    /** Says whether all of the disk must be sent. */
    private boolean welcomed(ReplicatedDisk disk, Welcome.Volume volume) {
        String name = disk.spec.deviceName();
        if (volume.action() == Welcome.Action.FAILED) {
            disk.failed(volume.reason());
            volumeFailed(disk, volume.reason());
            return false;
        }
        boolean known = volume.action() == Welcome.Action.RESUME && disk.isContent(volume.dataGen());
        if (known) {
            io.event(AgentEvent.state(name + ": resumes"));
        } else {
            disk.map.dirtyAll();
            String reason = volume.action() == Welcome.Action.RESCAN ? volume.reason() : "CONTENT_UNKNOWN";
            io.event(AgentEvent.state(name + ": everything is sent: " + reason));
        }
        disk.healthy(volume.dataGen());
        return !known;
    }

    void sessionActive() {
        if (cycle == Cycle.FINISHED) {
            leaveForGood(AgentOutcome.Exit.DONE, ALL_COMMITTED);
        } else {
            beginIfDue();
        }
    }

    // --- cycles

    private void beginIfDue() {
        AgentSession open = session;
        if (cycle != Cycle.DUE || open == null || !open.isActive() || ending != null || source != Source.CLOSED) {
            return;
        }
        long now = io.nanoTime();
        if (!resumed) {
            disks.forEach(disk -> disk.map.beginEpoch());
            log.begin(now);
        }
        if (!resumed || plan.marked()) {
            // What was read under an earlier mark is not the state of the new one.
            disks.forEach(disk -> disk.map.suspectAll());
        }
        cycle = Cycle.RUNNING;
        withheld = false;
        resumed = false;
        commitAskedEpoch = 0;
        runningEpoch = committedEpoch + 1;
        runningFuzzy = !plan.quietSource() && !plan.marked();
        io.event(AgentEvent.state("epoch " + runningEpoch + (runningFuzzy ? " begins, fuzzy" : " begins")));
        open.begin(new EpochRun(runningEpoch, runningFuzzy));
        source = Source.OPENING;
        sourceUnwanted = false;
        io.openSource();
    }

    void commitAsked(long epoch) {
        commitAskedEpoch = epoch;
    }

    void committed(EpochRun run) {
        committedEpoch = run.epoch;
        recordCommit(run.epoch, run.isFuzzy());
        if (cycle == Cycle.FINISHED) {
            leaveForGood(AgentOutcome.Exit.DONE, ALL_COMMITTED);
        }
    }

    private void recordCommit(long epoch, boolean fuzzy) {
        long now = io.nanoTime();
        counters.commits++;
        log.committed(epoch, fuzzy, now);
        io.event(AgentEvent.state("epoch " + epoch + (fuzzy ? " is committed, fuzzy" : " is committed")));
        resumed = false;
        cyclesDone++;
        boolean last = plan.cycles() != ReplicationPlan.ENDLESS && cyclesDone >= plan.cycles();
        cycle = last ? Cycle.FINISHED : Cycle.RESTING;
        restUntilNanos = now + plan.cyclePauseNanos();
    }

    void commitWithheld(EpochRun run) {
        if (!withheld) {
            withheld = true;
            io.event(AgentEvent.warning(
                    "epoch " + run.epoch + " is not committed: a volume takes no writes; the others are"
                            + " complete, and it goes on when the volume is reopened"));
        }
    }

    void volumeFailed(ReplicatedDisk disk, String why) {
        io.event(AgentEvent.warning(disk.spec.deviceName() + ": its volume takes no writes: " + why));
    }

    void serverBusy(Progress progress) {
        io.event(AgentEvent.state(
                "the server waits for " + progress.waitingFor().name().toLowerCase(Locale.ROOT)));
    }

    // --- the source

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
        if (sourceUnwanted && source == Source.OPEN && readsHeld == 0) {
            source = Source.CLOSING;
            io.closeSource();
        }
    }

    // --- a session ends

    void sessionEnded(AgentSession ended, SessionEnd end) {
        if (session != ended) {
            return;
        }
        session = null;
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
        }
        counters.reconnects++;
        long delayNanos = delayAfter(end);
        nextConnectNanos = now + delayNanos;
        io.event(AgentEvent.warning(
                end.text() + "; next attempt in " + TimeUnit.NANOSECONDS.toMillis(delayNanos) + " ms"));
    }

    private long delayAfter(SessionEnd end) {
        return switch (end.next()) {
            case LATER -> end.delayNanos();
            // Once; what fails again and again must not be tried without a pause.
            case NOW -> restartsAtOnce++ == 0 ? 0 : backoff.nextNanos();
            case RETRY, NEVER -> backoff.nextNanos();
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
        if (how != null && outcome == null && source == Source.CLOSED) {
            outcome = how;
            io.ended(how);
        }
    }
}
