package org.replicationserver.agent;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.RescanReason;
import org.replicationserver.receiver.protocol.Welcome;

/**
 * All disks of a source server: which the server is offered, which are left out and why, and what becomes of one that comes, goes or has
 * another size. A state machine without I/O. Event loop only.
 *
 * <p>A disk that cannot be replicated would hold back every commit, so it is left out of the sessions that follow and the others go on: its
 * volume takes no writes, the server refuses it, or it cannot be read. It is offered again between epochs, after a while, when the
 * server says that a volume was reopened or the assignment has changed, and when it can be read again or has another size.
 *
 * <p>An open session hears of another assignment, but not of one that came before it was open and after the refusal. So refused disks are
 * offered again soon, and then after longer and longer pauses; all together, because each offer costs the others a session.
 */
final class ReplicatedDisks {
    /** From a volume's failure, or that of a read, until the disk is offered again. */
    static final long OFFER_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** Of more that are left out only the number is told. */
    private static final int FAILURES_TOLD_MAX = 8;

    /** The reason of RESCAN with which nothing can be equal but by chance: nobody has written to the volume. */
    private static final String NEW_VOLUME = "NEW_VOLUME";

    private final ReplicationPlan plan;
    private final AgentIo io;
    private final List<ReplicatedDisk> disks;

    /** What the last opening of the source found, for disks that are there only while it is open; empty before the first. */
    private List<DiskLook> atOpening = List.of();

    private final Backoff refusedPauses;

    /** When it is time to offer those again that were refused. */
    private long refusedUntilNanos;

    ReplicatedDisks(ReplicationPlan plan, AgentIo io, RandomGenerator random) {
        this.plan = plan;
        this.io = io;
        this.disks = IntStream.range(0, plan.disks().size())
                .mapToObj(i -> new ReplicatedDisk(i, plan.disks().get(i)))
                .toList();
        this.refusedPauses = Backoff.ofRefusedDisks(random);
        this.refusedUntilNanos = io.nanoTime();
    }

    /** In their order, left out or not. */
    List<ReplicatedDisk> all() {
        return disks;
    }

    // --- what looks at them find

    /** What they are between sessions. */
    void seen(List<DiskLook> looks, VerificationLog verifications) {
        for (int i = 0; i < looks.size(); i++) {
            seen(disks.get(i), look(i, looks.get(i)), verifications);
        }
    }

    /** What a mark command makes is there only while the source is open, so the last opening counts. */
    private DiskLook look(int disk, DiskLook now) {
        boolean asAtOpening = plan.marked() && now.failure() != null && !now.silent();
        if (!asAtOpening) {
            return now;
        }
        // Where none was read then, nothing but another session brings about another opening.
        boolean wasSilent = !atOpening.isEmpty()
                && atOpening.get(disk).silent()
                && atOpening.stream().noneMatch(look -> look.failure() == null);
        ReplicationPlan.Disk known = disks.get(disk).spec;
        return atOpening.isEmpty() || wasSilent
                ? DiskLook.readable(known.sizeBytes(), known.blockSizeBytes())
                : atOpening.get(disk);
    }

    private void seen(ReplicatedDisk disk, DiskLook look, VerificationLog verifications) {
        String name = disk.spec.deviceName();
        String failure = look.failure();
        if (failure != null) {
            LeftOut reason = look.silent() ? LeftOut.SILENT : LeftOut.NOT_READABLE;
            if (!disk.isLeftOut(reason, failure)) {
                leaveOut(disk, reason, failure, 0, "it is taken in again when it can be read");
            }
            return;
        }
        if (!disk.isReadable()) {
            io.event(AgentEvent.state(name + ": can be read again"));
            disk.readable();
        }
        long before = disk.spec.sizeBytes();
        if (look.sizeBytes() != before) {
            boolean grown = look.sizeBytes() > before;
            io.event(AgentEvent.state(name + ": has " + (grown ? "grown" : "shrunk") + " from " + before + " to "
                    + look.sizeBytes() + " bytes" + (grown ? "; what is new will be sent" : "")));
            verifications.resize(disk, look).forEach(io::event);
            disk.offerAgain(io.nanoTime());
        }
    }

    /** What they are in a source that was opened; says which have another size than the session goes by, came or went. */
    List<String> opened(List<DiskLook> looks) {
        atOpening = looks;
        List<String> changed = new ArrayList<>();
        for (int i = 0; i < looks.size(); i++) {
            ReplicatedDisk disk = disks.get(i);
            DiskLook look = looks.get(i);
            boolean cameOrWent = disk.isReadable() != (look.failure() == null);
            boolean resized = look.failure() == null && look.sizeBytes() != disk.spec.sizeBytes();
            if (cameOrWent || resized) {
                changed.add(disk.spec.deviceName());
            }
        }
        return changed;
    }

    // --- leaving out

    /** A read of a disk that was open failed; says whether that is news. */
    boolean readFailed(ReplicatedDisk disk, String text) {
        boolean news = !disk.isLeftOut(); // other reads of it fail too
        if (news) {
            leaveOut(disk, LeftOut.READ_FAILED, text, OFFER_AGAIN_NANOS, "it is tried again in a minute");
        }
        return news;
    }

    /** The volume takes no writes. */
    void volumeFailed(ReplicatedDisk disk, String volumeId, String why) {
        boolean known = disk.isLeftOut(LeftOut.VOLUME_FAILED, why);
        disk.leaveOut(LeftOut.VOLUME_FAILED, why, io.nanoTime() + OFFER_AGAIN_NANOS);
        String name = disk.spec.deviceName();
        if (known) {
            io.event(AgentEvent.state(name + ": volume " + volumeId + " still takes no writes"));
        } else {
            io.event(AgentEvent.warning(name + ": volume " + volumeId + " takes no writes: " + why
                    + "; this disk is left out and the others go on; " + Advice.reopen(plan, volumeId)));
        }
    }

    /**
     * The server refuses a HELLO because of one of its disks: what follows the end of this session.
     *
     * @param hadSession whether any session was open before, so that this agent is not simply unknown
     */
    SessionEnd refused(ReplicatedDisk disk, ErrorCode code, String text, boolean hadSession) {
        long now = io.nanoTime();
        if (now - refusedUntilNanos >= 0) {
            refusedUntilNanos = now + refusedPauses.nextNanos();
        }
        LeftOut reason = code == ErrorCode.RANGE ? LeftOut.OTHER_SIZE : LeftOut.NOT_ASSIGNED;
        if (disk.isLeftOut(reason, text)) {
            disk.leaveOut(reason, text, refusedUntilNanos);
            io.event(AgentEvent.state(disk.spec.deviceName() + ": is still refused"));
        } else {
            boolean differs = reason == LeftOut.OTHER_SIZE;
            String advice = differs ? Advice.otherSize(plan, disk.spec) : Advice.notAssigned(plan);
            leaveOut(disk, reason, text, refusedUntilNanos - now, advice);
        }
        if (disks.stream().anyMatch(other -> other.isOffered(now))) {
            // No disk is refused twice before its time is over.
            return SessionEnd.smaller("the session begins anew without " + disk.spec.deviceName());
        }
        boolean noneAssigned = disks.stream().allMatch(other -> other.leftOut() == LeftOut.NOT_ASSIGNED);
        if (noneAssigned && !hadSession && !plan.hasControlPlane()) {
            return SessionEnd.never(AgentOutcome.Exit.FORBIDDEN, Advice.forbidden(plan, text));
        }
        offerRefusedAgain(); // and no other: one that cannot be read would be opened and fail without a pause
        return SessionEnd.await("no disk can be replicated: " + failures());
    }

    private String failures() {
        List<ReplicatedDisk> out =
                disks.stream().filter(ReplicatedDisk::isLeftOut).toList();
        String told = out.stream()
                .limit(FAILURES_TOLD_MAX)
                .map(disk -> disk.spec.deviceName() + ": " + disk.failure())
                .collect(Collectors.joining("; "));
        int more = out.size() - FAILURES_TOLD_MAX;
        return more > 0 ? told + "; and " + more + " more" : told;
    }

    /** Nothing else is known of it but that the others can go on without it. */
    private void leaveOut(ReplicatedDisk disk, LeftOut reason, String why, long pauseNanos, String advice) {
        disk.leaveOut(reason, why, io.nanoTime() + pauseNanos);
        io.event(AgentEvent.warning(disk.spec.deviceName() + ": " + disk.failure()
                + (disks.size() == 1 ? "; " : "; this disk is left out and the others go on; ") + advice));
    }

    // --- offering

    /** Those of a session that begins now: whose volumes take writes, as far as is known, or all if there are none. */
    List<ReplicatedDisk> offered() {
        long now = io.nanoTime();
        List<ReplicatedDisk> offered =
                disks.stream().filter(disk -> disk.isOffered(now)).toList();
        return offered.isEmpty()
                ? disks.stream().filter(ReplicatedDisk::isReadable).toList()
                : offered;
    }

    /** What the server is told of them that they were in sessions before. */
    static List<Hello.RememberedDisk> remembered(List<ReplicatedDisk> offered, long committedEpoch) {
        return offered.stream()
                .map(disk -> disk.remembered(committedEpoch))
                .filter(Objects::nonNull)
                .toList();
    }

    /**
     * The server's answer for one of them. Says whether something is to be sent, or compared, that does not wait for the next cycle.
     *
     * @param compares whether hashes are compared in this session
     */
    boolean welcomed(ReplicatedDisk disk, Welcome.Volume volume, boolean compares) {
        String name = disk.spec.deviceName();
        if (volume.action() == Welcome.Action.FAILED) {
            volumeFailed(disk, volume.volumeId(), volume.reason());
            return false;
        }
        if (disk.leftOut() == LeftOut.VOLUME_FAILED) {
            io.event(AgentEvent.state(name + ": volume " + volume.volumeId() + " takes writes again"));
        }
        boolean known = volume.action() == Welcome.Action.RESUME && disk.isContent(volume.dataGen());
        String reason = volume.action() == Welcome.Action.RESCAN ? volume.reason() : "DATA_GENERATION_DIFFERS";
        if (known) {
            io.event(AgentEvent.state(name + ": resumes"));
        } else if (compares && !reason.equals(NEW_VOLUME)) {
            disk.map.unknownAll();
            io.event(AgentEvent.state(
                    name + ": compares with its volume and sends what differs (" + RescanReason.inWords(reason) + ")"));
        } else {
            disk.map.dirtyAll();
            io.event(AgentEvent.state(name + ": sends everything (" + RescanReason.inWords(reason) + ")"));
        }
        if (!compares) {
            disk.map.dirtyUnknown();
        }
        boolean isBehind = disk.isBehind() && disk.map.nextPending(0) >= 0;
        disk.healthy(volume.dataGen());
        return !known || isBehind;
    }

    /** The server says that some volume takes writes again, or that others are assigned. */
    void offerAllAgain() {
        refusedPauses.reset();
        refusedUntilNanos = io.nanoTime();
        disks.forEach(disk -> disk.offerAgain(io.nanoTime()));
    }

    /** The assignment may have changed without a word. */
    void offerRefusedAgain() {
        disks.stream().filter(ReplicatedDisk::isRefused).forEach(disk -> disk.offerAgain(io.nanoTime()));
    }

    /** Whether it is time to offer one again that is left out. */
    boolean isAnyDue() {
        long now = io.nanoTime();
        return disks.stream().anyMatch(disk -> disk.isLeftOut() && disk.isOffered(now));
    }

    boolean isNoneReadable() {
        return disks.stream().allMatch(ReplicatedDisk::isUnreadable);
    }

    /** Whether there is none that a HELLO could name, though it may be that one only does not answer yet. */
    boolean isNoneToOffer() {
        return disks.stream().noneMatch(ReplicatedDisk::isReadable);
    }

    // --- in words

    List<ReplicatedDisk> leftOut() {
        return disks.stream().filter(ReplicatedDisk::isLeftOut).toList();
    }

    static String names(List<ReplicatedDisk> some) {
        return some.stream().map(disk -> disk.spec.deviceName()).collect(Collectors.joining(", "));
    }

    /** Why each of some disks is left out. */
    static String failures(List<ReplicatedDisk> some) {
        return some.stream()
                .map(disk -> disk.spec.deviceName() + ": " + disk.failure())
                .collect(Collectors.joining("; "));
    }

    List<AgentReport.Disk> report() {
        return disks.stream().map(ReplicatedDisk::report).toList();
    }
}
