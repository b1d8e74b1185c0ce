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
    private static final String LEAVING = "this source server is being taken from this server";

    /** A WELCOME waits so long for volumes that are being opened; later ones are told by GOAWAY. */
    private static final long VOLUMES_WAIT_NANOS = 10_000_000_000L;

    /** A HELLO that waits for its generation to be stored and for the older session's writes to end. */
    private static final class Opening {
        final AgentConnection control;
        final Hello hello;
        final long generation;
        final long beganNanos;
        boolean stored;
        long progressNanos;

        Opening(AgentConnection control, Hello hello, long generation, long nowNanos) {
            this.control = control;
            this.hello = hello;
            this.generation = generation;
            this.beganNanos = nowNanos;
            this.progressNanos = nowNanos;
        }
    }

    private final SessionContext context;
    private final SourceMemory memory;
    private final InstanceHistory instances;
    private final SlotOwner owner;
    private final SlotVolumes volumes;
    private final SourceThrottle throttle;
    private final BusiestVolume busiest = new BusiestVolume();

    /** Some volume of it on some stream has less than a largest block of its window left. */
    final RunningTime windowUsedUp;

    /** Some block of it is with a volume. */
    final RunningTime blocksUnderWay;

    private SourceAssignment assignment;
    private SourceRecord record;
    private DesiredState desiredState;

    /** The source server is about to be another server's. */
    private boolean leaving;

    private @Nullable SourceSession session;

    /** The newest session that was opened, ended or not: the one whose writes may still be under way. */
    private @Nullable SourceSession newest;

    /** Whether its volumes are fenced, once for all who wait for that, and how many of the fences have not settled. */
    private boolean newestFenced;

    private int fencesLeft;

    private @Nullable Opening opening;
    private final List<CompletableFuture<Void>> sessionEndWaiters = new ArrayList<>();
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

    /** A slot without volumes; {@link #assign} gives it some. */
    SourceSlot(
            String sourceServerId,
            DesiredState desiredState,
            SourceRecord record,
            SessionContext context,
            SourceMemory memory,
            SourceThrottle throttle,
            SlotOwner owner) {
        this.assignment = new SourceAssignment(sourceServerId, List.of());
        this.desiredState = desiredState;
        this.record = record;
        this.context = context;
        this.memory = memory;
        this.throttle = throttle;
        this.owner = owner;
        this.windowUsedUp = new RunningTime(context.clock());
        this.blocksUnderWay = new RunningTime(context.clock());
        this.instances = new InstanceHistory(record.refusedInstances());
        this.volumes = new SlotVolumes(context.volumes(), new VolumesOwner());
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

    SourceRecord record() {
        return record;
    }

    void setShareBytes(long shareBytes) {
        memory.setShareBytes(shareBytes);
    }

    // --- the assignment

    /** Takes over an assignment; done when every volume that came was opened or cannot be. */
    CompletionStage<Void> assign(SourceAssignment to) {
        List<VolumeAssignment> from = assignment.volumes();
        assignment = to;
        record = record.pruned(to);
        context.events().assigned(to, desiredState, record);
        CompletionStage<Void> changed = volumes.change(from, to.volumes());
        if (volumes.isChanging()) {
            askToFinish("ASSIGNMENT_CHANGED");
        }
        return changed.thenRun(this::openIfReady);
    }

    /** Ends the session softly and closes all volumes; done when another server may have them. */
    CompletionStage<Void> leave() {
        leaving = true;
        refuseOpening(new ProtocolException(ErrorCode.SHUTDOWN, LEAVING));
        return assign(new SourceAssignment(sourceServerId(), List.of()));
    }

    void setDesiredState(DesiredState wanted) {
        if (wanted == desiredState) {
            return;
        }
        desiredState = wanted;
        context.events().desired(sourceServerId(), wanted);
        if (wanted != DesiredState.STARTED) {
            refuseOpening(notStarted());
            askToFinish(wanted.name());
        }
    }

    private void askToFinish(String reason) {
        if (session != null) {
            session.goAway(reason);
        }
    }

    private void refuseOpening(ProtocolException why) {
        if (opening != null) {
            opening.control.fail(why);
        }
    }

    private ProtocolException notStarted() {
        return new ProtocolException(
                ErrorCode.PAUSED, "replication of this source server is " + desiredState + "; come back later");
    }

    /** What the changes of volumes ask. */
    private final class VolumesOwner implements SlotVolumes.Owner {
        @Override
        public CompletionStage<Void> whenNoSession() {
            CompletableFuture<Void> ended = new CompletableFuture<>();
            if (session == null) {
                ended.complete(null);
            } else {
                sessionEndWaiters.add(ended);
            }
            return ended;
        }

        @Override
        public CompletionStage<Void> whenSettled(String volumeId) {
            CompletableFuture<Void> settled = new CompletableFuture<>();
            if (newest != null && context.volumes().find(volumeId) instanceof Availability.Open open) {
                open.volume().fence(newest, () -> context.eventLoop().execute(() -> settled.complete(null)));
            } else {
                settled.complete(null);
            }
            return settled;
        }

        @Override
        public CompletionStage<Void> forget(String volumeId) {
            if (!record.volumes().containsKey(volumeId)) {
                return CompletableFuture.completedStage(null);
            }
            record = record.withoutVolume(volumeId);
            return store();
        }

        @Override
        public boolean mayOpen(String volumeId) {
            String cause = failedCause(volumeId);
            if (cause != null) {
                context.events().volumeLeftClosed(sourceServerId(), volumeId, cause);
            }
            return cause == null
                    && assignment.volumes().stream()
                            .anyMatch(volume -> volume.volumeId().equals(volumeId));
        }

        @Override
        public boolean isUntouched(String volumeId) {
            return !record.stateLost() && !record.volumes().containsKey(volumeId);
        }

        @Override
        public void opened(String volumeId, Availability availability) {
            tellOpened(volumeId, availability);
            if (session != null && availability instanceof Availability.Open) {
                session.goAway("VOLUME_REOPENED");
            }
        }
    }

    private void tellOpened(String volumeId, Availability availability) {
        switch (availability) {
            case Availability.Open _ -> context.events().volumeOpened(sourceServerId(), volumeId);
            case Availability.Unavailable none ->
                context.events().volumeUnavailable(sourceServerId(), volumeId, none.reason());
        }
    }

    private @Nullable String failedCause(String volumeId) {
        VolumeRecord known = record.volumes().get(volumeId);
        return known == null ? null : known.failedCause();
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
            older.end(
                    "a newer session",
                    SessionEndCause.SERVER_ENDED,
                    new ProtocolException(ErrorCode.STALE_GENERATION, "a newer session opens"));
        }
        Opening superseded = opening;
        if (superseded != null) {
            opening = null;
            superseded.control.fail(new ProtocolException(ErrorCode.STALE_GENERATION, "a newer session opens"));
        }
        long remembered = hello.remembers() == null ? 0 : hello.remembers().generation();
        Opening opened = new Opening(control, hello, Math.max(record.generation(), remembered) + 1, now);
        opening = opened;
        record = withDataGenerations(record.met(hello, assignment).withGeneration(opened.generation), hello);
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
        if (leaving) {
            throw new ProtocolException(ErrorCode.SHUTDOWN, LEAVING);
        }
        if (desiredState != DesiredState.STARTED) {
            throw notStarted();
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
        if (opened == null || !opened.stored || fencesLeft > 0) {
            return;
        }
        long waitedNanos = context.clock().nanos() - opened.beganNanos;
        if (!volumes.isChanging() || waitedNanos > VOLUMES_WAIT_NANOS) {
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
        context.events()
                .sessionOpened(sourceServerId(), opened.generation, opened.control.remoteAddress(), streams, told);
    }

    private SessionVolume sessionVolume(int index, VolumeAssignment assigned, VolumeRecord known) {
        Availability availability = context.volumes().find(assigned.volumeId());
        return switch (availability) {
            case Availability.Unavailable none ->
                new SessionVolume(
                        index, assigned, null, known.failedCause() == null ? none.reason() : known.failedCause());
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
        String failure = volume.failure;
        ResumeRule.Answer answer = failure == null
                ? ResumeRule.of(record, known, hello.remembers(), assigned.deviceName())
                : new ResumeRule.Answer(Welcome.Action.FAILED, failure);
        return new Welcome.Volume(
                volume.index,
                assigned.volumeId(),
                assigned.deviceName(),
                assigned.sizeBytes(),
                ProtocolLimits.SECTOR_BYTES,
                known.dataGen(),
                record.commit().epoch(),
                fresh,
                answer.action(),
                answer.reason());
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
            control.end("BYE", SessionEndCause.AGENT_LEFT);
        }
    }

    // --- the record

    private CompletionStage<Void> store() {
        return context.records().store(sourceServerId(), record);
    }

    /** Done with the record that was stored. */
    CompletionStage<SourceRecord> storeCommit(long epoch, boolean fuzzy, long markTimeMillis) {
        SourceRecord committed = record.withCommit(epoch, fuzzy, markTimeMillis);
        record = committed;
        return store().thenApply(stored -> committed);
    }

    /** Whether the record says already that the session of this generation may write. */
    boolean isWriter(long generation) {
        return record.writtenGeneration() == generation;
    }

    CompletionStage<Void> storeWriter(long generation) {
        record = record.withWriter(generation);
        SourceRecord stored = record;
        return store().thenRun(() -> context.events().writerStored(sourceServerId(), stored));
    }

    /** Takes note of the first block ever; it is stored with the next change of the record. */
    void blockArrived() {
        if (record.firstByteMillis() == 0) {
            record = record.withFirstByte(context.clock().millis());
            context.events().firstByteReceived(sourceServerId());
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

    void sessionEnded(SourceSession ended, String reason, SessionEndCause cause) {
        if (session == ended) {
            session = null;
            List<CompletableFuture<Void>> waiters = List.copyOf(sessionEndWaiters);
            sessionEndWaiters.clear();
            waiters.forEach(waiter -> waiter.complete(null));
        }
        context.events().sessionEnded(sourceServerId(), ended.generation(), reason, cause);
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
            tellOpened(id, availability);
            if (session != null) {
                session.goAway("VOLUME_REOPENED");
            }
            return availability;
        });
    }

    /**
     * Makes the agent send whole disks again: nothing that it remembers of them holds any more.
     *
     * @return done when that is stored
     */
    CompletionStage<Void> rescan(Set<String> volumeIds) {
        for (String id : volumeIds) {
            VolumeRecord known = record.volumes().get(id);
            if (known != null) {
                record = record.withVolume(
                        id, new VolumeRecord(newDataGen(), Origin.RESCAN_REQUESTED, known.failedCause()));
            }
        }
        return store().thenRun(() -> askToFinish("RESCAN_REQUESTED"));
    }

    /** An operator has chosen: every instance may open a session again. */
    void acceptAgents() {
        instances.acceptAll();
        record = record.withRefusedInstances(List.of());
        store();
        context.events().agentsAccepted(sourceServerId());
    }

    SourceClocks clocks() {
        busiest.look(assignment.volumes(), context.volumes());
        return new SourceClocks(
                throttle.pausedNanos(),
                memory.pausedNanos(),
                windowUsedUp.nanos(),
                blocksUnderWay.nanos(),
                blocksUnderWay.running(),
                busiest.deviceNanos(),
                busiest.expandNanos());
    }

    void tick(long nowNanos) {
        busiest.look(assignment.volumes(), context.volumes());
        if (session != null) {
            session.tick(nowNanos);
        }
        openIfReady();
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

    void shutdown() {
        askToFinish("SHUTDOWN");
        refuseOpening(new ProtocolException(ErrorCode.SHUTDOWN, "the server is about to stop"));
    }

    void finish() {
        if (session != null) {
            session.finish("the server is about to stop");
        }
    }
}
