package org.replicationserver.simulation;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
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
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final int REGION_SHIFT = 20;
    private static final long REOPEN_MILLIS_MAX = 20_000;
    private static final long RESCAN_MILLIS_MAX = 5_000;
    private static final long AWAY_MILLIS_MAX = 5_000;
    private static final SessionSettings DEFAULTS = SessionSettings.defaults();

    /** A source server of this process, with what the process was given of it. */
    private static final class Served {
        private final ReplicatedSource source;
        private final ReplicaModel.Site site;
        private final SourceAssignment assignment;
        private @Nullable SourceRecord lastReported;

        /** Its volumes are being taken away; then, that this is done. */
        private boolean leaving;

        private boolean gone;

        /** Holds that are asked for or there. */
        private int holds;

        Served(ReplicatedSource source) {
            this.source = source;
            this.site = source.site();
            this.assignment = source.assignment();
            this.lastReported = source.controlPlane().last();
        }

        private String id() {
            return source.id();
        }
    }

    private final Simulation world;
    private final SimulatedProcess process;
    private final SimulatedVolumes volumes;
    private final Sessions sessions;
    private final SessionSettings settings;
    private final Dice dice;
    private final Map<String, Served> served = new LinkedHashMap<>();
    private final Map<String, Served> servedByVolume = new HashMap<>();

    /** Ids of volumes that somebody is about to repair. */
    private final Set<String> toReopen = new HashSet<>();

    private long heldPayloadBytes;
    private boolean detached;
    private boolean releasing;

    /** A process that begins. */
    SimulatedServer(Simulation world, List<ReplicatedSource> sources, SimulatedRecords.Directory directory, Dice dice) {
        this.world = world;
        this.dice = dice;
        Map<String, SimulatedDisk> disks = new HashMap<>();
        for (ReplicatedSource source : sources) {
            Served one = new Served(source);
            served.put(source.id(), one);
            source.disks().keySet().forEach(volumeId -> servedByVolume.put(volumeId, one));
            disks.putAll(source.disks());
        }
        this.process = new SimulatedProcess(world.time(), dice.fork());
        RoundReports reports = new RoundReports(process::execute);
        this.volumes = new SimulatedVolumes(disks, this, process, reports, dice.fork());
        this.settings = settings(Math.max(sources.size(), dice.between(1, 4)) * SourceMemory.SHARE_BYTES_MIN);
        this.sessions = new Sessions(
                settings,
                new Clock(),
                new Events(),
                new Memory(),
                volumes,
                new SimulatedRecords(directory, process, this::killedByChance, dice.fork()),
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
        served.values().forEach(this::assign);
        process.every(TICK_NANOS, sessions::tick);
    }

    private void assign(Served one) {
        sessions.assign(one.assignment, BandwidthSchedule.UNLIMITED, DesiredState.STARTED, one.lastReported);
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

    private Served of(ReplicatedSource source) {
        return of(source.id());
    }

    private Served of(String sourceServerId) {
        return Objects.requireNonNull(served.get(sourceServerId), sourceServerId);
    }

    private Served ofVolume(String volumeId) {
        return Objects.requireNonNull(servedByVolume.get(volumeId), volumeId);
    }

    ReplicaModel.Site site(ReplicatedSource source) {
        return of(source).site;
    }

    /** The control plane wants it to give its volumes away. */
    void release(Runnable whenReleased) {
        releasing = true;
        List<CompletableFuture<Void>> given = new ArrayList<>();
        served.values().forEach(one -> given.add(unassign(one).toCompletableFuture()));
        CompletableFuture.allOf(given.toArray(CompletableFuture[]::new)).thenRun(whenReleased);
    }

    private CompletionStage<Void> unassign(Served one) {
        one.leaving = true;
        return sessions.unassign(one.id()).thenRun(() -> one.gone = true);
    }

    /** The volumes of a source server are taken from it for a while; says whether they were there. */
    boolean takeAway(ReplicatedSource source) {
        Served one = of(source);
        if (one.leaving || isLeaving()) {
            return false;
        }
        unassign(one).thenRun(() -> process.later(dice.millisUpTo(AWAY_MILLIS_MAX), () -> giveBack(one)));
        return true;
    }

    private void giveBack(Served one) {
        if (isLeaving()) {
            return;
        }
        one.leaving = false;
        one.gone = false;
        one.source.tell(() -> "its volumes are given back");
        one.source.serverStarts();
        one.lastReported = one.source.controlPlane().last();
        assign(one);
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

    private boolean isLeaving() {
        return releasing || detached;
    }

    /** What goes wrong with a volume. */
    FaultMix faults(String volumeId) {
        return ofVolume(volumeId).source.faults();
    }

    long nanos() {
        return world.time().nanos();
    }

    /** The connection of an agent; null if nobody listens for it yet. */
    @Nullable
    AgentConnection accept(ReplicatedSource source, Transport transport) {
        return sessions.accept(transport, source.id(), source.pin());
    }

    void acceptAgents(ReplicatedSource source) {
        sessions.acceptAgents(source.id());
    }

    void rescan(ReplicatedSource source, String volumeId) {
        sessions.rescan(source.id(), Set.of(volumeId));
    }

    /** Somebody wants the volumes of a source server to stand still for a while. */
    void hold(ReplicatedSource source) {
        Served one = of(source);
        Bystander bystander = source.bystander();
        HoldRequest request =
                HoldRequest.ofSnapshotGroup(Duration.ofSeconds(30), Duration.ofMillis(dice.between(1, 10_000)));
        boolean another = one.holds++ > 0;
        sessions.hold(source.id(), request).thenAccept(answer -> {
            switch (answer) {
                case HoldAnswer.Held held -> {
                    source.tell(() -> "held at epoch " + held.epoch());
                    source.model().held(held.epoch());
                    if (bystander != null) {
                        bystander.held();
                    }
                    long sinceNanos = nanos();
                    process.later(dice.millisUpTo(12_000), () -> release(source, request, held, sinceNanos));
                }
                case HoldAnswer.NotHeld none -> {
                    one.holds--;
                    if (bystander != null) {
                        source.model().check(() -> bystander.notHeld(none.cause(), another));
                    }
                }
            }
        });
    }

    private void release(ReplicatedSource source, HoldRequest request, HoldAnswer.Held held, long sinceNanos) {
        boolean valid = sessions.release(held.token()) == HoldEnd.VALID;
        if (valid) {
            source.heldTillEnd();
            source.model().held(held.epoch());
            source.model().holdEnded();
        }
        Bystander bystander = source.bystander();
        if (bystander != null) {
            bystander.released(valid, nanos() - sinceNanos, request.timeToLive());
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

    /** Of the device of a volume. */
    SimulatedDevice.Surroundings surroundings(String volumeId, LongConsumer pass) {
        return new Surroundings(ofVolume(volumeId), pass);
    }

    private final class Surroundings implements SimulatedDevice.Surroundings {
        private final Served one;
        private final LongConsumer pass;

        Surroundings(Served one, LongConsumer pass) {
            this.one = one;
            this.pass = pass;
        }

        @Override
        public FaultMix faults() {
            return one.source.faults();
        }

        @Override
        public void pass(long nanos) {
            pass.accept(nanos);
        }

        @Override
        public void stallEnded() {
            one.source.stallEnded();
        }

        @Override
        public void requireAlive() {
            process.requireAlive();
        }

        @Override
        public boolean isDetached() {
            if (one.gone) {
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
            one.source.model().aboutToWrite(disk, offsetBytes, content);
        }

        @Override
        public void aboutToZero(SimulatedDisk disk, long offsetBytes, long lengthBytes) {
            one.source.model().aboutToZero(disk, offsetBytes, lengthBytes);
        }

        @Override
        public void readFailed(SimulatedDisk disk) {
            one.source.model().readFailed(disk);
        }

        @Override
        public Violation found(Violation violation) {
            return one.source.model().found(violation);
        }

        @Override
        public void tell(String what) {
            one.source.tell(() -> what);
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
                throw world.found(new Violation("I10", heldPayloadBytes + " bytes of payload are held"));
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
        private void tell(String sourceServerId, Supplier<String> what) {
            of(sourceServerId).source.tell(what);
        }

        @Override
        public void sessionEnded(String sourceServerId, long generation, String reason, SessionEndCause cause) {
            tell(sourceServerId, () -> "session " + generation + " has ended: " + reason);
            ifBystander(sourceServerId, bystander -> bystander.sessionEnded(reason));
        }

        @Override
        public void programFault(String sourceServerId, Throwable fault) {
            of(sourceServerId).source.model().found(Violation.of(fault));
        }

        @Override
        public void goAwaySent(String sourceServerId, String reason) {
            tell(sourceServerId, () -> "GOAWAY " + reason);
        }

        @Override
        public void writerStored(String sourceServerId, SourceRecord record) {
            report(sourceServerId, record);
        }

        @Override
        public void rescanNeeded(String sourceServerId, SourceRecord record) {
            report(sourceServerId, record);
        }

        @Override
        public void committed(String sourceServerId, SourceRecord record) {
            report(sourceServerId, record);
            tell(sourceServerId, () -> "committed epoch " + record.commit().epoch());
        }

        private void report(String sourceServerId, SourceRecord record) {
            Served one = of(sourceServerId);
            one.source.controlPlane().report(one.site, process, record);
        }

        @Override
        public void notHeld(String sourceServerId, String why) {
            tell(sourceServerId, () -> "not held: " + why);
        }

        @Override
        public void holdEnded(String sourceServerId, StandingHold hold, @Nullable String spoiledBy) {
            Served one = of(sourceServerId);
            one.holds--;
            one.source.model().holdEnded();
            tell(
                    sourceServerId,
                    () -> "the hold at epoch " + hold.epoch() + " has ended " + (spoiledBy == null ? "in time" : "EXPIRED: " + spoiledBy));
            ifBystander(sourceServerId, Bystander::holdEnded);
        }

        /** Somebody looks after what a verification has found. */
        @Override
        public void blocksCompared(String sourceServerId, ComparedBlocks compared) {
            if (compared.verified() && compared.isFinest() && compared.differingBytes() > 0) {
                ReplicatedSource source = of(sourceServerId).source;
                source.tell(() -> compared.volumeId() + " is not what was sent at " + compared.firstDifferingBytes());
                process.later(dice.millisUpTo(RESCAN_MILLIS_MAX), () -> rescan(source, compared.volumeId()));
            }
        }

        @Override
        public void volumeOpened(String sourceServerId, String volumeId) {
            tell(sourceServerId, () -> volumeId + " is open");
        }

        @Override
        public void volumeFailed(String sourceServerId, VolumeFailure failure) {
            tell(sourceServerId, () -> failure.volumeId() + " has failed");
            ifBystander(
                    sourceServerId,
                    bystander -> bystander.volumeFailed(failure.volumeId().value()));
            reopenLater(failure.volumeId().value());
        }

        @Override
        public void volumeLeftClosed(String sourceServerId, String volumeId, String cause) {
            tell(sourceServerId, () -> volumeId + " is left closed: " + cause);
            reopenLater(volumeId);
        }

        @Override
        public void recordLost(String sourceServerId, String cause) {
            tell(sourceServerId, () -> "the record is lost: " + cause);
        }

        /** Asks the rules of a source server with which nothing goes wrong. */
        private void ifBystander(String sourceServerId, Consumer<Bystander> rule) {
            ReplicatedSource source = of(sourceServerId).source;
            Bystander bystander = source.bystander();
            if (bystander != null) {
                source.model().check(() -> rule.accept(bystander));
            }
        }
    }

    /** Somebody repairs the device and says so. */
    private void reopenLater(String volumeId) {
        if (!toReopen.add(volumeId)) {
            return; // the same failure, told once more when the volume was given back
        }
        process.later(dice.millisUpTo(REOPEN_MILLIS_MAX), () -> {
            toReopen.remove(volumeId);
            Served one = ofVolume(volumeId);
            boolean swapped = !isLeaving()
                    && !one.gone
                    && dice.percent(one.source.faults().swaps());
            one.source.tell(() -> volumeId + " is to be reopened" + (swapped ? ", with another device" : ""));
            if (swapped) {
                one.source.swap(volumeId);
            }
            sessions.reopen(volumeId);
        });
    }
}
