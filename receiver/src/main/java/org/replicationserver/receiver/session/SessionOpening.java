package org.replicationserver.receiver.session;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Volume;

/**
 * A session that is about to open, from HELLO to WELCOME: it waits for the record to be stored, with its generation and what was found
 * in volumes that were opened meanwhile, for the older session's writes to end, and, though not for ever, for volumes that are being
 * opened. Event loop only.
 */
final class SessionOpening {
    /** A WELCOME waits so long for volumes that are being opened; later ones are told by GOAWAY. */
    private static final long VOLUMES_WAIT_NANOS = 10_000_000_000L;

    final AgentConnection control;
    private final SourceSlot slot;
    private final SessionContext context;
    private final Hello hello;
    private final long generation;

    /** Of the disks of its HELLO, in their order. */
    private final List<VolumeAssignment> assigned;

    private final long beganNanos;
    private long progressNanos;

    /** Volumes that got another data generation because of it. */
    private final Set<String> begunAnew = new HashSet<>();

    /** Its generation is stored, and no write of the older session is queued or running. */
    boolean mayWrite;

    /** @param hello whose disks are assigned */
    SessionOpening(SourceSlot slot, AgentConnection control, Hello hello, long generation) {
        this.slot = slot;
        this.context = slot.context;
        this.control = control;
        this.hello = hello;
        this.generation = generation;
        this.assigned = hello.disks().stream()
                .map(disk -> Objects.requireNonNull(slot.volumes.assignment().volumeOf(disk.deviceName())))
                .toList();
        this.beganNanos = context.clock().nanos();
        this.progressNanos = beganNanos;
    }

    /** Whether its disks have the same volumes under this assignment. */
    boolean fits(SourceAssignment assignment) {
        return assigned.stream()
                .allMatch(volume -> assignment.volumes().stream().anyMatch(volume::isSame));
    }

    boolean isReady() {
        long waitedNanos = context.clock().nanos() - beganNanos;
        return mayWrite && slot.record.isDurable() && (!slot.volumes.isChanging() || waitedNanos > VOLUMES_WAIT_NANOS);
    }

    /**
     * Of a volume that is not open, or that its HELLO does not name, an agent that is behind cannot be told so; and next time it remembers
     * this session, which is newer than what was written without its knowledge. So what it remembers of these volumes is made to hold no more.
     *
     * @return whether that has to be stored first
     */
    boolean beginsUntoldAnew() {
        if (!ResumeRule.isBehind(slot.record.now(), hello.remembers())) {
            return false;
        }
        Set<String> untold = new HashSet<>(slot.record.now().volumes().keySet());
        untold.removeAll(begunAnew);
        assigned.stream()
                .filter(volume -> failureOf(volume) == null)
                .map(VolumeAssignment::volumeId)
                .forEach(untold::remove);
        if (untold.isEmpty()) {
            return false;
        }
        begunAnew.addAll(untold);
        control.endsWith(slot.record.rescan(untold, Origin.AGENT_BEHIND));
        return true;
    }

    /** Why a volume takes no writes, in words; null if it does. */
    private @Nullable String failureOf(VolumeAssignment of) {
        String failed = slot.record.now().failedCause(of.volumeId());
        if (failed != null || slot.volumes.openAs(of) != null) {
            return failed;
        }
        return slot.volumes.find(of) instanceof Availability.Unavailable none
                ? none.reason()
                : "it is about to be opened as it is assigned now";
    }

    /** Begins the session and tells the agent of it. */
    void open() {
        List<SessionVolume> volumes = new ArrayList<>();
        List<Welcome.Volume> told = new ArrayList<>();
        for (VolumeAssignment of : assigned) {
            VolumeRecord known = Objects.requireNonNull(slot.record.volume(of.volumeId()), "recorded at HELLO");
            SessionVolume volume = new SessionVolume(volumes.size(), of, slot.volumes.openAs(of), failureOf(of));
            volumes.add(volume);
            told.add(welcome(volume, known));
        }
        int streams = streamCount(hello.streams(), volumes.size());
        List<String> features = Features.granted(hello.features());
        SourceSession session = new SourceSession(slot, control, generation, volumes, streams, features);
        slot.sessionOpened(session);
        control.opened(session);
        SessionSettings settings = context.settings();
        control.send(
                FrameType.WELCOME,
                new Welcome(
                        ProtocolLimits.VERSION,
                        features,
                        generation,
                        streams,
                        settings.regionShift(),
                        new Welcome.Limits(
                                ProtocolLimits.JSON_BYTES_MAX,
                                settings.controlFramesPerSecond(),
                                settings.controlFramesBurst(),
                                (int) settings.attachTimeout().toMillis()),
                        told));
        context.events().sessionOpened(slot.sourceServerId, generation, control.remoteAddress(), streams, told);
        if (slot.hold.awaitsCommit()) {
            session.requestCommit();
        }
    }

    /** Fewer streams than wanted where the smallest windows of all of them would not fit the source server's share. */
    private int streamCount(int wanted, int volumeCount) {
        long fit = slot.memory.shareBytes() / ((long) volumeCount * ProtocolLimits.WINDOW_BYTES_MIN);
        return Math.clamp(fit, 1, Math.min(wanted, context.settings().streamsMax()));
    }

    private Welcome.Volume welcome(SessionVolume volume, VolumeRecord known) {
        VolumeAssignment of = volume.assignment;
        SourceRecord record = slot.record.now();
        String failure = volume.failure;
        ResumeRule.Answer answer = failure == null
                ? ResumeRule.of(record, known, hello.remembers(), of.deviceName())
                : new ResumeRule.Answer(Welcome.Action.FAILED, failure);
        return new Welcome.Volume(
                volume.index,
                of.volumeId(),
                of.deviceName(),
                of.sizeBytes(),
                ProtocolLimits.SECTOR_BYTES,
                known.dataGen(),
                record.commit().epoch(),
                volume.volume != null && volume.volume.isFresh(),
                answer.action(),
                answer.reason());
    }

    /** Tells the agent what it waits for, now and then. */
    void tick(long nowNanos) {
        if (nowNanos - progressNanos > context.settings().progressInterval().toNanos()) {
            progressNanos = nowNanos;
            control.send(FrameType.PROGRESS, new Progress(Progress.WaitingFor.FENCING, fencedVolumes()));
        }
    }

    private List<Progress.Volume> fencedVolumes() {
        List<Progress.Volume> waiting = new ArrayList<>();
        for (int i = 0; i < assigned.size(); i++) {
            if (slot.volumes.find(assigned.get(i)) instanceof Availability.Open open) {
                Volume volume = open.volume();
                waiting.add(new Progress.Volume(i, volume.queuedBytes(), volume.runningNanos() / 1_000_000, null));
            }
        }
        return waiting;
    }
}
