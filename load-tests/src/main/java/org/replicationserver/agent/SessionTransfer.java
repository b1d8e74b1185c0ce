package org.replicationserver.agent;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * What an active session does with blocks: the epoch under way, or a verification between epochs, and whose turn it is to read. It ends
 * with its session. Event loop only.
 *
 * <p>An epoch is committed only when every lane is done and every comparison too: what differs becomes dirty by then, and is sent.
 */
final class SessionTransfer {
    private final AgentSession session;
    private final Replication replication;
    private final AgentIo io;
    private final ControlLink control;

    /** Those of the session, which adds to both before it is active. */
    private final List<DataLink> streams;

    private final List<SessionVolume> volumes;

    /** Lane of stream s and volume v at s × volumes + v; empty until the session is active. */
    private final List<Lane> lanes = new ArrayList<>();

    private @Nullable EpochRun run;

    /** Of the open epoch, or of a verification; the lanes and they take turns in reading. */
    private List<DiskComparison> comparisons = List.of();

    private List<ReadClaimer> claimers = List.of();
    private int nextClaimer;
    private boolean verifying;

    SessionTransfer(
            AgentSession session,
            Replication replication,
            AgentIo io,
            ControlLink control,
            List<DataLink> streams,
            List<SessionVolume> volumes) {
        this.session = session;
        this.replication = replication;
        this.io = io;
        this.control = control;
        this.streams = streams;
        this.volumes = volumes;
    }

    /** Every stream is attached. */
    void begin(int regionShift) {
        for (DataLink link : streams) {
            for (SessionVolume volume : volumes) {
                lanes.add(new Lane(session, link, volume, regionShift, streams.size(), volumes.size()));
            }
        }
    }

    boolean hasBegun() {
        return !lanes.isEmpty();
    }

    /** The session sends no blocks any more; what was claimed and not sent is given back. */
    void abandon() {
        lanes.forEach(Lane::abandon);
        comparisons.forEach(DiskComparison::abandon);
    }

    // --- what is known of it

    long openEpoch() {
        EpochRun open = run;
        if (open == null) {
            throw new IllegalStateException("no epoch is open");
        }
        return open.epoch;
    }

    /** The lane of a volume on a stream, or null if there is no such volume, or not every stream is attached yet. */
    @Nullable
    Lane lane(int stream, int index) {
        if (lanes.isEmpty()) {
            return null;
        }
        for (int v = 0; v < volumes.size(); v++) {
            if (volumes.get(v).index == index) {
                return lanes.get(stream * volumes.size() + v);
            }
        }
        return null;
    }

    /** Whether the answer to EPOCH_COMMIT is awaited. */
    boolean isCommitting() {
        return run != null && run.is(EpochRun.State.COMMITTING);
    }

    /** Bytes of blocks of the volume that are claimed and not sent. */
    long claimedBytes(SessionVolume volume) {
        return lanes.stream()
                .filter(lane -> lane.volume == volume)
                .mapToLong(Lane::claimedBytes)
                .sum();
    }

    /** What keeps it from going on now. */
    Set<WaitClocks.Cause> waitsFor() {
        Set<WaitClocks.Cause> causes = EnumSet.noneOf(WaitClocks.Cause.class);
        EpochRun open = run;
        if (!session.isActive() || open == null) {
            return causes;
        }
        if (open.is(EpochRun.State.MARKING)) {
            causes.add(WaitClocks.Cause.SOURCE);
        } else if (open.is(EpochRun.State.SENDING)) {
            for (Lane lane : lanes) {
                WaitClocks.Cause cause = lane.waitsFor();
                if (cause != null) {
                    causes.add(cause);
                }
            }
            for (DiskComparison comparison : comparisons) {
                WaitClocks.Cause cause = comparison.waitsFor();
                if (cause != null) {
                    causes.add(cause);
                }
            }
        }
        return causes;
    }

    // --- an epoch

    /** Begins an epoch; {@link #sourceOpened} goes on. */
    void beginEpoch(EpochRun newRun) {
        run = newRun;
        lanes.forEach(Lane::rewind);
        compare(volumes.stream()
                .filter(volume -> !volume.isFailed() && volume.disk.map.hasUnknown())
                .map(volume -> new DiskComparison(session, volume, rescanOf(volume)))
                .toList());
        claimers = Stream.concat(lanes.stream(), comparisons.stream()).toList();
    }

    private RescanSubject rescanOf(SessionVolume volume) {
        return new RescanSubject(
                volume.disk,
                block -> lanes.stream().filter(lane -> lane.volume == volume).forEach(lane -> lane.lookAgain(block)));
    }

    private void compare(List<DiskComparison> newComparisons) {
        comparisons = newComparisons;
        claimers = List.copyOf(newComparisons);
    }

    /** The source can be read; it stands still, as far as it is to. */
    void sourceOpened(boolean still) {
        EpochRun marking = run;
        if (!session.isActive() || marking == null || !marking.is(EpochRun.State.MARKING)) {
            return;
        }
        if (!still) {
            marking.becomeFuzzy();
        }
        openEpochOf(marking);
        session.flush();
    }

    private void openEpochOf(EpochRun opening) {
        long estimatedBytes = volumes.stream()
                .mapToLong(volume -> volume.disk.map.dirtyBytes())
                .sum();
        control.send(FrameType.EPOCH_OPEN, opening.open(io.wallMillis(), estimatedBytes));
    }

    void epochStatus(EpochStatus status) throws ProtocolException {
        EpochRun open = run;
        boolean expected = open != null
                && open.epoch == status.epoch()
                && (status.committed() ? open.is(EpochRun.State.COMMITTING) : isOpening(open));
        if (open == null || !expected) {
            throw new ProtocolException(ErrorCode.STATE, "EPOCH_STATUS that nobody asked for: " + status);
        }
        if (status.committed()) {
            open.committed();
            run = null;
            session.progressed();
            replication.committed(open);
            session.leaveIfQuiet();
        } else if (open.is(EpochRun.State.UNMARKED)) {
            session.leave(
                    "a new mark",
                    Replication.STOP_PATIENCE_NANOS,
                    SessionEnd.now("the hold is over; the session begins anew, with a new mark of the source"));
        } else {
            open.send();
            pump();
        }
    }

    private static boolean isOpening(EpochRun open) {
        return open.is(EpochRun.State.OPENING) || open.is(EpochRun.State.UNMARKED);
    }

    /** Reads and sends as much as is allowed now. */
    void pump() {
        EpochRun sending = run;
        boolean sends = sending != null && sending.is(EpochRun.State.SENDING);
        if (!session.isActive() || !(sends || verifying)) {
            return;
        }
        if (sends) {
            lanes.forEach(Lane::drain);
        }
        comparisons.forEach(DiskComparison::offer);
        claim();
        if (!comparisons.stream().allMatch(DiskComparison::isDone)) {
            return;
        }
        if (verifying) {
            verified();
        } else if (sending != null && lanes.stream().allMatch(Lane::isDone)) {
            allSent(sending);
        }
    }

    /** Takes turns, so that the reads that are allowed at once are shared out. */
    private void claim() {
        int idle = 0;
        while (idle < claimers.size() && replication.mayRead()) {
            DiskRead read = claimers.get(nextClaimer % claimers.size()).claim();
            nextClaimer = (nextClaimer + 1) % claimers.size();
            if (read == null) {
                idle++;
            } else {
                idle = 0;
                replication.readBegun();
                io.read(read);
            }
        }
    }

    private void allSent(EpochRun sent) {
        replication.letSourceGo();
        List<Long> fences =
                streams.stream().map(link -> link.sendFence(sent.epoch)).toList();
        sent.commit();
        replication.commitAsked(sent.epoch);
        control.send(FrameType.EPOCH_COMMIT, new EpochCommit(sent.epoch, fences, sent.markTimeMillis()));
    }

    void readDone(DiskRead read) {
        switch (read) {
            case BlockRead blocks -> readDone(blocks);
            case HashRead hashed -> readDone(hashed);
        }
    }

    private void readDone(HashRead read) {
        boolean wanted = read.taker.finished();
        session.readConsumed();
        String failure = read.failure();
        if (wanted && failure != null) {
            replication.readFailed(read.disk(), failure);
        } else if (wanted) {
            pump();
            session.flush();
        }
    }

    private void readDone(BlockRead read) {
        String failure = read.failure();
        if (failure != null) {
            boolean wanted = read.taker.failed(read);
            drop(read);
            if (wanted) {
                replication.readFailed(read.disk(), failure);
            }
        } else if (read.taker.finished(read)) {
            read.taker.drain();
            pump();
            session.flush();
        } else {
            drop(read);
        }
    }

    private void drop(BlockRead read) {
        read.releaseFrames();
        session.readConsumed();
    }

    /** The server holds its volumes, which may last for minutes, in which nothing that a mark command has frozen may stand still. */
    void held() {
        EpochRun opening = run;
        if (opening != null && opening.is(EpochRun.State.OPENING) && replication.isMarked()) {
            opening.letGo();
            replication.letSourceGo();
        }
    }

    // --- hashes

    void hashDiff(HashDiff diff) throws ProtocolException {
        boolean asked = false;
        for (DiskComparison comparison : comparisons) {
            asked |= comparison.answered(diff);
        }
        if (!asked) {
            throw new ProtocolException(ErrorCode.STATE, "HASH_DIFF that nobody asked for: " + diff.range());
        }
        session.progressed();
        pump();
    }

    /** Compares volumes with what was sent to them; the source is open, and no epoch is. */
    void verify() {
        compare(volumes.stream()
                .filter(volume -> !volume.isFailed())
                .map(volume -> comparisonOf(volume, volume.disk.verification()))
                .filter(Objects::nonNull)
                .toList());
        verifying = true;
        pump();
        session.flush();
    }

    private @Nullable DiskComparison comparisonOf(SessionVolume volume, @Nullable Verification verification) {
        return verification == null ? null : new DiskComparison(session, volume, verification);
    }

    /** An epoch is to begin: what is not read yet is compared another time. */
    void stopVerifying() {
        comparisons.forEach(DiskComparison::stop);
        pump();
    }

    private void verified() {
        verifying = false;
        boolean stopped = comparisons.stream().anyMatch(DiskComparison::isStopping);
        compare(List.of());
        replication.verified(stopped);
    }
}
