package org.replicationserver.simulation;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.VolumeAssignment;

/**
 * A source server of a {@link Simulation}: its disks and its agent, the volumes that are assigned to it, its connections, what is known of
 * all that, and what goes wrong with it.
 */
final class ReplicatedSource {
    private static final long CONNECT_MILLIS_MAX = 20;
    private static final int STALE_ADDRESS_PERCENT = 30;
    private static final long RESTART_MILLIS_MAX = 5_000;
    private static final long CLONE_MILLIS_MAX = 20_000;

    /** From the moment when nothing is in the way to the end of the agent with all replicated. */
    private static final long COMMIT_NANOS_MAX = TimeUnit.SECONDS.toNanos(60);

    private final Simulation world;
    private final Dice dice;
    private final String id;
    private final String pin;
    private final SimulatedSource source;
    private final SimulatedControlPlane controlPlane;
    private final Map<String, SimulatedDisk> disks = new HashMap<>();
    private final ReplicaModel model;
    private final List<SimulatedConnection> connections = new ArrayList<>();
    private final boolean marked;

    /** Ids of volumes with another device in their place. */
    private final Set<String> swapped = new HashSet<>();

    private final int streams;
    private final long writeMillisMax;
    private final long verifyMillis;
    private final @Nullable Bystander bystander;
    private FaultMix faults;
    private SourceAssignment assignment;
    private ReplicaModel.Site site;
    private @Nullable SimulatedAgent agent;

    /** The one whose machine stands still while another takes its place. */
    private @Nullable SimulatedAgent stopped;

    private int agentKills;
    private int holds;
    private int unassignments;
    private int commitsBeforeHealing;

    /** Since when nothing is in the way of a commit of all: the last WELCOME, or the end of the last fault or of a call that stalled. */
    private long freeSinceNanos;

    private int welcomesSeen;

    /**
     * A source server that has an agent once {@link #startAgent} is called.
     *
     * @param number of the source server in its world, from 0
     * @param directory of the server that its volumes are assigned to
     * @param controlled whether a control plane keeps what is reported of it
     * @param undisturbed whether nothing goes wrong with it, so that it must not notice what goes wrong with others
     */
    ReplicatedSource(
            Simulation world,
            int number,
            SimulatedRecords.Directory directory,
            FaultMix faults,
            boolean controlled,
            boolean undisturbed,
            Dice dice) {
        this.world = world;
        this.id = "s-" + (number + 1);
        this.pin = "sha256:%064x".formatted(number);
        this.faults = faults;
        this.dice = dice;
        this.site = new ReplicaModel.Site(id, directory);
        this.controlPlane = new SimulatedControlPlane(world.time(), controlled, site, dice.fork());
        this.marked = dice.percent(70);
        this.streams = dice.between(1, 4);
        this.writeMillisMax = dice.between(1, 10) * 300L;
        this.verifyMillis = dice.percent(50) ? 0 : dice.between(1, 5_000);
        this.source = new SimulatedSource(dice.between(1, 3), dice.fork());
        LinkedHashMap<String, ReplicaVolume> volumes = new LinkedHashMap<>();
        List<VolumeAssignment> assigned = new ArrayList<>();
        for (int i = 0; i < source.disks().size(); i++) {
            String volumeId = number == 0 ? "vol-" + i : "vol-" + number + "-" + i;
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
        this.assignment = new SourceAssignment(id, assigned);
        this.bystander = undisturbed ? new Bystander(id, world.time()) : null;
        this.model = new ReplicaModel(
                volumes, SimulatedSource.BLOCK_BYTES, () -> aliveAgent().mark(), bystander);
    }

    private static String deviceName(int disk) {
        return "/dev/sd" + (char) ('a' + disk);
    }

    // --- what its parts ask

    String id() {
        return id;
    }

    /** Of its agent's certificate. */
    String pin() {
        return pin;
    }

    VirtualTime time() {
        return world.time();
    }

    FaultMix faults() {
        return faults;
    }

    ReplicaModel model() {
        return model;
    }

    /** The rules of a source server with which nothing goes wrong; null if something does. */
    @Nullable
    Bystander bystander() {
        return bystander;
    }

    SimulatedControlPlane controlPlane() {
        return controlPlane;
    }

    /** At the server that has its volumes. */
    ReplicaModel.Site site() {
        return site;
    }

    SourceAssignment assignment() {
        return assignment;
    }

    Map<String, SimulatedDisk> disks() {
        return disks;
    }

    void tell(Supplier<String> what) {
        world.tell(this, what);
    }

    /** How it is set up, for the story. */
    String text() {
        return ", marked=" + marked + ", streams=" + streams;
    }

    void heldTillEnd() {
        holds++;
    }

    int agentKills() {
        return agentKills;
    }

    int holds() {
        return holds;
    }

    int unassignments() {
        return unassignments;
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
            SimulatedServer former = world.former();
            boolean stale = former != null && bystander == null && dice.percent(STALE_ADDRESS_PERCENT);
            SimulatedServer there = stale ? former : world.server();
            if (there == null) {
                link.closed(LinkFailure.lost("connection refused"));
                return;
            }
            SimulatedConnection connection = new SimulatedConnection(link, from, there, this, dice.fork());
            AgentConnection accepted = there.accept(this, connection.serverTransport());
            if (accepted == null) {
                link.closed(LinkFailure.lost("handshake failed"));
                return;
            }
            connections.add(connection);
            connection.open(accepted);
        });
    }

    // --- its agent and those who write

    void startAgent() {
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
                        id,
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

    void everyWrite() {
        time().later(dice.millisUpTo(writeMillisMax), () -> {
            if (!world.isHealing()) {
                source.write();
                everyWrite();
            }
        });
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
        processIsGone(killed.process(), powerLost);
        time().later(dice.millisUpTo(RESTART_MILLIS_MAX), this::startAgent);
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
        time().later(dice.millisUpTo(CLONE_MILLIS_MAX), this::endClone);
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
        if (bystander != null) {
            throw bystander.agentEnded(how);
        }
        if (how.exit() != AgentOutcome.Exit.FORBIDDEN) {
            throw new Violation("I12", "the agent gave up: " + how);
        }
        time().later(dice.millisUpTo(RESTART_MILLIS_MAX), () -> {
            SimulatedServer there = world.server();
            if (there != null) {
                there.acceptAgents(this);
            }
            startAgent();
        });
    }

    // --- what may go wrong each second

    void second() {
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
        if (bystander != null) {
            bystander.look();
        }
    }

    /** What may be wanted of its server. */
    void ask(SimulatedServer there) {
        if (dice.percent(faults.rescans())) {
            there.rescan(
                    this, assignment.volumes().get(dice.below(disks.size())).volumeId());
        } else if (dice.percent(faults.holds())) {
            there.hold(this);
        }
    }

    /** Its volumes are taken from the server, and are given back to it later. */
    void unassign(SimulatedServer there) {
        if (there.takeAway(this)) {
            unassignments++;
            tell(() -> "its volumes are taken away");
        }
    }

    /** Another device comes in the place of a volume's. */
    void swap(String volumeId) {
        SimulatedDisk disk = disks.get(volumeId);
        if (disk != null) {
            disk.swap();
            model.swapped(disk);
            swapped.add(volumeId);
        }
    }

    /**
     * Whether the control plane does not know yet that another device is in the place of a volume's: whoever has nothing but what was
     * reported would go by the content of the former one.
     */
    boolean awaitsReportOfSwap() {
        SourceRecord stored = site.directory().durable(id);
        SourceRecord reported = controlPlane.last();
        return stored != null
                && swapped.stream().anyMatch(volume -> !dataGen(stored, volume).equals(dataGen(reported, volume)));
    }

    private static String dataGen(@Nullable SourceRecord record, String volumeId) {
        SourceRecord.VolumeRecord volume =
                record == null ? null : record.volumes().get(volumeId);
        return volume == null ? "" : volume.dataGen();
    }

    // --- what happens to its server

    /** A process of the server begins. */
    void serverStarts() {
        site.starts(controlPlane.last());
    }

    /** A process is gone, this server's or an agent's. */
    void processIsGone(SimulatedProcess process, boolean silently) {
        connections.forEach(connection -> connection.processIsGone(process, silently));
    }

    /** The process that has the volumes is about to give them away, or to lose them. */
    void serverLeaves() {
        if (bystander != null) {
            bystander.serverLost();
        }
    }

    /** The process that had the volumes is gone. */
    void serverEnded(boolean powerLost) {
        model.holdEnded();
        if (powerLost) {
            disks.values().forEach(SimulatedDisk::losePower);
        }
        model.check("after the server's end");
        if (stopped == null && dice.percent(faults.outages())) {
            killAgent();
        }
        serverLeaves();
    }

    /** Its server knows nothing but what was reported. */
    void recordsLost() {
        site.beginsWith(controlPlane.last());
        if (bystander != null) {
            bystander.recordsLost();
        }
    }

    /** Its volumes go to another server, which has this state directory. */
    void moveTo(SimulatedRecords.Directory directory) {
        site.losesVolumes();
        model.holdEnded();
        disks.values().forEach(SimulatedDisk::losePower); // what a machine has not forced does not go to another
        model.check("after the volumes were moved");
        site = new ReplicaModel.Site(id, directory);
        recordsLost();
        controlPlane.assignTo(site);
        assignment = new SourceAssignment(
                id,
                assignment.volumes().stream().map(ReplicatedSource::notFresh).toList());
    }

    private static VolumeAssignment notFresh(VolumeAssignment volume) {
        return new VolumeAssignment(volume.volumeId(), volume.deviceName(), volume.path(), volume.sizeBytes(), false);
    }

    // --- the end

    /** From now on nothing goes wrong, and the agent shall end when all is replicated. */
    void heal() {
        endClone();
        if (bystander != null) {
            bystander.heal();
        }
    }

    /** No fault is under way any more either. */
    void healed() {
        faults = FaultMix.NONE;
        commitsBeforeHealing = model.commitCount();
        freeSinceNanos = time().nanos();
        time().later(TimeUnit.SECONDS.toNanos(1), this::endWhenReplicated);
    }

    /** A commit that came after the last fault and the last write, and nothing differs. */
    private void endWhenReplicated() {
        SimulatedAgent running = aliveAgent();
        if (running.process().isAlive()
                && model.commitCount() > commitsBeforeHealing
                && model.isReplicated(source.disks())) {
            running.stop();
        } else {
            time().later(TimeUnit.SECONDS.toNanos(1), this::endWhenReplicated);
        }
    }

    boolean isDone() {
        AgentOutcome how = aliveAgent().outcome();
        return how != null && how.exit() == AgentOutcome.Exit.STOPPED;
    }

    /** A call of a device that stalled is about to go on; it may have begun before healing. */
    void stallEnded() {
        freeSinceNanos = time().nanos();
    }

    /** After healing, each time that something has happened. */
    void requireProgress() {
        if (model.welcomeCount() > welcomesSeen) {
            welcomesSeen = model.welcomeCount();
            freeSinceNanos = time().nanos();
        }
        if (!isDone() && time().nanos() - freeSinceNanos > COMMIT_NANOS_MAX) {
            throw new Violation(
                    "I12",
                    id + " is not replicated " + COMMIT_NANOS_MAX / 1_000_000_000
                            + " s after the last fault and the last WELCOME");
        }
    }

    void checkEnd() {
        model.check("at the end");
        if (!model.isReplicated(source.disks())) {
            throw new Violation("I12", "the replica differs from the source at the end");
        }
    }
}
