package org.replicationserver.receiver.session;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeFailure;

/**
 * The place of one source server: its record, its current session, and the session that is opening. Event loop only.
 *
 * <p>What happens when a HELLO comes, in this order, and what would break otherwise:
 * <ol>
 *   <li>the older session ends and its volumes are fenced: no write of it runs or is queued when the newer one begins, or older
 *       data could overwrite newer;
 *   <li>the new generation is stored: a crash must not give the same generation twice;
 *   <li>only when both are done WELCOME is sent.
 * </ol>
 */
final class SourceSlot {
    private static final long CORRUPTION_WINDOW_NANOS = 600_000_000_000L;
    private static final int CORRUPT_BLOCKS_TOLD = 3;
    private static final HexFormat HEX = HexFormat.of();

    /** A HELLO that waits for its generation to be stored and for the older session's writes to end. */
    private static final class Opening {
        final AgentConnection control;
        final Hello hello;
        final long generation;
        boolean stored;
        long progressNanos;

        Opening(AgentConnection control, Hello hello, long generation, long nowNanos) {
            this.control = control;
            this.hello = hello;
            this.generation = generation;
            this.progressNanos = nowNanos;
        }
    }

    private final SourceAssignment assignment;
    private final SessionContext context;
    private final SourceMemory memory;
    private final InstanceHistory instances;
    private final SlotOwner owner;
    private final SourceThrottle throttle;
    private final BusiestVolume busiest = new BusiestVolume();

    /** Some volume of it on some stream has less than a largest block of its window left. */
    final RunningTime windowUsedUp;

    /** Some block of it is with a volume. */
    final RunningTime blocksUnderWay;

    private SourceRecord record;
    private @Nullable SourceSession session;

    /** The newest session that was opened, ended or not: the one whose writes may still be under way. */
    private @Nullable SourceSession newest;

    /** Whether its volumes are fenced, once for all who wait for that, and how many of the fences have not settled. */
    private boolean newestFenced;

    private int fencesLeft;

    private @Nullable Opening opening;
    private int connections;
    private final Set<String> reopening = new HashSet<>();
    private int corruptBlocks;
    private long corruptSinceNanos;

    /** What a slot asks of {@link Sessions}. */
    interface SlotOwner {
        /** Whether the server is about to stop, so that no session may open. */
        boolean isShuttingDown();

        void connectionEnded(AgentConnection connection);
    }

    SourceSlot(
            SourceAssignment assignment,
            SessionContext context,
            SourceMemory memory,
            SourceThrottle throttle,
            SlotOwner owner) {
        this.assignment = assignment;
        this.context = context;
        this.memory = memory;
        this.throttle = throttle;
        this.owner = owner;
        this.windowUsedUp = new RunningTime(context.clock());
        this.blocksUnderWay = new RunningTime(context.clock());
        this.record = context.records().load(assignment.sourceServerId()).pruned(assignment);
        this.instances = new InstanceHistory(record.refusedInstances());
    }

    String sourceServerId() {
        return assignment.sourceServerId();
    }

    SourceAssignment assignment() {
        return assignment;
    }

    long committedEpoch() {
        return record.commit().epoch();
    }

    SourceThrottle throttle() {
        return throttle;
    }

    boolean hasSession() {
        return session != null || opening != null;
    }

    // --- HELLO and ATTACH

    void hello(AgentConnection control, Hello hello) throws ProtocolException {
        checkHello(control, hello);
        long now = context.clock().nanos();
        SourceSession older = session;
        if (older != null) {
            older.end("a newer session", new ProtocolException(ErrorCode.STALE_GENERATION, "a newer session opens"));
        }
        Opening superseded = opening;
        if (superseded != null) {
            opening = null;
            superseded.control.fail(new ProtocolException(ErrorCode.STALE_GENERATION, "a newer session opens"));
        }
        long remembered = hello.remembers() == null ? 0 : hello.remembers().generation();
        Opening opened = new Opening(control, hello, Math.max(record.generation(), remembered) + 1, now);
        opening = opened;
        record = withDataGenerations(record.withGeneration(opened.generation), hello);
        fenceNewest();
        store().thenRun(() -> {
            opened.stored = true;
            openIfReady();
        });
    }

    private void checkHello(AgentConnection control, Hello hello) throws ProtocolException {
        if (owner.isShuttingDown()) {
            throw new ProtocolException(ErrorCode.SHUTDOWN, "the server is about to stop");
        }
        if (!hello.versions().contains(ProtocolLimits.VERSION)) {
            throw new ProtocolException(ErrorCode.VERSION, "this server speaks version " + ProtocolLimits.VERSION);
        }
        if (!hello.sourceServerId().equals(sourceServerId())) {
            throw new ProtocolException(ErrorCode.FORBIDDEN, "the certificate is another source server's");
        }
        for (Hello.Disk disk : hello.disks()) {
            VolumeAssignment volume = assignment.volumeOf(disk.deviceName());
            if (volume == null) {
                throw new ProtocolException(ErrorCode.FORBIDDEN, "no volume is assigned to a disk of that deviceName");
            }
            if (volume.sizeBytes() != disk.sizeBytes()) {
                throw new ProtocolException(
                        ErrorCode.RANGE,
                        "a disk of " + disk.sizeBytes() + " bytes, assigned are " + volume.sizeBytes());
            }
        }
        InstanceHistory.Verdict verdict = instances.hello(
                hello.instance(), control.remoteAddress(), context.clock().nanos());
        if (verdict.newlyRefused()) {
            record = record.withRefusedInstances(instances.refused());
            store();
            context.events().duplicateAgent(sourceServerId(), control.remoteAddress(), verdict.otherAddress());
        }
        if (verdict.refused()) {
            throw new ProtocolException(ErrorCode.FORBIDDEN, "duplicate agent");
        }
    }

    private SourceRecord withDataGenerations(SourceRecord from, Hello hello) {
        SourceRecord changed = from;
        for (Hello.Disk disk : hello.disks()) {
            VolumeAssignment volume = assignment.volumeOf(disk.deviceName());
            if (volume != null && !changed.volumes().containsKey(volume.volumeId())) {
                boolean known = hello.remembers() != null && hello.remembers().disk(disk.deviceName()) != null;
                Origin origin = known || record.stateLost() ? Origin.STATE_LOST : Origin.NEW_VOLUME;
                if (origin == Origin.STATE_LOST
                        && context.volumes().find(volume.volumeId()) instanceof Availability.Open open) {
                    open.volume().withdrawFresh();
                }
                changed = changed.withVolume(volume.volumeId(), new VolumeRecord(newDataGen(), origin, null));
            }
        }
        return changed;
    }

    private String newDataGen() {
        byte[] bytes = new byte[16];
        context.random().nextBytes(bytes);
        return HEX.formatHex(bytes);
    }

    /** Nothing of an older session may be queued or running on any volume when the newer session begins. */
    private void fenceNewest() {
        SourceSession older = newest;
        if (older == null || newestFenced) {
            return;
        }
        newestFenced = true;
        for (VolumeAssignment volume : assignment.volumes()) {
            if (context.volumes().find(volume.volumeId()) instanceof Availability.Open open) {
                fencesLeft++;
                open.volume().fence(older, () -> context.eventLoop().execute(this::fenceSettled));
            }
        }
    }

    private void fenceSettled() {
        fencesLeft--;
        openIfReady();
    }

    private void openIfReady() {
        Opening opened = opening;
        if (opened != null && opened.stored && fencesLeft == 0) {
            opening = null;
            open(opened);
        }
    }

    private void open(Opening opened) {
        Hello hello = opened.hello;
        List<SessionVolume> volumes = new ArrayList<>();
        List<Welcome.Volume> told = new ArrayList<>();
        for (Hello.Disk disk : hello.disks()) {
            VolumeAssignment assigned = assignment.volumeOf(disk.deviceName());
            VolumeRecord known = assigned == null ? null : record.volumes().get(assigned.volumeId());
            if (assigned == null || known == null) {
                throw new IllegalStateException("a disk without a volume passed the check of HELLO");
            }
            SessionVolume volume = sessionVolume(volumes.size(), assigned, known);
            volumes.add(volume);
            told.add(welcome(volume, known, hello));
        }
        int streams = streamCount(hello.streams(), volumes.size());
        List<String> features = Features.granted(hello.features());
        SourceSession opensNow =
                new SourceSession(this, opened.control, opened.generation, volumes, streams, features, context, memory);
        session = opensNow;
        newest = opensNow;
        newestFenced = false;
        opened.control.opened(opensNow);
        SessionSettings settings = context.settings();
        opened.control.send(
                FrameType.WELCOME,
                new Welcome(
                        ProtocolLimits.VERSION,
                        features,
                        opened.generation,
                        streams,
                        settings.regionShift(),
                        new Welcome.Limits(
                                ProtocolLimits.JSON_BYTES_MAX,
                                settings.controlFramesPerSecond(),
                                settings.controlFramesBurst(),
                                (int) settings.attachTimeout().toMillis()),
                        told));
        context.events().sessionOpened(sourceServerId(), opened.generation, opened.control.remoteAddress(), streams);
    }

    private SessionVolume sessionVolume(int index, VolumeAssignment assigned, VolumeRecord known) {
        Availability availability = context.volumes().find(assigned.volumeId());
        return switch (availability) {
            case Availability.Unavailable none -> new SessionVolume(index, assigned, null, none.reason());
            case Availability.Open open -> new SessionVolume(index, assigned, open.volume(), known.failedCause());
        };
    }

    /** Fewer streams than wanted where the smallest windows of all of them would not fit the source server's share. */
    private int streamCount(int wanted, int volumeCount) {
        long fit = memory.shareBytes() / ((long) volumeCount * ProtocolLimits.WINDOW_BYTES_MIN);
        return Math.clamp(fit, 1, Math.min(wanted, context.settings().streamsMax()));
    }

    private Welcome.Volume welcome(SessionVolume volume, VolumeRecord known, Hello hello) {
        VolumeAssignment assigned = volume.assignment;
        boolean fresh = volume.volume != null && volume.volume.isFresh();
        Welcome.Action action = Welcome.Action.RESUME;
        String reason = "NONE";
        Hello.Remembered remembers = hello.remembers();
        Hello.RememberedDisk remembered = remembers == null ? null : remembers.disk(assigned.deviceName());
        String failure = volume.failure;
        if (failure != null) {
            action = Welcome.Action.FAILED;
            reason = failure;
        } else if (remembers == null || remembered == null) {
            action = Welcome.Action.RESCAN;
            reason = record.commit().epoch() == 0 ? known.origin().name() : "AGENT_REMEMBERS_NOTHING";
        } else if (!remembered.dataGen().equals(known.dataGen())) {
            action = Welcome.Action.RESCAN;
            reason = known.origin() == Origin.NEW_VOLUME
                    ? "DATA_GENERATION_DIFFERS"
                    : known.origin().name();
        } else if (remembers.generation() < record.writtenGeneration()
                || remembered.committedEpoch() < record.commit().previousEpoch()) {
            action = Welcome.Action.RESCAN;
            reason = "AGENT_BEHIND";
        } else if (record.commit().epoch() < remembered.committedEpoch()) {
            action = Welcome.Action.RESCAN;
            reason = "EPOCH_BEHIND";
        }
        return new Welcome.Volume(
                volume.index,
                assigned.volumeId(),
                assigned.deviceName(),
                assigned.sizeBytes(),
                ProtocolLimits.SECTOR_BYTES,
                known.dataGen(),
                record.commit().epoch(),
                fresh,
                action,
                reason);
    }

    void attach(AgentConnection connection, FrameHeader header, Attach attach) throws ProtocolException {
        SourceSession current = session;
        if (attach.generation() < record.generation()) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.STALE_GENERATION,
                    "generation=" + attach.generation() + ", the newest is " + record.generation());
        }
        if (current == null || current.generation() != attach.generation()) {
            throw ProtocolException.at(
                    header, ErrorCode.STATE, "generation=" + attach.generation() + " has no open session");
        }
        current.attach(connection, header, attach);
    }

    void bye(AgentConnection control) {
        SourceSession current = session;
        if (current != null && current.control() == control) {
            current.finish("BYE");
        } else {
            control.end("BYE");
        }
    }

    // --- the record

    private CompletionStage<Void> store() {
        return context.records().store(sourceServerId(), record);
    }

    CompletionStage<Void> storeCommit(long epoch, boolean fuzzy, long markTimeMillis) {
        record = record.withCommit(epoch, fuzzy, markTimeMillis);
        return store();
    }

    /** Whether the record says already that the session of this generation may write. */
    boolean isWriter(long generation) {
        return record.writtenGeneration() == generation;
    }

    CompletionStage<Void> storeWriter(long generation) {
        record = record.withWriter(generation);
        return store();
    }

    /** Takes note of the first block ever; it is stored with the next change of the record. */
    void blockArrived() {
        if (record.firstByteMillis() == 0) {
            record = record.withFirstByte(context.clock().millis());
        }
    }

    // --- events

    /** Says how many connections there are now. */
    int connectionAccepted() {
        return ++connections;
    }

    void connectionEnded(AgentConnection connection) {
        connections--;
        memory.forget(connection);
        if (opening != null && opening.control == connection) {
            opening = null;
        }
        owner.connectionEnded(connection);
    }

    void sessionEnded(SourceSession ended, String reason) {
        if (session == ended) {
            session = null;
        }
        context.events().sessionEnded(sourceServerId(), ended.generation(), reason);
    }

    void corruptBlock() {
        long now = context.clock().nanos();
        if (corruptBlocks == 0 || now - corruptSinceNanos > CORRUPTION_WINDOW_NANOS) {
            corruptBlocks = 0;
            corruptSinceNanos = now;
        }
        corruptBlocks++;
        if (corruptBlocks == CORRUPT_BLOCKS_TOLD) {
            context.events().repeatedCorruption(sourceServerId(), corruptBlocks);
        }
    }

    void volumeFailed(VolumeFailure failure) {
        String volumeId = failure.volumeId().value();
        VolumeRecord known = record.volumes().get(volumeId);
        context.events().volumeFailed(sourceServerId(), failure);
        if (known != null) {
            String cause = failure.summary();
            record = record.withVolume(volumeId, new VolumeRecord(known.dataGen(), known.origin(), cause));
            store().thenRun(() -> {
                if (session != null) {
                    session.volumeFailed(volumeId, cause);
                }
            });
        }
    }

    /**
     * Opens a volume that has failed or could not be opened; the session begins again so that the agent learns of it. After a failure
     * nobody knows what the volume holds, so it gets a new data generation.
     */
    CompletionStage<Availability> reopen(VolumeAssignment volume) {
        String id = volume.volumeId();
        VolumeRecord known = record.volumes().get(id);
        boolean failed = known != null && known.failedCause() != null;
        if (!failed && context.volumes().find(id) instanceof Availability.Open) {
            return CompletableFuture.completedStage(new Availability.Unavailable("it has not failed"));
        }
        if (!reopening.add(id)) {
            return CompletableFuture.completedStage(new Availability.Unavailable("it is being reopened"));
        }
        if (failed) {
            record = record.withVolume(id, new VolumeRecord(newDataGen(), Origin.VOLUME_REOPENED, null));
        }
        return store().thenCompose(stored -> context.volumes().reopen(volume)).thenApply(availability -> {
            reopening.remove(id);
            if (session != null) {
                session.goAway("VOLUME_REOPENED");
            }
            return availability;
        });
    }

    /** An operator has chosen: every instance may open a session again. */
    void acceptAgents() {
        instances.acceptAll();
        record = record.withRefusedInstances(List.of());
        store();
    }

    SourceClocks clocks() {
        busiest.look(assignment.volumes(), context.volumes());
        return new SourceClocks(
                throttle.pausedNanos(),
                memory.pausedNanos(),
                windowUsedUp.nanos(),
                blocksUnderWay.nanos(),
                busiest.deviceNanos(),
                busiest.expandNanos());
    }

    void tick(long nowNanos) {
        busiest.look(assignment.volumes(), context.volumes());
        if (session != null) {
            session.tick(nowNanos);
        }
        Opening waits = opening;
        long intervalNanos = context.settings().progressInterval().toNanos();
        if (waits != null && nowNanos - waits.progressNanos > intervalNanos) {
            waits.progressNanos = nowNanos;
            waits.control.send(
                    FrameType.PROGRESS, new Progress(Progress.WaitingFor.FENCING, fencedVolumes(waits.hello)));
        }
    }

    private List<Progress.Volume> fencedVolumes(Hello hello) {
        List<Progress.Volume> waiting = new ArrayList<>();
        for (int i = 0; i < hello.disks().size(); i++) {
            VolumeAssignment assigned = assignment.volumeOf(hello.disks().get(i).deviceName());
            if (assigned != null && context.volumes().find(assigned.volumeId()) instanceof Availability.Open open) {
                Volume volume = open.volume();
                waiting.add(new Progress.Volume(i, volume.queuedBytes(), volume.runningNanos() / 1_000_000, null));
            }
        }
        return waiting;
    }

    void goAway(String reason) {
        if (session != null) {
            session.goAway(reason);
        }
        if (opening != null) {
            opening.control.fail(new ProtocolException(ErrorCode.SHUTDOWN, "the server is about to stop"));
        }
    }

    void finish() {
        if (session != null) {
            session.finish("the server is about to stop");
        }
    }
}
