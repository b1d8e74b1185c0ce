package org.replicationserver.receiver.session;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * The epochs of a session, one after the other: from EPOCH_OPEN to the answer to EPOCH_COMMIT. Event loop only.
 *
 * <p>Invariant: an epoch is answered as committed only after its record is stored, and that begins only when every fence has come and
 * no block is under way.
 */
final class SessionEpochs {
    private static final class OpenEpoch {
        final long epoch;
        final boolean fuzzy;

        /** The agent was told that it may send. */
        boolean open;

        /** The agent's wish to commit, while it waits for fences and durable frames. */
        @Nullable
        EpochCommit commit;

        /** Seq of the frame that asked. */
        long commitSeq;

        long commitNanos;

        /** The record is being stored; nothing can stop the commit any more. */
        boolean storing;

        OpenEpoch(long epoch, boolean fuzzy) {
            this.epoch = epoch;
            this.fuzzy = fuzzy;
        }
    }

    private final SourceSession session;
    private final AgentConnection control;
    private final SourceSlot slot;
    private final SessionEvents events;
    private final List<SessionVolume> volumes;
    private final @Nullable StreamState[] streams;
    private @Nullable OpenEpoch epoch;

    /** Tells the agent of a commit, after a hold. */
    private @Nullable Runnable answer;

    /** @param streams of the session, by number; null where none is attached yet */
    SessionEpochs(
            SourceSession session, SourceSlot slot, List<SessionVolume> volumes, @Nullable StreamState[] streams) {
        this.session = session;
        this.control = session.control();
        this.slot = slot;
        this.events = slot.context.events();
        this.volumes = volumes;
        this.streams = streams;
    }

    // --- from the agent

    void open(FrameHeader header, EpochOpen body) {
        long committed = slot.record.now().commit().epoch();
        if (epoch != null || body.epoch() <= committed) {
            control.sendError(ProtocolException.at(
                    header,
                    ErrorCode.EPOCH,
                    epoch != null
                            ? "epoch=" + epoch.epoch + " is open already"
                            : "epoch=" + body.epoch() + ", the committed one is " + committed));
            return;
        }
        OpenEpoch opening = new OpenEpoch(body.epoch(), body.fuzzy());
        epoch = opening;
        events.epochOpened(slot.sourceServerId, body.epoch(), body.estimatedBytes());
        slot.hold.whenEpochMayOpen(() -> admit(opening));
    }

    private void admit(OpenEpoch opening) {
        if (slot.record.isWriter(session.generation())) {
            opened(opening);
        } else {
            control.endsWith(slot.record.setWriter(session.generation()).thenRun(() -> opened(opening)));
        }
    }

    /** The record says that this session may write: an agent that does not know of the session is told so from now on. */
    private void opened(OpenEpoch opening) {
        if (!session.isEnded()) {
            opening.open = true;
            control.send(FrameType.EPOCH_STATUS, new EpochStatus(opening.epoch, false));
        }
    }

    void fence(StreamState stream, FrameHeader header, long fencedEpoch) {
        if (!isOpenOn(stream, fencedEpoch)) {
            stream.connection.sendError(ProtocolException.at(
                    header, ErrorCode.EPOCH, "epoch=" + fencedEpoch + " is not open on this stream"));
            return;
        }
        stream.fenceSeq = header.seq();
        session.forceSoon();
        tryCommit();
    }

    void commit(FrameHeader header, EpochCommit commit) {
        OpenEpoch open = openEpoch(commit.epoch());
        String refusal;
        if (open == null) {
            refusal = "epoch=" + commit.epoch() + " is not open";
        } else if (open.commit != null) {
            refusal = "epoch=" + commit.epoch() + " is being committed already";
        } else if (commit.fences().size() != streams.length) {
            refusal = commit.fences().size() + " fences for " + streams.length + " streams";
        } else if (commit.fences().contains(0L)) {
            refusal = "seq=0 is not that of a FENCE";
        } else {
            open.commit = commit;
            open.commitSeq = header.seq();
            open.commitNanos = slot.context.clock().nanos();
            events.commitWaits(slot.sourceServerId, true);
            tryCommit();
            return;
        }
        control.sendError(ProtocolException.at(header, ErrorCode.EPOCH, refusal));
    }

    // --- from the session

    /** Whether frames of this epoch may still come on this stream. */
    boolean isOpenOn(StreamState stream, long number) {
        return openEpoch(number) != null && stream.fenceSeq == 0;
    }

    /** Whether offers of hashes may come now: for a rescan in an open epoch, for a verification between two. */
    boolean takesOffers(boolean reportOnly) {
        return reportOnly ? epoch == null : epoch != null && epoch.open && epoch.commit == null;
    }

    private @Nullable OpenEpoch openEpoch(long number) {
        return epoch != null && epoch.open && epoch.epoch == number ? epoch : null;
    }

    /** Whether the record of a commit is being stored. */
    boolean isStoring() {
        return epoch != null && epoch.storing;
    }

    /** How long a commit has waited, 0 if none does. */
    long commitNanos(long nowNanos) {
        return epoch == null || epoch.commit == null ? 0 : nowNanos - epoch.commitNanos;
    }

    /** Commits or refuses, if that is asked for and can be decided by now. */
    void tryCommit() {
        OpenEpoch open = epoch;
        EpochCommit commit = open == null ? null : open.commit;
        if (open == null || commit == null || open.storing || session.isEnded()) {
            return;
        }
        for (SessionVolume volume : volumes) {
            if (volume.isFailed()) {
                refuse(open, ErrorCode.VOLUME_FAILED, volume.index, "a failed volume: " + volume.failure);
                return;
            }
            if (volume.isFailing()) {
                return;
            }
        }
        boolean idle = true;
        for (int i = 0; i < streams.length; i++) {
            StreamState stream = streams[i];
            if (stream == null) {
                return;
            }
            long named = commit.fences().get(i);
            if (stream.hasDropped()) {
                refuse(open, ErrorCode.EPOCH, -1, "a frame of stream " + i + " was dropped");
                return;
            }
            boolean otherFence = stream.fenceSeq != 0 || stream.connection.receivedSeq() >= named;
            if (otherFence && stream.fenceSeq != named) {
                refuse(open, ErrorCode.EPOCH, -1, "seq=" + named + " is not the FENCE of stream " + i);
                return;
            }
            idle &= stream.fenceSeq == named && stream.isIdle();
        }
        if (idle) {
            open.storing = true;
            control.endsWith(slot.record
                    .commit(open.epoch, open.fuzzy, commit.markTimeMillis())
                    .thenAccept(record -> committed(open, record)));
        }
    }

    private void refuse(OpenEpoch open, ErrorCode code, int volume, String text) {
        open.commit = null;
        events.commitWaits(slot.sourceServerId, false);
        control.sendError(ProtocolException.ofBlock(code, text, open.commitSeq, volume, -1));
    }

    private void committed(OpenEpoch open, SourceRecord record) {
        events.committed(slot.sourceServerId, record);
        slot.hold.committed(
                record.commit(),
                volumes.stream()
                        .map(volume -> volume.volume)
                        .filter(Objects::nonNull)
                        .toList());
        if (session.isEnded()) {
            return;
        }
        epoch = null;
        for (StreamState stream : streams) {
            if (stream != null) {
                stream.fenceSeq = 0;
            }
        }
        answer = () -> control.send(FrameType.EPOCH_STATUS, new EpochStatus(open.epoch, true));
        if (session.isOpen()) {
            slot.hold.whenNotHeld(this::answer);
        } else {
            answer();
        }
        session.tryFinish();
    }

    /** Tells the agent of the newest commit, if it was not told yet. */
    void answer() {
        Runnable due = answer;
        answer = null;
        if (due != null) {
            due.run();
        }
    }
}
