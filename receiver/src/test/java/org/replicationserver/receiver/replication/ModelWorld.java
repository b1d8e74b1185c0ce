package org.replicationserver.receiver.replication;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.replicationserver.receiver.protocol.BlockRange;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.ReplicationCheckpoint.VolumeCheckpoint;
import org.replicationserver.receiver.session.ComparedBlocks;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.RefusedAgent;
import org.replicationserver.receiver.session.SessionEndCause;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeBacklog;

/** One source server's model in virtual time, told things in few words. Its disks are vol-0, vol-1, … of {@link #DISK_BYTES} each. */
final class ModelWorld implements ReplicationListener {
    static final long MIB = 1024 * 1024;
    static final long DISK_BYTES = 100 * MIB;
    static final RefusedAgent DUPLICATE = new RefusedAgent("i", "192.0.2.1:1", "sha256:a", "192.0.2.2:2", "sha256:a");
    static final int AGENT_PORT = 15000;
    static final Duration TICK = Duration.ofMillis(250);
    private static final Instant WALL_BEGIN = Instant.parse("2026-05-01T00:00:00Z");
    private static final long NANOS_BEGIN = -5_000_000_000L; // the nanosecond clock may begin anywhere

    final ReplicationSettings settings = ReplicationSettings.defaults();

    /** previous→current, in order. */
    final List<String> changes = new ArrayList<>();

    final List<String> reasons = new ArrayList<>();

    /** Changed by tests, handed in at each tick. */
    final ClockBank clocks = new ClockBank();

    SourceReplication model;
    private SourceAssignment assignment;
    private long elapsedNanos;
    private long generation;
    private long epoch;

    ModelWorld() {
        this(2);
    }

    ModelWorld(int disks) {
        this(disks, ReplicationCheckpoint.initial());
    }

    ModelWorld(int disks, ReplicationCheckpoint kept) {
        this.assignment = assignment(disks);
        this.model = model(kept, kept.firstByteMillis() > 0);
        this.epoch = kept.committedEpoch();
    }

    private SourceReplication model(ReplicationCheckpoint kept, boolean hadSession) {
        SourceReplication made =
                new SourceReplication(assignment, () -> "i-0123456789abcdef0", settings, kept, hadSession, this, now());
        made.listensOn(AGENT_PORT);
        return made;
    }

    static SourceAssignment assignment(int disks) {
        return new SourceAssignment(
                "s-1",
                IntStream.range(0, disks).mapToObj(i -> disk(i, DISK_BYTES)).toList());
    }

    static VolumeAssignment disk(int index, long bytes) {
        return new VolumeAssignment("vol-" + index, "/dev/sd" + (char) ('a' + index), Path.of("x"), bytes, true);
    }

    /** Some blocks of the first volume as a verification has compared them. */
    static ComparedBlocks verified(long firstDifferingBytes, long differingBytes) {
        return new ComparedBlocks("vol-0", true, 1 << BlockRange.LEAF_SHIFT, MIB, differingBytes, firstDifferingBytes);
    }

    /** Another process goes on from what was kept, and the same is wanted. */
    void restart() {
        ReplicationCheckpoint kept = model.checkpoint();
        model = model(kept, generation > 0);
        model.desired(kept.wanted(), now());
        openVolumes();
    }

    @Override
    public void stateChanged(
            String sourceServerId,
            DataReplicationState previous,
            DataReplicationState current,
            String why,
            Moment now) {
        changes.add(previous + "→" + current);
        reasons.add(why);
        model.info(now); // may be asked here
    }

    /** Changes since the last call. */
    List<String> takeChanges() {
        List<String> taken = List.copyOf(changes);
        changes.clear();
        return taken;
    }

    // --- time

    Moment now() {
        return new Moment(NANOS_BEGIN + elapsedNanos, WALL_BEGIN.toEpochMilli() + elapsedNanos / 1_000_000);
    }

    /** Ticks all along. */
    void pass(Duration duration) {
        pass(duration, () -> {});
    }

    /** Ticks all along, and before each tick something happens. */
    void pass(Duration duration, Runnable beforeEachTick) {
        long end = elapsedNanos + duration.toNanos();
        while (elapsedNanos < end) {
            long step = Math.min(TICK.toNanos(), end - elapsedNanos);
            elapsedNanos += step;
            clocks.pass(step);
            beforeEachTick.run();
            model.tick(clocks.read(), now());
        }
    }

    void passSeconds(double seconds) {
        pass(Duration.ofMillis(Math.round(seconds * 1000)));
    }

    /** Time goes by with no tick. */
    void jump(Duration duration) {
        elapsedNanos += duration.toNanos();
    }

    // --- events

    void failControlPlane(ControlPlaneFault fault, String reason) {
        Instant next = now().instant().plusSeconds(30);
        model.controlPlaneFailed(new ControlPlaneTrouble(fault, reason, "Mend it.", next), now());
    }

    void start() {
        model.controlPlaneAbsent();
        model.desired(DesiredState.STARTED, now());
        openVolumes();
    }

    /** All but those that have failed, which only an operator has opened. */
    void openVolumes() {
        Map<String, VolumeCheckpoint> known = model.checkpoint().volumes();
        for (VolumeAssignment volume : assignment.volumes()) {
            VolumeCheckpoint volumeKnown = known.get(volume.volumeId());
            String cause = volumeKnown == null ? null : volumeKnown.failedCause();
            if (cause == null) {
                model.volumeOpened(volume.volumeId());
            } else {
                model.volumeFailed(volume.volumeId(), cause, now());
            }
        }
    }

    void assign(VolumeAssignment... volumes) {
        assignment = new SourceAssignment("s-1", List.of(volumes));
        model.assigned(assignment, now());
    }

    /** Opens a session of all disks. */
    void open(Welcome.Action action) {
        open(action, "gen-1");
    }

    void open(Welcome.Action action, String dataGen) {
        open(IntStream.range(0, assignment.volumes().size())
                .mapToObj(i -> volume(i, action, dataGen))
                .toArray(Welcome.Volume[]::new));
    }

    /** Opens a session of these volumes. */
    void open(Welcome.Volume... volumes) {
        generation++;
        model.connectionAccepted();
        model.sessionOpened(generation, List.of(volumes), now());
    }

    Welcome.Volume volume(int disk, Welcome.Action action, String dataGen) {
        return volume(disk, action, dataGen, action == Welcome.Action.RESUME ? "NONE" : "NEW_VOLUME");
    }

    Welcome.Volume volume(int disk, Welcome.Action action, String dataGen, String reason) {
        VolumeAssignment assigned = assignment.volumes().get(disk);
        return new Welcome.Volume(
                disk,
                assigned.volumeId(),
                assigned.deviceName(),
                assigned.sizeBytes(),
                512,
                dataGen,
                epoch,
                true,
                action,
                reason);
    }

    void lose() {
        end(SessionEndCause.LOST, "connection reset");
    }

    void end(SessionEndCause cause, String reason) {
        model.sessionEnded(generation, cause, reason, now());
    }

    void openEpoch(long estimatedBytes) {
        model.epochOpened(estimatedBytes, now());
    }

    void durable(int disk, long bytes) {
        model.durable("vol-" + disk, bytes, now());
    }

    /** With the mark of now. */
    void commit() {
        commit(false);
    }

    void commit(boolean fuzzy) {
        epoch++;
        model.committed(epoch, fuzzy, now().wallMillis(), now());
    }

    /** The agent reports these backlogs, of vol-0, vol-1, …; it waits for nothing. */
    void report(long... backlogBytes) {
        report(AgentWaits.NONE, backlogBytes);
    }

    void report(AgentWaits waits, long... backlogBytes) {
        List<VolumeBacklog> backlogs = new ArrayList<>();
        for (int i = 0; i < backlogBytes.length; i++) {
            backlogs.add(new VolumeBacklog("vol-" + i, backlogBytes[i]));
        }
        model.sourceStatus(backlogs, waits, now());
    }

    /** Brings a source server of one session to CONTINUOUS. */
    void replicateAll() {
        start();
        open(Welcome.Action.RESCAN);
        openEpoch(2 * DISK_BYTES);
        for (int i = 0; i < assignment.volumes().size(); i++) {
            durable(i, DISK_BYTES);
        }
        commit();
        takeChanges();
    }

    void refuseHello(ErrorCode code, String reason) {
        model.helloRefused(code, "192.0.2.7:4711", reason, now());
    }

    // --- answers

    DataReplicationState state() {
        return model.state();
    }

    DataReplicationInfo info() {
        return model.info(now());
    }

    DataReplicationInfo.ReplicatedDisk disk(int index) {
        return info().replicatedDisks().get(index);
    }

    List<ExplanationCode> codes() {
        return info().detail().explanations().stream().map(Explanation::code).toList();
    }

    Explanation explanation(ExplanationCode code) {
        return info().detail().explanations().stream()
                .filter(explanation -> explanation.code() == code)
                .findFirst()
                .orElseThrow(() -> new AssertionError("no " + code + " in " + codes()));
    }

    InitiationStepStatus step(InitiationStepName name) {
        return info().dataReplicationInitiation().steps().stream()
                .filter(step -> step.name() == name)
                .findFirst()
                .orElseThrow()
                .status();
    }
}
