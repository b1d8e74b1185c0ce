package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader.Admission;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.GoAway;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.session.StreamState.VolumeOnStream;
import org.replicationserver.volume.BlockWrite;
import org.replicationserver.volume.Volume;

/**
 * The session of a source server, from WELCOME to its end. Event loop only.
 *
 * <p>OPEN → DRAINING (GOAWAY was sent) → FINISHING (BYE came or the deadline passed; what was received becomes durable) → ENDED.
 * Any state may go to ENDED: a connection of the session ended, a peer broke the protocol, or a newer session fences this one.
 * Blocks that are with the volume writers when the session ends are written or dropped there; they come back through {@link
 * #completed} and are never acknowledged.
 *
 * <p>Invariants: an acknowledgement covers only blocks that were reported durable; an epoch is answered as committed only after its
 * record is stored, and that begins only when every fence has come and no block is under way; nothing is submitted after the end.
 */
final class SourceSession {
    private enum State {
        OPEN,
        DRAINING,
        FINISHING,
        ENDED
    }

    private final SourceSlot slot;
    private final SessionSettings settings;
    private final SessionClock clock;
    private final SessionEvents events;
    private final BlockPool blocks;
    private final SourceMemory memory;
    private final AgentConnection control;
    private final long generation;
    private final List<SessionVolume> volumes;
    private final @Nullable StreamState[] streams;
    private final List<String> features;
    private final int windowBytes;
    private final int rawLenMax;
    private final long openedNanos;
    private final ByteBuffer ackBuffer;

    private State state = State.OPEN;
    private int attachedCount;
    private @Nullable OpenEpoch epoch;
    private long drainDeadlineNanos;
    private boolean askedToFinish;
    private String finishReason = "";
    private long progressNanos;

    /** What the agent says that it has waited for, in its newest SOURCE_STATUS. */
    private SourceStatus.Waits waits = SourceStatus.Waits.NONE;

    SourceSession(
            SourceSlot slot,
            AgentConnection control,
            long generation,
            List<SessionVolume> volumes,
            int streamCount,
            List<String> features,
            SessionContext context,
            SourceMemory memory) {
        this.slot = slot;
        this.settings = context.settings();
        this.clock = context.clock();
        this.events = context.events();
        this.blocks = context.blocks();
        this.memory = memory;
        this.control = control;
        this.generation = generation;
        this.volumes = List.copyOf(volumes);
        this.streams = new @Nullable StreamState[streamCount];
        this.features = features;
        this.windowBytes = windowBytes(memory.shareBytes(), volumes.size(), streamCount);
        this.rawLenMax = Math.min(ProtocolLimits.RAW_LEN_MAX, windowBytes);
        this.openedNanos = clock.nanos();
        this.progressNanos = openedNanos;
        this.ackBuffer = ByteBuffer.allocate(FrameHeader.BYTES + DurableAck.bytes(volumes.size()));
    }

    /** The window of a volume on a connection, so that all windows of a source server fit its share. */
    static int windowBytes(long shareBytes, int volumeCount, int streamCount) {
        long fair = shareBytes
                / ((long) volumeCount * streamCount)
                / ProtocolLimits.SECTOR_BYTES
                * ProtocolLimits.SECTOR_BYTES;
        return Math.clamp(fair, ProtocolLimits.WINDOW_BYTES_MIN, ProtocolLimits.WINDOW_BYTES_MAX);
    }

    long generation() {
        return generation;
    }

    boolean isEnded() {
        return state == State.ENDED;
    }

    AgentConnection control() {
        return control;
    }

    /** Whether WELCOME granted a feature of {@link org.replicationserver.receiver.protocol.Features}. */
    boolean grants(String feature) {
        return features.contains(feature);
    }

    // --- data connections

    void attach(AgentConnection connection, FrameHeader header, Attach attach) throws ProtocolException {
        if (state == State.ENDED || attach.stream() >= streams.length || streams[attach.stream()] != null) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.STATE,
                    "stream=" + attach.stream() + " is attached already or not one of " + streams.length);
        }
        StreamState stream = new StreamState(attach.stream(), connection, volumes.size(), windowBytes, clock.nanos());
        streams[attach.stream()] = stream;
        attachedCount++;
        connection.attached(this, stream);
        connection.send(FrameType.ATTACHED, new Attached(windowBytes, rawLenMax, ProtocolLimits.UNACKED_FRAMES_MAX));
        connection.transport().throttle(slot.throttle());
    }

    // --- blocks

    /** Decides about a DATA or ZERO frame, in the order of section 3 of the specification. */
    Admission admit(StreamState stream, FrameHeader header) throws ProtocolException {
        checkLengths(header);
        SessionVolume volume = checkPlace(stream, header);
        VolumeOnStream onStream = stream.volumes[volume.index];
        long cost = windowCost(header);
        if (onStream.receivedBytes + cost > onStream.limitBytes) {
            throw ProtocolException.at(header, ErrorCode.LIMIT, "more than limit_bytes=" + onStream.limitBytes);
        }
        if (stream.unacked >= ProtocolLimits.UNACKED_FRAMES_MAX) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.LIMIT,
                    "more than " + ProtocolLimits.UNACKED_FRAMES_MAX + " unacknowledged frames");
        }
        if (state == State.FINISHING) {
            onStream.dropped(header.seq());
            events.frameDropped(slot.sourceServerId());
            return Admission.SKIP;
        }
        boolean wrongEpoch = !isOpen(header.epoch()) || stream.fenceSeq != 0;
        if (wrongEpoch || volume.isFailed()) {
            onStream.receivedBytes += cost;
            onStream.dropped(header.seq());
            stream.unacked++;
            events.frameDropped(slot.sourceServerId());
            if (wrongEpoch) {
                stream.connection.sendError(ProtocolException.at(
                        header,
                        ErrorCode.EPOCH,
                        "epoch=" + header.epoch() + " is not open on this stream; the frame is dropped"));
                tryCommit();
            }
            return Admission.SKIP;
        }
        if (header.type() == FrameType.DATA && !memory.reserve((int) header.payloadLen(), stream.connection)) {
            events.readingPaused(slot.sourceServerId());
            return Admission.PAUSE;
        }
        return Admission.TAKE;
    }

    private void checkLengths(FrameHeader header) throws ProtocolException {
        long bytes = header.blockBytes();
        boolean zero = header.type() == FrameType.ZERO;
        boolean lengthsRight = bytes >= ProtocolLimits.SECTOR_BYTES
                && bytes % ProtocolLimits.SECTOR_BYTES == 0
                && (zero
                        ? header.payloadLen() == 0 && header.rawLen() == 0
                        : bytes <= rawLenMax && header.payloadLen() > 0 && header.payloadLen() <= bytes);
        if (!lengthsRight) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.LIMIT,
                    "length=" + bytes + " payload_len=" + header.payloadLen() + ", a block has 512 to " + rawLenMax
                            + " bytes in multiples of 512 and no more payload than that");
        }
        int codecMax = zero ? FrameHeader.CODEC_STORED : FrameHeader.CODEC_LZ4;
        int dflagsMax = zero ? FrameHeader.DFLAG_MAY_DEALLOCATE : 0;
        if (header.codec() > codecMax || header.dflags() > dflagsMax) {
            throw ProtocolException.at(
                    header, ErrorCode.UNSUPPORTED, "codec=" + header.codec() + " dflags=" + header.dflags());
        }
        if (!zero && (header.codec() == FrameHeader.CODEC_STORED) != (header.payloadLen() == bytes)) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.LIMIT,
                    "payload_len=" + header.payloadLen() + " raw_len=" + bytes
                            + ": equal when stored, shorter when compressed");
        }
    }

    private SessionVolume checkPlace(StreamState stream, FrameHeader header) throws ProtocolException {
        if (header.volume() >= volumes.size()) {
            throw ProtocolException.at(header, ErrorCode.RANGE, "volume=" + header.volume() + " is not in WELCOME");
        }
        SessionVolume volume = volumes.get(header.volume());
        long offset = header.offsetBytes();
        long bytes = header.blockBytes();
        long size = volume.assignment.sizeBytes();
        if (offset < 0 || offset % ProtocolLimits.SECTOR_BYTES != 0 || offset > size || bytes > size - offset) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.RANGE,
                    "offset=" + Long.toUnsignedString(offset) + " length=" + bytes + " of a volume of " + size);
        }
        long region = offset >> settings.regionShift();
        if (region != (offset + bytes - 1) >> settings.regionShift()) {
            throw ProtocolException.at(
                    header, ErrorCode.RANGE, "offset=" + offset + " length=" + bytes + " crosses a region");
        }
        if ((header.volume() + region) % streams.length != stream.number) {
            throw ProtocolException.at(
                    header, ErrorCode.RANGE, "offset=" + offset + " is not on stream " + stream.number);
        }
        return volume;
    }

    private static long windowCost(FrameHeader header) {
        return header.type() == FrameType.ZERO ? ProtocolLimits.ZERO_WINDOW_BYTES : header.rawLen();
    }

    /** A descriptor with memory for a payload that {@link #admit} has reserved. */
    InboundBlock takeBlock(int payloadBytes) {
        try {
            return blocks.take(payloadBytes);
        } catch (RuntimeException | Error e) { // no memory: the connection dies of it, its share must not
            memory.release(payloadBytes);
            throw e;
        }
    }

    /** Takes back a block that did not arrive whole. */
    void giveBack(InboundBlock block) {
        memory.release(block.payloadBytes);
        blocks.giveBack(block);
    }

    void acceptData(StreamState stream, FrameHeader header, InboundBlock block) {
        BlockWrite.Codec codec =
                header.codec() == FrameHeader.CODEC_LZ4 ? BlockWrite.Codec.LZ4 : BlockWrite.Codec.STORED;
        block.setData(this, header.offsetBytes(), (int) header.rawLen(), codec, block.buffer(), header.rawCrc32c());
        events.dataReceived(block.payloadBytes, (int) header.rawLen());
        submit(stream, header, block);
    }

    void acceptZero(StreamState stream, FrameHeader header) {
        InboundBlock block = blocks.take();
        block.setZero(
                this,
                header.offsetBytes(),
                header.zeroBytes(),
                (header.dflags() & FrameHeader.DFLAG_MAY_DEALLOCATE) != 0);
        events.zeroReceived(header.zeroBytes());
        submit(stream, header, block);
    }

    private void submit(StreamState stream, FrameHeader header, InboundBlock block) {
        SessionVolume volume = volumes.get(header.volume());
        VolumeOnStream onStream = stream.volumes[volume.index];
        block.session = this;
        block.stream = stream.number;
        block.volume = volume.index;
        block.seq = header.seq();
        block.setSubmittedNanos(clock.nanos());
        onStream.receivedBytes += windowCost(header);
        onStream.unacked++;
        onStream.used = true;
        stream.unacked++;
        lookAtWindow(onStream);
        slot.blocksUnderWay.begin();
        volume.add(block);
        slot.blockArrived();
        Volume open = volume.volume;
        if (open == null) {
            throw new IllegalStateException("volume " + volume.assignment.volumeId() + " is not open");
        }
        open.submit(block);
    }

    /** A block came back from its volume, with its outcome. */
    void completed(InboundBlock block) {
        SessionVolume volume = volumes.get(block.volume);
        StreamState stream = streams[block.stream];
        volume.remove(block);
        slot.blocksUnderWay.end();
        memory.release(block.payloadBytes);
        if (block.outcome() == BlockWrite.Outcome.DURABLE) {
            volume.durableBytes += block.lengthBytes();
        }
        if (stream != null) {
            VolumeOnStream onStream = stream.volumes[volume.index];
            onStream.unacked--;
            if (block.outcome() == BlockWrite.Outcome.DURABLE) {
                stream.unacked--;
            }
            if (block.outcome() == BlockWrite.Outcome.DURABLE
                    && (onStream.droppedSeq == 0 || block.seq < onStream.droppedSeq)) {
                onStream.durableSeq = Math.max(onStream.durableSeq, block.seq);
                onStream.limitBytes += block.windowBytes();
                onStream.changed = true;
                stream.ackDue = true;
            } else if (block.outcome() != BlockWrite.Outcome.DURABLE) {
                onStream.dropped(block.seq);
            }
            lookAtWindow(onStream);
            if (block.outcome() == BlockWrite.Outcome.CORRUPT && state != State.ENDED) {
                slot.corruptBlock();
                stream.connection.fail(ProtocolException.ofBlock(
                        ErrorCode.INTEGRITY,
                        "the block does not expand to its length or its CRC32C differs",
                        block.seq,
                        block.volume,
                        block.offsetBytes()));
            }
        }
        blocks.giveBack(block);
    }

    private void lookAtWindow(VolumeOnStream onStream) {
        boolean usedUp = state != State.ENDED
                && onStream.unacked > 0
                && onStream.limitBytes - onStream.receivedBytes < rawLenMax;
        if (usedUp != onStream.usedUp) {
            onStream.usedUp = usedUp;
            if (usedUp) {
                slot.windowUsedUp.begin();
            } else {
                slot.windowUsedUp.end();
            }
        }
    }

    /** Called once after a round's blocks came back. */
    void roundEnded() {
        memory.wakeWaiting();
        for (SessionVolume volume : volumes) {
            if (volume.durableBytes > 0) {
                events.blocksDurable(slot.sourceServerId(), volume.assignment.volumeId(), volume.durableBytes);
                volume.durableBytes = 0;
            }
        }
        if (state == State.ENDED) {
            return;
        }
        for (StreamState stream : streams) {
            if (stream != null && stream.ackDue) {
                flushAck(stream);
            }
        }
        tryCommit();
        tryFinish();
    }

    /** Sends the acknowledgement that is due, unless the socket is full; then it goes when the socket has room. */
    void flushAck(StreamState stream) {
        if (state != State.ENDED
                && stream.ackDue
                && stream.connection.transport().isWritable()) {
            sendAck(stream);
        }
    }

    private void sendAck(StreamState stream) {
        int entries = 0;
        for (VolumeOnStream v : stream.volumes) {
            if (v.changed) {
                entries++;
            }
        }
        ackBuffer.clear();
        stream.connection.writer().ackHeader(ackBuffer, entries);
        DurableAck.putHead(ackBuffer, stream.connection.receivedSeq(), entries);
        for (int i = 0; i < stream.volumes.length; i++) {
            VolumeOnStream v = stream.volumes[i];
            if (v.changed) {
                v.changed = false;
                DurableAck.putEntry(ackBuffer, i, stream.durableSeq(i), v.limitBytes);
            }
        }
        stream.ackDue = false;
        stream.ackedNanos = clock.nanos();
        stream.connection.transport().write(ackBuffer.flip());
        events.acknowledged();
    }

    // --- epochs

    void openEpoch(FrameHeader header, EpochOpen body) {
        if (epoch != null || body.epoch() <= slot.committedEpoch()) {
            control.sendError(ProtocolException.at(
                    header,
                    ErrorCode.EPOCH,
                    epoch != null
                            ? "epoch=" + epoch.epoch + " is open already"
                            : "epoch=" + body.epoch() + ", the committed one is " + slot.committedEpoch()));
            return;
        }
        OpenEpoch opening = new OpenEpoch(body.epoch(), body.fuzzy());
        epoch = opening;
        events.epochOpened(slot.sourceServerId(), body.epoch(), body.estimatedBytes());
        if (slot.isWriter(generation)) {
            opened(opening);
        } else {
            slot.storeWriter(generation).thenRun(() -> opened(opening));
        }
    }

    /** The record says that this session may write: an agent that does not know of the session is told so from now on. */
    private void opened(OpenEpoch opening) {
        if (state == State.ENDED) {
            return;
        }
        opening.open = true;
        control.send(FrameType.EPOCH_STATUS, new EpochStatus(opening.epoch, false));
    }

    private boolean isOpen(long number) {
        return epoch != null && epoch.open && epoch.epoch == number;
    }

    void fence(StreamState stream, FrameHeader header, long fencedEpoch) {
        if (!isOpen(fencedEpoch) || stream.fenceSeq != 0) {
            stream.connection.sendError(ProtocolException.at(
                    header, ErrorCode.EPOCH, "epoch=" + fencedEpoch + " is not open on this stream"));
            return;
        }
        stream.fenceSeq = header.seq();
        forceSoon();
        tryCommit();
    }

    void commitEpoch(FrameHeader header, EpochCommit commit) {
        String refusal = null;
        if (epoch == null || !isOpen(commit.epoch())) {
            refusal = "epoch=" + commit.epoch() + " is not open";
        } else if (epoch.commit != null) {
            refusal = "epoch=" + commit.epoch() + " is being committed already";
        } else if (commit.fences().size() != streams.length) {
            refusal = commit.fences().size() + " fences for " + streams.length + " streams";
        } else if (commit.fences().contains(0L)) {
            refusal = "seq=0 is not that of a FENCE";
        }
        if (refusal != null || epoch == null) {
            control.sendError(ProtocolException.at(header, ErrorCode.EPOCH, String.valueOf(refusal)));
            return;
        }
        epoch.commit = commit;
        epoch.commitSeq = header.seq();
        epoch.commitNanos = clock.nanos();
        events.commitWaits(slot.sourceServerId(), true);
        tryCommit();
    }

    private void tryCommit() {
        OpenEpoch open = epoch;
        EpochCommit commit = open == null ? null : open.commit;
        if (open == null || commit == null || open.storing || state == State.ENDED) {
            return;
        }
        for (SessionVolume volume : volumes) {
            if (volume.isFailed()) {
                refuseCommit(open, ErrorCode.VOLUME_FAILED, volume.index, "a failed volume: " + volume.failure);
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
                refuseCommit(open, ErrorCode.EPOCH, -1, "a frame of stream " + i + " was dropped");
                return;
            }
            boolean otherFence = stream.fenceSeq != 0 || stream.connection.receivedSeq() >= named;
            if (otherFence && stream.fenceSeq != named) {
                refuseCommit(open, ErrorCode.EPOCH, -1, "seq=" + named + " is not the FENCE of stream " + i);
                return;
            }
            idle &= stream.fenceSeq == named && stream.unacked == 0;
        }
        if (idle) {
            open.storing = true;
            slot.storeCommit(open.epoch, open.fuzzy, commit.markTimeMillis())
                    .thenAccept(record -> committed(open, record));
        }
    }

    private void refuseCommit(OpenEpoch open, ErrorCode code, int volume, String text) {
        open.commit = null;
        events.commitWaits(slot.sourceServerId(), false);
        control.sendError(ProtocolException.ofBlock(code, text, open.commitSeq, volume, -1));
    }

    private void committed(OpenEpoch open, SourceRecord record) {
        events.committed(slot.sourceServerId(), record);
        if (state == State.ENDED) {
            return;
        }
        epoch = null;
        for (StreamState stream : streams) {
            if (stream != null) {
                stream.fenceSeq = 0;
            }
        }
        control.send(FrameType.EPOCH_STATUS, new EpochStatus(open.epoch, true));
        tryFinish();
    }

    // --- volumes

    /** A volume takes no more writes; its failure is stored already. */
    void volumeFailed(String volumeId, String text) {
        for (SessionVolume volume : volumes) {
            if (volume.assignment.volumeId().equals(volumeId)) {
                volume.failure = text;
                ProtocolException told = ProtocolException.ofBlock(ErrorCode.VOLUME_FAILED, text, 0, volume.index, -1);
                control.send(FrameType.ERROR, told.toBody());
                tryCommit();
            }
        }
    }

    private void forceSoon() {
        for (SessionVolume volume : volumes) {
            if (volume.volume != null && !volume.isIdle()) {
                volume.volume.forceSoon();
            }
        }
    }

    // --- what the agent tells

    void sourceStatus(FrameHeader header, SourceStatus status) throws ProtocolException {
        List<VolumeBacklog> backlogs = new ArrayList<>();
        Set<Integer> indices = new HashSet<>();
        for (SourceStatus.Volume told : status.volumes()) {
            if (told.index() >= volumes.size() || !indices.add(told.index())) {
                throw ProtocolException.at(
                        header,
                        ErrorCode.RANGE,
                        "index=" + told.index() + " of SOURCE_STATUS is not in WELCOME or is there twice");
            }
            VolumeAssignment assigned = volumes.get(told.index()).assignment;
            if (told.backlogBytes() > assigned.sizeBytes()) {
                throw ProtocolException.at(
                        header,
                        ErrorCode.RANGE,
                        "backlogBytes=" + told.backlogBytes() + " of a volume of " + assigned.sizeBytes());
            }
            backlogs.add(new VolumeBacklog(assigned.volumeId(), told.backlogBytes()));
        }
        if (!status.waits().isNoLessThan(waits)) {
            throw ProtocolException.at(header, ErrorCode.PROTOCOL, "waits of SOURCE_STATUS decreased");
        }
        waits = status.waits();
        events.sourceStatus(slot.sourceServerId(), List.copyOf(backlogs), waits);
    }

    // --- time

    void tick(long nowNanos) {
        if (state == State.ENDED) {
            return;
        }
        if (attachedCount < streams.length
                && nowNanos - openedNanos > settings.attachTimeout().toNanos()) {
            control.fail(new ProtocolException(
                    ErrorCode.STATE,
                    attachedCount + " of " + streams.length + " streams attached within "
                            + settings.attachTimeout().toSeconds() + " s"));
            return;
        }
        for (StreamState stream : streams) {
            if (stream != null
                    && nowNanos - stream.ackedNanos > settings.ackInterval().toNanos()) {
                for (VolumeOnStream v : stream.volumes) {
                    v.changed |= v.used;
                }
                stream.ackDue = true;
                flushAck(stream);
            }
        }
        tellProgress(nowNanos);
        if (state == State.DRAINING && nowNanos - drainDeadlineNanos > 0) {
            finish("the agent did not finish before the deadline of GOAWAY");
        }
    }

    private void tellProgress(long nowNanos) {
        long afterNanos = settings.progressAfter().toNanos();
        boolean commitWaits = epoch != null && epoch.commit != null && nowNanos - epoch.commitNanos > afterNanos;
        boolean volumeWaits = false;
        for (SessionVolume volume : volumes) {
            volumeWaits |= volume.oldestNanos(nowNanos) > afterNanos;
        }
        if ((commitWaits || volumeWaits)
                && nowNanos - progressNanos > settings.progressInterval().toNanos()) {
            progressNanos = nowNanos;
            control.send(
                    FrameType.PROGRESS,
                    progress(commitWaits ? Progress.WaitingFor.COMMIT : Progress.WaitingFor.VOLUME, nowNanos));
        }
    }

    /** What is under way on each volume. */
    Progress progress(Progress.WaitingFor waitingFor, long nowNanos) {
        List<Progress.Volume> waiting = new ArrayList<>();
        for (SessionVolume volume : volumes) {
            if (!volume.isIdle() || volume.isFailed()) {
                waiting.add(new Progress.Volume(
                        volume.index, volume.queuedBytes(), volume.oldestNanos(nowNanos) / 1_000_000, volume.failure));
            }
        }
        return new Progress(waitingFor, waiting);
    }

    // --- the end

    /** Asks the agent to finish and to come back. */
    void goAway(String reason) {
        if (state == State.OPEN) {
            state = State.DRAINING;
            askedToFinish = true;
            events.goAwaySent(slot.sourceServerId(), reason);
            drainDeadlineNanos = clock.nanos() + settings.drainTimeout().toNanos();
            control.send(
                    FrameType.GOAWAY,
                    new GoAway(
                            reason,
                            settings.drainTimeout().toMillis(),
                            settings.reconnectAfter().toMillis()));
        }
    }

    /** Makes durable and acknowledges what was received, then ends. */
    void finish(String reason) {
        if (state == State.OPEN || state == State.DRAINING) {
            state = State.FINISHING;
            finishReason = reason;
            forceSoon();
            tryFinish();
        }
    }

    private void tryFinish() {
        if (state != State.FINISHING || (epoch != null && epoch.storing)) {
            return;
        }
        for (SessionVolume volume : volumes) {
            if (!volume.isIdle()) {
                return;
            }
        }
        for (StreamState stream : streams) {
            if (stream != null && stream.ackDue) {
                sendAck(stream); // however full the socket is: it is the last
            }
        }
        end(finishReason, SessionEndCause.SERVER_ENDED);
    }

    /** Ends the session because one of its connections did; the others are told. */
    void end(String reason, SessionEndCause cause) {
        boolean finished = state == State.FINISHING;
        end(
                reason,
                cause,
                finished ? null : new ProtocolException(ErrorCode.STATE, "the session has ended: " + reason));
    }

    /** Ends the session and all its connections, with an error for the peer unless it is null. */
    void end(String reason, SessionEndCause cause, @Nullable ProtocolException error) {
        if (state == State.ENDED) {
            return;
        }
        boolean finishing = state == State.FINISHING;
        state = State.ENDED;
        SessionEndCause ofAgent = finishing ? SessionEndCause.AGENT_LEFT : cause;
        slot.sessionEnded(this, reason, askedToFinish ? SessionEndCause.SERVER_ENDED : ofAgent);
        for (StreamState stream : streams) {
            if (stream != null) {
                for (VolumeOnStream onStream : stream.volumes) {
                    lookAtWindow(onStream);
                }
                endConnection(stream.connection, reason, cause, error);
            }
        }
        endConnection(control, reason, cause, error);
    }

    private static void endConnection(
            AgentConnection connection, String reason, SessionEndCause cause, @Nullable ProtocolException error) {
        if (error != null) {
            connection.send(FrameType.ERROR, error.toBody());
        }
        connection.end(reason, cause);
    }
}
