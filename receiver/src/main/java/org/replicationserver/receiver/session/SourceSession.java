package org.replicationserver.receiver.session;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.BlockRange;
import org.replicationserver.receiver.protocol.CommitRequest;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader.Admission;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.GoAway;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.Progress.WaitingFor;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.SourceStatus;
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
 * <p>Invariants: an acknowledgement covers only blocks that were reported durable; nothing is submitted after the end.
 */
final class SourceSession {
    private enum State {
        OPEN,
        DRAINING,
        FINISHING,
        ENDED
    }

    private final SourceSlot slot;
    private final SessionContext context;
    private final SessionSettings settings;
    private final SessionEvents events;
    private final AgentConnection control;
    private final long generation;
    private final List<SessionVolume> volumes;
    private final List<String> features;
    private final int windowBytes;
    private final BlockRules rules;
    private final long openedNanos;

    /** By number; null where none is attached yet. */
    private final @Nullable StreamState[] streams;

    final SessionEpochs epochs;

    private State state = State.OPEN;
    private int attachedCount;
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
            List<String> features) {
        this.slot = slot;
        this.context = slot.context;
        this.settings = context.settings();
        this.events = context.events();
        this.control = control;
        this.generation = generation;
        this.volumes = List.copyOf(volumes);
        this.streams = new @Nullable StreamState[streamCount];
        this.features = features;
        this.windowBytes = windowBytes(slot.memory.shareBytes(), volumes.size(), streamCount);
        this.rules = new BlockRules(
                this.volumes, streamCount, Math.min(ProtocolLimits.RAW_LEN_MAX, windowBytes), settings.regionShift());
        this.openedNanos = context.clock().nanos();
        this.progressNanos = openedNanos;
        this.epochs = new SessionEpochs(this, slot, this.volumes, streams);
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

    /** Whether it goes on: nobody has asked that it ends. */
    boolean isOpen() {
        return state == State.OPEN;
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
        StreamState stream =
                new StreamState(attach.stream(), connection, volumes.size(), windowBytes, rules.rawLenMax(), slot);
        streams[attach.stream()] = stream;
        attachedCount++;
        connection.attached(this, stream);
        connection.send(
                FrameType.ATTACHED, new Attached(windowBytes, rules.rawLenMax(), ProtocolLimits.UNACKED_FRAMES_MAX));
        connection.transport().throttle(slot.throttle);
    }

    // --- blocks

    /** Decides about a DATA or ZERO frame, in the order of section 3 of the specification. */
    Admission admit(StreamState stream, FrameHeader header) throws ProtocolException {
        SessionVolume volume = rules.check(header, stream.number);
        stream.requireRoom(header);
        if (state == State.FINISHING) {
            stream.dropped(header);
            events.frameDropped(slot.sourceServerId);
            return Admission.SKIP;
        }
        boolean wrongEpoch = !epochs.isOpenOn(stream, header.epoch());
        if (wrongEpoch || volume.isFailed()) {
            stream.received(header);
            stream.dropped(header);
            events.frameDropped(slot.sourceServerId);
            if (wrongEpoch) {
                stream.connection.sendError(ProtocolException.at(
                        header,
                        ErrorCode.EPOCH,
                        "epoch=" + header.epoch() + " is not open on this stream; the frame is dropped"));
                epochs.tryCommit();
            }
            return Admission.SKIP;
        }
        if (header.type() == FrameType.DATA && !slot.memory.reserve((int) header.payloadLen(), stream.connection)) {
            events.readingPaused(slot.sourceServerId);
            return Admission.PAUSE;
        }
        return Admission.TAKE;
    }

    /** A descriptor with memory for a payload that {@link #admit} has reserved. */
    InboundBlock takeBlock(int payloadBytes) {
        try {
            return context.blocks().take(payloadBytes);
        } catch (RuntimeException | Error e) { // no memory: the connection dies of it, its share must not
            slot.memory.release(payloadBytes);
            throw e;
        }
    }

    /** Takes back a block that did not arrive whole. */
    void giveBack(InboundBlock block) {
        slot.memory.release(block.payloadBytes);
        context.blocks().giveBack(block);
    }

    void acceptData(StreamState stream, FrameHeader header, InboundBlock block) {
        BlockWrite.Codec codec =
                header.codec() == FrameHeader.CODEC_LZ4 ? BlockWrite.Codec.LZ4 : BlockWrite.Codec.STORED;
        block.setData(
                this, header.offsetBytes(), (int) header.rawLen(), codec, block.memory.buffer(), header.rawCrc32c());
        events.dataReceived(block.payloadBytes, (int) header.rawLen());
        submit(stream, header, block);
    }

    void acceptZero(StreamState stream, FrameHeader header) {
        InboundBlock block = context.blocks().take();
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
        block.session = this;
        block.stream = stream.number;
        block.volume = volume.index;
        block.seq = header.seq();
        block.setSubmittedNanos(context.clock().nanos());
        stream.submitted(header);
        slot.blocksUnderWay.begin();
        volume.add(block);
        slot.record.blockArrived();
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
        slot.memory.release(block.payloadBytes);
        if (block.outcome() == BlockWrite.Outcome.DURABLE) {
            volume.durableBytes += block.lengthBytes();
        }
        try {
            if (stream != null) {
                completed(block, stream);
            }
        } finally {
            context.blocks().giveBack(block);
        }
    }

    private void completed(InboundBlock block, StreamState stream) {
        stream.completed(block);
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

    /** Called once after a round's blocks came back. */
    void roundEnded() {
        slot.memory.wakeWaiting();
        for (SessionVolume volume : volumes) {
            if (volume.durableBytes > 0) {
                events.blocksDurable(slot.sourceServerId, volume.assignment.volumeId(), volume.durableBytes);
                volume.durableBytes = 0;
            }
        }
        if (state == State.ENDED) {
            return;
        }
        for (StreamState stream : streams) {
            if (stream != null) {
                stream.flushAck();
            }
        }
        epochs.tryCommit();
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
                epochs.tryCommit();
            }
        }
    }

    /** Asks that what was received is not kept waiting for larger rounds. */
    void forceSoon() {
        for (SessionVolume volume : volumes) {
            if (volume.volume != null && !volume.isIdle()) {
                volume.volume.forceSoon();
            }
        }
    }

    /** Asks the agent, if it takes such requests, to commit an epoch as soon as it can. */
    void requestCommit() {
        if (grants(Features.COMMIT_REQUEST)) {
            control.send(FrameType.COMMIT_REQUEST, new CommitRequest(CommitRequest.HOLD));
        }
    }

    // --- epochs

    void openEpoch(FrameHeader header, EpochOpen body) throws ProtocolException {
        for (SessionVolume volume : volumes) {
            if (volume.offered != null) { // it would be compared with what the epoch brings
                throw ProtocolException.at(
                        header, ErrorCode.STATE, "an offer of volume=" + volume.index + " is not answered yet");
            }
        }
        epochs.open(header, body);
    }

    // --- hashes of blocks

    /** Begins to compare what a volume holds with the hashes of an agent, unless the volume has failed or the session is about to end. */
    void hashOffer(FrameHeader header, HashOffer offer) throws ProtocolException {
        BlockRange range = offer.range();
        if (range.volume() >= volumes.size()) {
            throw ProtocolException.at(header, ErrorCode.RANGE, "volume=" + range.volume() + " is not in WELCOME");
        }
        SessionVolume volume = volumes.get(range.volume());
        long blocks = range.blocksOf(volume.assignment.sizeBytes());
        if (range.firstBlock() > blocks - range.count()) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.RANGE,
                    "first_block=" + range.firstBlock() + " count=" + range.count() + " of " + blocks + " blocks");
        }
        if (volume.offered != null) {
            throw ProtocolException.at(
                    header, ErrorCode.STATE, "an offer of volume=" + range.volume() + " is not answered yet");
        }
        if (!epochs.takesOffers(range.reportOnly())) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.STATE,
                    range.reportOnly()
                            ? "an epoch is open; REPORT_ONLY is for the time between two"
                            : "no epoch is open, or its commit waits");
        }
        if (volume.isFailed() || state == State.FINISHING) {
            return;
        }
        OfferedBlocks offered = new OfferedBlocks(this, volume, offer);
        volume.offered = offered;
        if (!range.reportOnly()) { // which is no sign that the replica is behind
            slot.blocksUnderWay.begin();
        }
        context.comparisons().submit(offered);
    }

    /** An offer was compared; what does not differ is on stable storage. */
    void compared(OfferedBlocks offered, BitSet differing) {
        notCompared(offered);
        if (state == State.ENDED) {
            return;
        }
        BlockRange range = offered.offer.range();
        VolumeAssignment assignment = offered.volume.assignment;
        control.send(new HashDiff(range, differing));
        events.blocksCompared(
                slot.sourceServerId,
                ComparedBlocks.of(assignment.volumeId(), assignment.sizeBytes(), range, differing));
    }

    /** An offer has no answer: its volume has failed, or nobody waits for it. */
    void notCompared(OfferedBlocks offered) {
        offered.volume.offered = null;
        if (!offered.offer.range().reportOnly()) {
            slot.blocksUnderWay.end();
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
        events.sourceStatus(slot.sourceServerId, List.copyOf(backlogs), waits);
    }

    // --- time

    void tick(long nowNanos) {
        if (state == State.ENDED) {
            return;
        }
        if (attachedCount < streams.length
                && nowNanos - openedNanos > settings.attachTimeout().toNanos()) {
            control.expired(
                    attachedCount + " of " + streams.length + " streams attached within "
                            + settings.attachTimeout().toSeconds() + " s",
                    SessionEndCause.SERVER_ENDED);
            return;
        }
        for (StreamState stream : streams) {
            if (stream != null) {
                stream.tick(nowNanos);
            }
        }
        tellProgress(nowNanos);
        if (state == State.DRAINING && nowNanos - drainDeadlineNanos > 0) {
            finish("the agent did not finish before the deadline of GOAWAY");
        }
    }

    private void tellProgress(long nowNanos) {
        long afterNanos = settings.progressAfter().toNanos();
        boolean holdWaits = slot.hold.waitingNanos(nowNanos) > afterNanos;
        boolean commitWaits = epochs.commitNanos(nowNanos) > afterNanos;
        boolean volumeWaits = false;
        for (SessionVolume volume : volumes) {
            volumeWaits |= volume.oldestNanos(nowNanos) > afterNanos;
        }
        if ((holdWaits || commitWaits || volumeWaits)
                && nowNanos - progressNanos > settings.progressInterval().toNanos()) {
            progressNanos = nowNanos;
            control.send(
                    FrameType.PROGRESS,
                    progress(
                            holdWaits ? WaitingFor.HOLD : commitWaits ? WaitingFor.COMMIT : WaitingFor.VOLUME,
                            nowNanos));
        }
    }

    /** What is under way on each volume. */
    private Progress progress(WaitingFor waitingFor, long nowNanos) {
        List<Progress.Volume> waiting = new ArrayList<>();
        for (SessionVolume volume : volumes) {
            if (volume.oldestNanos(nowNanos) > 0 || volume.isFailed()) {
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
            epochs.answer();
            events.goAwaySent(slot.sourceServerId, reason);
            drainDeadlineNanos =
                    context.clock().nanos() + settings.drainTimeout().toNanos();
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
            epochs.answer();
            context.comparisons().cancel(this);
            forceSoon();
            tryFinish();
        }
    }

    /** Ends the session if it is finishing and nothing is under way any more. */
    void tryFinish() {
        if (state != State.FINISHING || epochs.isStoring()) {
            return;
        }
        for (SessionVolume volume : volumes) {
            if (!volume.isIdle()) {
                return;
            }
        }
        for (StreamState stream : streams) {
            if (stream != null) {
                stream.flushLastAck();
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
        context.comparisons().cancel(this);
        SessionEndCause ofAgent = finishing ? SessionEndCause.AGENT_LEFT : cause;
        slot.sessionEnded(this, reason, askedToFinish ? SessionEndCause.SERVER_ENDED : ofAgent);
        for (StreamState stream : streams) {
            if (stream != null) {
                stream.end();
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
