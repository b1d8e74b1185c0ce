package org.replicationserver.simulation;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.agent.AgentLink;
import org.replicationserver.agent.AgentOutcome;
import org.replicationserver.agent.LinkFailure;
import org.replicationserver.agent.ReplicationPlan;
import org.replicationserver.agent.ServerLookup;
import org.replicationserver.receiver.session.AgentConnection;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;

/**
 * A source server with an agent, a replication server and the network between them, in virtual time and all from one seed: things go wrong
 * for a while, then nothing does any more, and everything must be replicated soon.
 *
 * <p>In a quarter of the seeds a control plane keeps what is reported, and may give the volumes to another server, which knows nothing else.
 * There no agent is copied: what a copy has written at a server that was lost before it reported, the other copy is not told.
 */
final class Simulation {
    private static final String SOURCE = "s-1";
    private static final long CONNECT_MILLIS_MAX = 20;
    private static final int CONTROLLED_PERCENT = 25;
    private static final int STALE_ADDRESS_PERCENT = 30;
    private static final long RESTART_MILLIS_MAX = 5_000;
    private static final long FORMER_MILLIS_MAX = 30_000;
    private static final long CLONE_MILLIS_MAX = 20_000;

    /** After the last fault: an agent may wait for a minute before it tries again, and half a minute to notice that a connection is dead. */
    private static final long CONVERGE_NANOS_MAX = TimeUnit.SECONDS.toNanos(240);

    private final long seed;
    private final Dice dice;
    private final VirtualTime time = new VirtualTime();
    private final Story story;
    private final SimulatedSource source;
    private ReplicaModel.Site site = new ReplicaModel.Site(new SimulatedRecords.Directory());
    private final SimulatedControlPlane controlPlane;
    private final Map<String, SimulatedDisk> disks = new HashMap<>();
    private SourceAssignment assignment;
    private final ReplicaModel model;
    private final List<SimulatedConnection> connections = new ArrayList<>();
    private final boolean marked;
    private final int streams;
    private final long writeMillisMax;
    private final long verifyMillis;
    private FaultMix faults;
    private @Nullable SimulatedServer server;

    /** The one before, as long as it does not know that its volumes are another's. */
    private @Nullable SimulatedServer former;

    private @Nullable SimulatedAgent agent;

    /** The one whose machine stands still while another takes its place. */
    private @Nullable SimulatedAgent stopped;

    private int serverKills;
    private int takeovers;
    private int agentKills;
    private int holds;
    private boolean healing;
    private int commitsBeforeHealing;

    /** @param out where the story goes, or null */
    Simulation(long seed, @Nullable PrintStream out) {
        this.seed = seed;
        this.dice = new Dice(seed);
        this.story = new Story(time, out);
        FaultMix drawn = FaultMix.draw(dice.fork());
        boolean controlled = dice.percent(CONTROLLED_PERCENT);
        this.faults = controlled ? drawn.withoutClones() : drawn.withoutTakeovers();
        this.controlPlane = new SimulatedControlPlane(time, controlled, site, dice.fork());
        this.marked = dice.percent(70);
        this.streams = dice.between(1, 4);
        this.writeMillisMax = dice.between(1, 10) * 300L;
        this.verifyMillis = dice.percent(50) ? 0 : dice.between(1, 5_000);
        this.source = new SimulatedSource(dice.between(1, 3), dice.fork());
        LinkedHashMap<String, ReplicaVolume> volumes = new LinkedHashMap<>();
        List<VolumeAssignment> assigned = new ArrayList<>();
        for (int i = 0; i < source.disks().size(); i++) {
            String volumeId = "vol-" + i;
            int sizeBytes = source.disks().get(i).length;
            boolean fresh = dice.percent(50);
            byte[] before = new byte[sizeBytes + dice.below(3) * 4096];
            if (!fresh || dice.percent(20)) { // what is said need not be true
                dice.fill(before);
            }
            SimulatedDisk disk = new SimulatedDisk(volumeId, before, dice.fork());
            disks.put(volumeId, disk);
            volumes.put(deviceName(i), new ReplicaVolume(disk, sizeBytes, SimulatedSource.BLOCK_BYTES));
            assigned.add(new VolumeAssignment(volumeId, deviceName(i), Path.of(volumeId), sizeBytes, fresh));
        }
        this.assignment = new SourceAssignment(SOURCE, assigned);
        this.model = new ReplicaModel(
                volumes, SimulatedSource.BLOCK_BYTES, () -> aliveAgent().mark(), faults.flips() > 0);
    }

    private static String deviceName(int disk) {
        return "/dev/sd" + (char) ('a' + disk);
    }

    // --- what its parts ask

    VirtualTime time() {
        return time;
    }

    FaultMix faults() {
        return faults;
    }

    ReplicaModel model() {
        return model;
    }

    SimulatedControlPlane controlPlane() {
        return controlPlane;
    }

    void tell(Supplier<String> what) {
        story.tell(what);
    }

    void heldTillEnd() {
        holds++;
    }

    private SimulatedAgent aliveAgent() {
        SimulatedAgent alive = agent;
        if (alive == null) {
            throw new IllegalStateException("no agent");
        }
        return alive;
    }

    /** An agent opens a connection. */
    void connect(AgentLink link, SimulatedProcess from) {
        from.later(dice.millisUpTo(CONNECT_MILLIS_MAX), () -> {
            SimulatedServer there = former != null && dice.percent(STALE_ADDRESS_PERCENT) ? former : server;
            if (there == null) {
                link.closed(LinkFailure.lost("connection refused"));
                return;
            }
            SimulatedConnection connection =
                    new SimulatedConnection(link, from, there, model, this::faults, time, dice.fork());
            AgentConnection accepted = there.accept(connection.serverTransport());
            if (accepted == null) {
                link.closed(LinkFailure.lost("handshake failed"));
                return;
            }
            connections.add(connection);
            connection.open(accepted);
        });
    }

    // --- the run

    /** Runs all of it. */
    RunResult run() {
        try {
            tell(() -> "seed " + seed + ", " + faults + ", marked=" + marked + ", streams=" + streams);
            startServer();
            startAgent();
            everySecond();
            everyWrite();
            long faultyNanos = TimeUnit.SECONDS.toNanos(dice.between(2, 40));
            time.later(faultyNanos, this::heal);
            while (!healing) {
                time.step(faultyNanos + 1);
                model.requireNothingFound();
            }
            long untilNanos = time.nanos() + CONVERGE_NANOS_MAX;
            while (!isDone()) {
                if (!time.step(untilNanos)) {
                    throw new Violation(
                            "I12", "not replicated " + CONVERGE_NANOS_MAX / 1_000_000_000 + " s after the last fault");
                }
                model.requireNothingFound();
            }
            checkEnd();
        } finally {
            endServer();
        }
        return new RunResult(
                seed,
                model.sessionCount(),
                model.commitCount(),
                model.acknowledgedFrames(),
                serverKills,
                takeovers,
                model.takeoverCount(),
                agentKills,
                holds,
                model.comparedBlocks(),
                model.spoiledBlocks(),
                model.foundBlocks(),
                model.rescannedBytes(),
                time.nanos(),
                story.digest());
    }

    private void startServer() {
        tell(() -> "server starts");
        site.starts(controlPlane.last());
        server = new SimulatedServer(this, site, assignment, controlPlane.last(), disks, dice.fork());
    }

    private void startAgent() {
        tell(() -> "agent starts");
        List<ReplicationPlan.Disk> planned = new ArrayList<>();
        for (int i = 0; i < source.disks().size(); i++) {
            planned.add(new ReplicationPlan.Disk(deviceName(i), source.disks().get(i).length, 512));
        }
        byte[] instance = new byte[16];
        dice.fill(instance);
        agent = new SimulatedAgent(
                this,
                source,
                new ReplicationPlan(
                        SOURCE,
                        "sha256:" + "ab".repeat(32),
                        HexFormat.of().formatHex(instance),
                        streams,
                        planned,
                        ReplicationPlan.ENDLESS,
                        dice.millisUpTo(6_000),
                        TimeUnit.MILLISECONDS.toNanos(verifyMillis),
                        false,
                        marked,
                        true,
                        0,
                        ServerLookup.Change.NOTHING),
                dice.fork());
    }

    /** In the middle of anything. */
    void kill(SimulatedServer killed) {
        if (!killed.process().isAlive()) {
            return;
        }
        serverKills++;
        boolean powerLost = dice.percent(faults.powerLosses());
        tell(() -> (killed == server ? "server" : "former server") + (powerLost ? " loses power" : " is killed"));
        killed.process().kill();
        connections.forEach(connection -> connection.processIsGone(killed.process(), powerLost));
        time.later(0, killed::bury); // not now: it may be one of its threads that got here
        if (killed == former) {
            former = null;
        }
        if (killed != server) {
            return;
        }
        server = null;
        model.holdEnded();
        if (powerLost) {
            disks.values().forEach(SimulatedDisk::losePower);
        }
        model.check("after the server's end");
        if (stopped == null && dice.percent(faults.outages())) {
            killAgent();
        }
        if (dice.percent(faults.stateLosses())) {
            loseRecords();
        }
        time.later(dice.millisUpTo(RESTART_MILLIS_MAX), this::startServer);
    }

    private void loseRecords() {
        tell(() -> "its records are gone");
        if (dice.percent(50)) {
            site.directory().damage();
        } else {
            site.directory().lose();
        }
        site.beginsWith(controlPlane.last());
    }

    /** The control plane gives the volumes to another server: one that knows nothing but what was reported. */
    private void takeOver(SimulatedServer from) {
        if (from.isReleasing() || former != null) {
            return;
        }
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
        from.site().losesVolumes();
        model.holdEnded();
        disks.values().forEach(SimulatedDisk::losePower); // what a machine has not forced does not go to another
        model.check("after the volumes were moved");
        server = null;
        site = new ReplicaModel.Site(new SimulatedRecords.Directory());
        site.beginsWith(controlPlane.last());
        controlPlane.assignTo(site);
        assignment = new SourceAssignment(
                SOURCE, assignment.volumes().stream().map(Simulation::notFresh).toList());
        time.later(dice.millisUpTo(RESTART_MILLIS_MAX), this::startServer);
    }

    private static VolumeAssignment notFresh(VolumeAssignment volume) {
        return new VolumeAssignment(volume.volumeId(), volume.deviceName(), volume.path(), volume.sizeBytes(), false);
    }

    private void killAgent() {
        SimulatedAgent killed = aliveAgent();
        if (!killed.process().isAlive()) {
            return;
        }
        agentKills++;
        boolean powerLost = dice.percent(faults.powerLosses());
        tell(() -> powerLost ? "source server loses power" : "agent is killed");
        killed.process().kill();
        connections.forEach(connection -> connection.processIsGone(killed.process(), powerLost));
        time.later(dice.millisUpTo(RESTART_MILLIS_MAX), this::startAgent);
    }

    /** The agent's machine stands still, say for a copy, and somebody starts the copy. */
    private void cloneAgent() {
        SimulatedAgent original = aliveAgent();
        if (stopped != null || !original.process().isAlive()) {
            return;
        }
        tell(() -> "the agent's machine stands still, another takes its place");
        stopped = original;
        original.process().stop();
        startAgent();
        time.later(dice.millisUpTo(CLONE_MILLIS_MAX), this::endClone);
    }

    private void endClone() {
        SimulatedAgent original = stopped;
        if (original == null) {
            return;
        }
        tell(() -> "the first agent goes on, the other is gone");
        aliveAgent().process().kill();
        stopped = null;
        agent = original;
        source.thaw();
        original.forgetMark();
        original.process().goOn();
    }

    /** An agent that was taken for a duplicate is allowed by an operator, and started again. */
    void agentEnded(AgentOutcome how) {
        if (how.exit() == AgentOutcome.Exit.STOPPED) {
            return;
        }
        if (how.exit() != AgentOutcome.Exit.FORBIDDEN) {
            throw new Violation("I12", "the agent gave up: " + how);
        }
        time.later(dice.millisUpTo(RESTART_MILLIS_MAX), () -> {
            SimulatedServer there = server;
            if (there != null) {
                there.acceptAgents();
            }
            startAgent();
        });
    }

    /** Another device comes in the place of a volume's. */
    void swap(String volumeId) {
        SimulatedDisk disk = disks.get(volumeId);
        if (disk != null) {
            disk.swap();
            model.swapped(disk);
        }
    }

    private void everySecond() {
        time.later(TimeUnit.SECONDS.toNanos(1), () -> {
            if (!healing) {
                second();
                everySecond();
            }
        });
    }

    private void second() {
        connections.removeIf(SimulatedConnection::isOver);
        for (SimulatedConnection connection : connections) {
            if (dice.percent(faults.cuts())) {
                tell(() -> "a connection is cut");
                connection.cut();
            } else if (dice.percent(faults.halfOpens())) {
                tell(() -> "a connection falls silent");
                boolean both = dice.percent(50);
                boolean forServer = dice.percent(50);
                connection.fallSilent(both || forServer, both || !forServer);
            }
        }
        if (dice.percent(faults.agentKills()) && stopped == null) {
            killAgent();
        } else if (dice.percent(faults.clones())) {
            cloneAgent();
        }
        if (verifyMillis > 0 && dice.percent(faults.spoils()) && model.spoil(dice)) {
            tell(() -> "a bit of a disk turns");
        }
        SimulatedServer there = server;
        if (there != null && dice.percent(faults.serverKills())) {
            kill(there);
        } else if (there != null && dice.percent(faults.takeovers())) {
            takeOver(there);
        } else if (there != null && dice.percent(faults.rescans())) {
            there.rescan("vol-" + dice.below(disks.size()));
        } else if (there != null && dice.percent(faults.holds())) {
            there.hold();
        }
    }

    private void everyWrite() {
        time.later(dice.millisUpTo(writeMillisMax), () -> {
            if (!healing) {
                source.write();
                everyWrite();
            }
        });
    }

    /** From now on nothing goes wrong, nobody writes, and the agent shall end when all is replicated. */
    private void heal() {
        tell(() -> "no more faults");
        endClone();
        if (former != null) {
            kill(former);
        }
        faults = FaultMix.NONE;
        healing = true;
        commitsBeforeHealing = model.commitCount();
        time.later(TimeUnit.SECONDS.toNanos(1), this::endWhenReplicated);
    }

    /** A commit that came after the last fault and the last write, and nothing differs. */
    private void endWhenReplicated() {
        SimulatedAgent running = aliveAgent();
        if (running.process().isAlive()
                && model.commitCount() > commitsBeforeHealing
                && model.isReplicated(source.disks())) {
            running.stop();
        } else {
            time.later(TimeUnit.SECONDS.toNanos(1), this::endWhenReplicated);
        }
    }

    private boolean isDone() {
        AgentOutcome how = aliveAgent().outcome();
        return how != null && how.exit() == AgentOutcome.Exit.STOPPED;
    }

    private void checkEnd() {
        model.check("at the end");
        if (!model.isReplicated(source.disks())) {
            throw new Violation("I12", "the replica differs from the source at the end");
        }
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
