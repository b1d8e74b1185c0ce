package org.replicationserver.simulation;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A source server with an agent, or two, a replication server and the network between them, in virtual time and all from one seed: things go
 * wrong for a while, then nothing does any more, and everything must be replicated soon.
 *
 * <p>In a quarter of the seeds a control plane keeps what is reported, and may give the volumes to another server, which knows nothing else.
 * Reports come late, so no agent is copied there: what a copy has written at a server that was lost before it reported, the other copy is not
 * told. Nor is a server lost, with its records, or left before it was reported that another device is in the place of a volume's.
 *
 * <p>In a quarter of the seeds a second source server has volumes at the same server. With most of those nothing goes wrong, and they must
 * not notice what does with the first. What is of the second is drawn apart, so a seed without one tells what it always told.
 */
final class Simulation {
    private static final int CONTROLLED_PERCENT = 25;
    private static final int SECOND_SOURCE_PERCENT = 25;
    private static final int UNDISTURBED_PERCENT = 70;
    private static final int UNASSIGNMENTS_PERCENT_MAX = 5;
    private static final long RESTART_MILLIS_MAX = 5_000;
    private static final long FORMER_MILLIS_MAX = 30_000;

    /** Until the last session, which has a bound of its own: an agent may wait for a minute before it tries again, and half a minute to notice that a connection is dead. */
    private static final long CONVERGE_NANOS_MAX = TimeUnit.SECONDS.toNanos(240);

    private final long seed;
    private final Dice dice;

    /** Draws what a world with one source server does not have. */
    private final Dice ofSecond;

    private final VirtualTime time = new VirtualTime();
    private final Story story;

    /** One or two; what goes wrong with the server is in the mix of the first. */
    private final List<ReplicatedSource> sources = new ArrayList<>();

    /** Whether a control plane keeps what is reported. */
    private final boolean controlled;

    /** Chance that the volumes of a source server are taken away for a while, of each source server each second, in percent. */
    private final double unassignments;

    /** The state directory of the server that has the volumes. */
    private SimulatedRecords.Directory directory = new SimulatedRecords.Directory();

    private @Nullable SimulatedServer server;

    /** The one before, as long as it does not know that its volumes are another's. */
    private @Nullable SimulatedServer former;

    private int serverKills;
    private int takeovers;
    private boolean healing;

    /** @param out where the story goes, or null */
    Simulation(long seed, @Nullable PrintStream out) {
        this.seed = seed;
        this.dice = new Dice(seed);
        this.ofSecond = new Dice(~seed);
        this.story = new Story(time, out);
        FaultMix drawn = FaultMix.draw(dice.fork());
        this.controlled = dice.percent(CONTROLLED_PERCENT);
        FaultMix first = limited(drawn, controlled);
        sources.add(new ReplicatedSource(this, 0, directory, first, controlled, false, dice));
        if (ofSecond.percent(SECOND_SOURCE_PERCENT)) {
            boolean undisturbed = ofSecond.percent(UNDISTURBED_PERCENT);
            FaultMix own = limited(FaultMix.draw(ofSecond.fork()), controlled);
            FaultMix second = (undisturbed ? own.onlyHolds() : own).atServerOf(first);
            sources.add(new ReplicatedSource(this, 1, directory, second, controlled, undisturbed, ofSecond.fork()));
            this.unassignments = ofSecond.below(UNASSIGNMENTS_PERCENT_MAX + 1);
        } else {
            this.unassignments = 0;
        }
    }

    private static FaultMix limited(FaultMix drawn, boolean controlled) {
        return controlled ? drawn.withoutClones() : drawn.withoutTakeovers();
    }

    // --- what its parts ask

    VirtualTime time() {
        return time;
    }

    @Nullable
    SimulatedServer server() {
        return server;
    }

    @Nullable
    SimulatedServer former() {
        return former;
    }

    boolean isHealing() {
        return healing;
    }

    /** What goes wrong with the server. */
    FaultMix faults() {
        return sources.getFirst().faults();
    }

    /** Keeps what was found, which is of no source server alone. */
    Violation found(Violation violation) {
        return sources.getFirst().model().found(violation);
    }

    private void tell(Supplier<String> what) {
        story.tell(what);
    }

    /** Something of a source server happens. */
    void tell(ReplicatedSource of, Supplier<String> what) {
        story.tell(sources.size() == 1 ? what : () -> of.id() + ": " + what.get());
    }

    // --- the run

    /** Runs all of it. */
    RunResult run() {
        try {
            tell(() -> "seed " + seed + ", " + faults() + sources.getFirst().text());
            sources.stream()
                    .skip(1)
                    .forEach(second -> tell(() -> "a second source server, " + second.faults() + second.text()));
            startServer();
            sources.forEach(ReplicatedSource::startAgent);
            everySecond();
            sources.forEach(ReplicatedSource::everyWrite);
            long faultyNanos = TimeUnit.SECONDS.toNanos(dice.between(2, 40));
            time.later(faultyNanos, this::heal);
            while (!healing) {
                time.step(faultyNanos + 1);
                requireNothingFound();
            }
            long untilNanos = time.nanos() + CONVERGE_NANOS_MAX;
            while (!isDone()) {
                if (!time.step(untilNanos)) {
                    throw new Violation(
                            "I12", "not replicated " + CONVERGE_NANOS_MAX / 1_000_000_000 + " s after the last fault");
                }
                requireNothingFound();
                sources.forEach(ReplicatedSource::requireProgress);
            }
            checkEnd();
        } finally {
            endServer();
        }
        return result();
    }

    private void requireNothingFound() {
        for (ReplicatedSource source : sources) {
            source.model().requireNothingFound();
        }
    }

    private boolean isDone() {
        for (ReplicatedSource source : sources) {
            if (!source.isDone()) {
                return false;
            }
        }
        return true;
    }

    private RunResult result() {
        return new RunResult(
                seed,
                sources.size(),
                sum(source -> source.model().sessionCount()),
                sum(source -> source.model().commitCount()),
                sum(source ->
                        source.bystander() == null ? 0 : source.bystander().commits()),
                sum(source -> source.model().acknowledgedFrames()),
                serverKills,
                takeovers,
                sum(source -> source.model().takeoverCount()),
                sum(ReplicatedSource::unassignments),
                sum(ReplicatedSource::agentKills),
                sum(ReplicatedSource::holds),
                sum(source -> source.model().comparedBlocks()),
                sum(source -> source.model().spoiledBlocks()),
                sum(source -> source.model().foundBlocks()),
                sum(source -> source.model().failedReads()),
                sources.stream()
                        .mapToLong(source -> source.model().rescannedBytes())
                        .sum(),
                time.nanos(),
                story.digest());
    }

    private int sum(ToIntFunction<ReplicatedSource> figure) {
        return sources.stream().mapToInt(figure).sum();
    }

    // --- the server

    private void startServer() {
        tell(() -> "server starts");
        sources.forEach(ReplicatedSource::serverStarts);
        server = new SimulatedServer(this, sources, directory, dice.fork());
    }

    /** In the middle of anything. */
    void kill(SimulatedServer killed) {
        if (!killed.process().isAlive()) {
            return;
        }
        serverKills++;
        boolean powerLost = dice.percent(faults().powerLosses());
        tell(() -> (killed == server ? "server" : "former server") + (powerLost ? " loses power" : " is killed"));
        killed.process().kill();
        sources.forEach(source -> source.processIsGone(killed.process(), powerLost));
        time.later(0, killed::bury); // not now: it may be one of its threads that got here
        if (killed == former) {
            former = null;
        }
        if (killed != server) {
            return;
        }
        server = null;
        sources.forEach(source -> source.serverEnded(powerLost));
        if (dice.percent(faults().stateLosses()) && !controlPlaneIsBehind()) {
            loseRecords();
        }
        time.later(dice.millisUpTo(RESTART_MILLIS_MAX), this::startServer);
    }

    /** Of what a server must be told that has nothing of its own. */
    private boolean controlPlaneIsBehind() {
        return controlled && sources.stream().anyMatch(ReplicatedSource::awaitsReportOfSwap);
    }

    private void loseRecords() {
        tell(() -> "its records are gone");
        if (dice.percent(50)) {
            directory.damage();
        } else {
            directory.lose();
        }
        sources.forEach(ReplicatedSource::recordsLost);
    }

    /** The control plane gives the volumes to another server: one that knows nothing but what was reported. */
    private void takeOver(SimulatedServer from) {
        if (from.isReleasing() || former != null || controlPlaneIsBehind()) {
            return;
        }
        sources.forEach(ReplicatedSource::serverLeaves);
        if (dice.percent(50)) {
            tell(() -> "the server is to give its volumes away");
            from.release(() -> {
                if (server == from) {
                    moveFrom(from);
                }
            });
            return;
        }
        tell(() -> "the volumes are taken from the server");
        from.detach();
        moveFrom(from);
    }

    private void moveFrom(SimulatedServer from) {
        takeovers++;
        former = from;
        time.later(dice.millisUpTo(FORMER_MILLIS_MAX), () -> kill(from));
        server = null;
        directory = new SimulatedRecords.Directory();
        sources.forEach(source -> source.moveTo(directory));
        time.later(dice.millisUpTo(RESTART_MILLIS_MAX), this::startServer);
    }

    // --- time

    private void everySecond() {
        time.later(TimeUnit.SECONDS.toNanos(1), () -> {
            if (!healing) {
                second();
                everySecond();
            }
        });
    }

    private void second() {
        sources.forEach(ReplicatedSource::second);
        SimulatedServer there = server;
        if (there == null) {
            return;
        }
        if (dice.percent(faults().serverKills())) {
            kill(there);
        } else if (dice.percent(faults().takeovers())) {
            takeOver(there);
        } else {
            sources.forEach(source -> ask(source, there));
        }
    }

    private void ask(ReplicatedSource source, SimulatedServer there) {
        source.ask(there);
        if (unassignments > 0 && source.bystander() == null && ofSecond.percent(unassignments)) {
            source.unassign(there);
        }
    }

    /** From now on nothing goes wrong, nobody writes, and the agents shall end when all is replicated. */
    private void heal() {
        tell(() -> "no more faults");
        sources.forEach(ReplicatedSource::heal);
        if (former != null) {
            kill(former);
        }
        healing = true;
        sources.forEach(ReplicatedSource::healed);
    }

    private void checkEnd() {
        sources.forEach(ReplicatedSource::checkEnd);
        SimulatedServer there = server;
        if (there != null) {
            there.checkMemory();
        }
    }

    private void endServer() {
        SimulatedServer there = server;
        SimulatedServer before = former;
        server = null;
        former = null;
        for (SimulatedServer left : Arrays.asList(there, before)) {
            if (left != null && left.process().isAlive()) {
                left.process().kill();
                left.bury();
            }
        }
    }
}
