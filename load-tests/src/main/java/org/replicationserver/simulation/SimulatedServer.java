package org.replicationserver.simulation;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.AgentConnection;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.ComparedBlocks;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.HeldMemory;
import org.replicationserver.receiver.session.HoldAnswer;
import org.replicationserver.receiver.session.HoldEnd;
import org.replicationserver.receiver.session.HoldRequest;
import org.replicationserver.receiver.session.PayloadMemory;
import org.replicationserver.receiver.session.RoundReports;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.receiver.session.SessionEndCause;
import org.replicationserver.receiver.session.SessionEvents;
import org.replicationserver.receiver.session.SessionSettings;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceMemory;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SpeedTestRuntime;
import org.replicationserver.receiver.session.StandingHold;
import org.replicationserver.receiver.session.Transport;
import org.replicationserver.volume.VolumeFailure;

/** One process of the server: the shipped sessions, volume writers and records, from its start until it is killed. */
final class SimulatedServer {
    private static final String PIN = "sha256:" + "0".repeat(64);
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final int REGION_SHIFT = 20;
    private static final long REOPEN_MILLIS_MAX = 20_000;
    private static final long RESCAN_MILLIS_MAX = 5_000;
    private static final SessionSettings DEFAULTS = SessionSettings.defaults();

    private final Simulation world;
    private final SimulatedProcess process;
    private final SimulatedVolumes volumes;
    private final Sessions sessions;
    private final SourceAssignment assignment;
    private final SessionSettings settings;
    private final ReplicaModel.Site site;
    private final @Nullable SourceRecord lastReported;
    private final Dice dice;
    private long heldPayloadBytes;
    private boolean detached;
    private boolean releasing;
    private boolean released;

    SimulatedServer(
            Simulation world,
            ReplicaModel.Site site,
            SourceAssignment assignment,
            @Nullable SourceRecord lastReported,
            Map<String, SimulatedDisk> disks,
            Dice dice) {
        this.world = world;
        this.site = site;
        this.assignment = assignment;
        this.lastReported = lastReported;
        this.dice = dice;
        this.process = new SimulatedProcess(world.time(), dice.fork());
        RoundReports reports = new RoundReports(process::execute);
        this.volumes = new SimulatedVolumes(disks, this, process, reports, dice.fork());
        this.settings = settings(dice.between(1, 4) * SourceMemory.SHARE_BYTES_MIN);
        this.sessions = new Sessions(
                settings,
                new Clock(),
                new Events(),
                new Memory(),
                volumes,
                new SimulatedRecords(site.directory(), process, this::killedByChance, dice.fork()),
                process::execute,
                process::after,
                dice.fork().generator(),
                new SpeedTestRuntime(
                        task -> {
                            throw new IllegalStateException("no speed test runs here");
                        },
                        () -> 0));
        reports.to(sessions);
        process.execute(this::start);
    }

    /** As shipped, but for little memory and small regions, so that small disks meet the bounds. */
    private static SessionSettings settings(long memoryBudgetBytes) {
        return new SessionSettings(
                REGION_SHIFT,
                DEFAULTS.streamsMax(),
                memoryBudgetBytes,
                DEFAULTS.firstFrameTimeout(),
                DEFAULTS.attachTimeout(),
                DEFAULTS.ackInterval(),
                DEFAULTS.progressAfter(),
                DEFAULTS.progressInterval(),
                DEFAULTS.pingAfter(),
                DEFAULTS.deadAfter(),
                DEFAULTS.drainTimeout(),
                DEFAULTS.reconnectAfter(),
                DEFAULTS.keyBytesMax(),
                DEFAULTS.controlFramesPerSecond(),
                DEFAULTS.controlFramesBurst(),
                DEFAULTS.pingsPerSecond(),
                DEFAULTS.pingsBurst());
    }

    private void start() {
        sessions.assign(assignment, BandwidthSchedule.UNLIMITED, DesiredState.STARTED, lastReported);
        process.every(TICK_NANOS, sessions::tick);
    }

    private boolean killedByChance() {
        boolean killed = dice.percent(world.faults().serverKills());
        if (killed) {
            world.kill(this);
        }
        return killed;
    }

    SimulatedProcess process() {
        return process;
    }

    ReplicaModel.Site site() {
        return site;
    }

    /** The control plane wants it to give its volumes away. */
    void release(Runnable whenReleased) {
        releasing = true;
        sessions.unassign(assignment.sourceServerId()).thenRun(() -> {
            released = true;
            whenReleased.run();
        });
    }

    /** The volumes are attached to another machine from now on, whatever this process does. */
    void detach() {
        detached = true;
    }

    boolean isDetached() {
        return detached;
    }

    boolean isReleasing() {
        return releasing;
    }

    FaultMix faults() {
        return world.faults();
    }

    long nanos() {
        return world.time().nanos();
    }

    /** The connection of an agent; null if nobody listens for it yet. */
    @Nullable
    AgentConnection accept(Transport transport) {
        return sessions.accept(transport, assignment.sourceServerId(), PIN);
    }

    void acceptAgents() {
        sessions.acceptAgents(assignment.sourceServerId());
    }

    void rescan(String volumeId) {
        sessions.rescan(assignment.sourceServerId(), Set.of(volumeId));
    }

    /** Somebody wants the volumes to stand still for a while. */
    void hold() {
        HoldRequest request =
                HoldRequest.ofSnapshotGroup(Duration.ofSeconds(30), Duration.ofMillis(dice.between(1, 10_000)));
        sessions.hold(assignment.sourceServerId(), request).thenAccept(answer -> {
            if (answer instanceof HoldAnswer.Held held) {
                world.tell(() -> "held at epoch " + held.epoch());
                world.model().held(held.epoch());
                process.later(dice.millisUpTo(12_000), () -> release(held));
            }
        });
    }

    private void release(HoldAnswer.Held held) {
        if (sessions.release(held.token()) == HoldEnd.VALID) {
            world.heldTillEnd();
            world.model().held(held.epoch());
            world.model().holdEnded();
        }
    }

    /** The process is gone: what its threads hold is given back. */
    void bury() {
        volumes.bury();
    }

    /** Nothing that was received is held any more. */
    void checkMemory() {
        if (heldPayloadBytes != 0) {
            throw new Violation("I10", heldPayloadBytes + " bytes of payload memory were not given back");
        }
    }

    SimulatedDevice.Surroundings surroundings(LongConsumer pass) {
        return new Surroundings(pass);
    }

    private final class Surroundings implements SimulatedDevice.Surroundings {
        private final LongConsumer pass;

        Surroundings(LongConsumer pass) {
            this.pass = pass;
        }

        @Override
        public FaultMix faults() {
            return world.faults();
        }

        @Override
        public void pass(long nanos) {
            pass.accept(nanos);
        }

        @Override
        public void requireAlive() {
            process.requireAlive();
        }

        @Override
        public boolean isDetached() {
            if (released) {
                throw found(new Violation("I6", "a volume is used that was given away"));
            }
            return detached;
        }

        @Override
        public void kill() {
            world.kill(SimulatedServer.this);
            throw new SimulatedProcess.Killed();
        }

        @Override
        public void aboutToWrite(SimulatedDisk disk, long offsetBytes, MemorySegment content) {
            world.model().aboutToWrite(disk, offsetBytes, content);
        }

        @Override
        public void aboutToZero(SimulatedDisk disk, long offsetBytes, long lengthBytes) {
            world.model().aboutToZero(disk, offsetBytes, lengthBytes);
        }

        @Override
        public Violation found(Violation violation) {
            return world.model().found(violation);
        }

        @Override
        public void tell(String what) {
            world.tell(() -> what);
        }
    }

    private final class Clock implements SessionClock {
        @Override
        public long nanos() {
            return world.time().nanos();
        }

        @Override
        public long millis() {
            return world.time().millis();
        }
    }

    private final class Memory implements PayloadMemory {
        @Override
        public void allocate(HeldMemory memory, int payloadBytes) {
            heldPayloadBytes += payloadBytes;
            if (heldPayloadBytes > settings.memoryBudgetBytes()) {
                throw world.model().found(new Violation("I10", heldPayloadBytes + " bytes of payload are held"));
            }
            memory.hold(ByteBuffer.allocate(payloadBytes), payloadBytes);
        }

        @Override
        public void release(HeldMemory memory) {
            if (memory.handle() instanceof Integer bytes) {
                heldPayloadBytes -= bytes;
            }
        }
    }

    private final class Events implements SessionEvents {
        @Override
        public void sessionEnded(String sourceServerId, long generation, String reason, SessionEndCause cause) {
            world.tell(() -> "session " + generation + " has ended: " + reason);
        }

        @Override
        public void goAwaySent(String sourceServerId, String reason) {
            world.tell(() -> "GOAWAY " + reason);
        }

        @Override
        public void writerStored(String sourceServerId, SourceRecord record) {
            world.controlPlane().report(site, process, record);
        }

        @Override
        public void committed(String sourceServerId, SourceRecord record) {
            world.controlPlane().report(site, process, record);
            world.tell(() -> "committed epoch " + record.commit().epoch());
        }

        @Override
        public void notHeld(String sourceServerId, String why) {
            world.tell(() -> "not held: " + why);
        }

        @Override
        public void holdEnded(String sourceServerId, StandingHold hold, boolean valid) {
            world.model().holdEnded();
            world.tell(() -> "the hold at epoch " + hold.epoch() + " has ended " + (valid ? "in time" : "too late"));
        }

        /** Somebody looks after what a verification has found. */
        @Override
        public void blocksCompared(String sourceServerId, ComparedBlocks compared) {
            if (compared.verified() && compared.isFinest() && compared.differingBytes() > 0) {
                world.tell(() -> compared.volumeId() + " is not what was sent at " + compared.firstDifferingBytes());
                process.later(dice.millisUpTo(RESCAN_MILLIS_MAX), () -> rescan(compared.volumeId()));
            }
        }

        @Override
        public void volumeOpened(String sourceServerId, String volumeId) {
            world.tell(() -> volumeId + " is open");
        }

        @Override
        public void volumeFailed(String sourceServerId, VolumeFailure failure) {
            world.tell(() -> failure.volumeId() + " has failed");
            reopenLater(failure.volumeId().value());
        }

        @Override
        public void volumeLeftClosed(String sourceServerId, String volumeId, String cause) {
            world.tell(() -> volumeId + " is left closed: " + cause);
            reopenLater(volumeId);
        }

        @Override
        public void recordLost(String sourceServerId, String cause) {
            world.tell(() -> "the record is lost: " + cause);
        }
    }

    /** Somebody repairs the device and says so. */
    private void reopenLater(String volumeId) {
        process.later(dice.millisUpTo(REOPEN_MILLIS_MAX), () -> {
            boolean swapped =
                    !detached && !released && dice.percent(world.faults().swaps());
            world.tell(() -> volumeId + " is to be reopened" + (swapped ? ", with another device" : ""));
            if (swapped) {
                world.swap(volumeId);
            }
            sessions.reopen(volumeId);
        });
    }
}
