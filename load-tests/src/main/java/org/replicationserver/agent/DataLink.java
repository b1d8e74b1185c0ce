package org.replicationserver.agent;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/** A data connection: one stream of the session. Event loop only. */
final class DataLink extends AgentLink {
    private final AgentSession session;
    private final int stream;
    private final ByteBuffer zeroFrame = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES);
    private @Nullable Attached attached;
    private int unackedFrames;

    DataLink(AgentSession session, AgentIo io, Grease grease, int stream) {
        super(session, io::nanoTime, grease);
        this.session = session;
        this.stream = stream;
    }

    int stream() {
        return stream;
    }

    boolean isAttached() {
        return attached != null;
    }

    int windowBytes() {
        return attached().windowBytes();
    }

    int unackedFramesMax() {
        return attached().unackedFramesMax();
    }

    int blocksPerFrame() {
        return Math.min(attached().rawLenMax() / BlockLayout.BLOCK_BYTES, BlockPreparer.READ_BLOCKS_MAX);
    }

    /** Whether so many frames more may be unacknowledged; one is always allowed when there are none. */
    boolean hasFrames(int frames) {
        return unackedFrames == 0 || unackedFrames + frames <= attached().unackedFramesMax();
    }

    void framesAcknowledged(int frames) {
        unackedFrames -= frames;
    }

    // --- sending

    /** Completes and sends a DATA frame; says how many bytes of payload it has. */
    int sendData(Lane lane, BlockRead.Part part, FrameBuffer frame, long offsetBytes, int rawBytes) {
        ByteBuffer bytes = frame.bytes().position(0);
        int payloadBytes = bytes.limit() - FrameHeader.BLOCK_BYTES;
        writer.dataHeader(
                bytes,
                lane.volume.index,
                part.codec(),
                payloadBytes,
                rawBytes,
                offsetBytes,
                session.transfer().openEpoch(),
                part.rawCrc32c());
        bytes.position(0);
        unackedFrames++;
        write(frame);
        return payloadBytes;
    }

    void sendZero(Lane lane, long offsetBytes, long zeroBytes) {
        zeroFrame.clear();
        writer.zero(
                zeroFrame,
                lane.volume.index,
                true,
                offsetBytes,
                zeroBytes,
                session.transfer().openEpoch());
        unackedFrames++;
        write(zeroFrame.flip());
    }

    /** Ends this stream's part of an epoch; returns the FENCE's seq. */
    long sendFence(long epoch) {
        write(writer.fence(epoch));
        return writer.lastSeq();
    }

    /** The server hears of this stream at least every ten seconds, so that it knows a dead connection from one that is idle. */
    void pingIfSilent(long nowNanos, long afterNanos) {
        if (isAttached() && nowNanos - sentNanos() > afterNanos) {
            send(FrameType.PING);
        }
    }

    // --- from the server

    @Override
    boolean isFirst() {
        return false;
    }

    @Override
    void onOpened() {
        send(FrameType.ATTACH, new Attach(session.generation(), stream));
    }

    @Override
    boolean accepts(FrameType type) {
        return attached == null ? type == FrameType.ATTACHED : type == FrameType.DURABLE_ACK;
    }

    @Override
    void onFrame(FrameHeader header, FrameType type, ByteBuffer payload) throws ProtocolException {
        if (type == FrameType.ATTACHED) {
            attached = checked(Attached.parse(JsonBody.parse(payload)));
            session.attached();
            return;
        }
        long receivedSeq = DurableAck.read(payload, this::acknowledged);
        if (receivedSeq > writer.lastSeq()) {
            throw ProtocolException.at(header, ErrorCode.PROTOCOL, "received_seq is beyond what was sent");
        }
        session.acknowledged();
    }

    private void acknowledged(int volume, long durableSeq, long limitBytes) throws ProtocolException {
        Lane lane = session.transfer().lane(stream, volume);
        if (lane == null) {
            throw new ProtocolException(
                    ErrorCode.RANGE, "DURABLE_ACK of volume " + volume + ", of which nothing is sent here");
        }
        if (durableSeq > writer.lastSeq()) {
            throw new ProtocolException(ErrorCode.PROTOCOL, "durable_seq is beyond what was sent");
        }
        lane.acknowledge(durableSeq, limitBytes);
    }

    private static Attached checked(Attached limits) throws ProtocolException {
        if (limits.windowBytes() < ProtocolLimits.WINDOW_BYTES_MIN || limits.rawLenMax() < BlockLayout.BLOCK_BYTES) {
            throw new ProtocolException(
                    ErrorCode.PROTOCOL,
                    "windowBytes=" + limits.windowBytes() + " rawLenMax=" + limits.rawLenMax() + ", allowed are "
                            + ProtocolLimits.WINDOW_BYTES_MIN + " and " + BlockLayout.BLOCK_BYTES + " or more");
        }
        return limits;
    }

    private Attached attached() {
        Attached limits = attached;
        if (limits == null) {
            throw new IllegalStateException("stream " + stream + " is not attached");
        }
        return limits;
    }
}
