package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.volume.BlockWrite;

/**
 * A stream of a session: its data connection, how far it has come for each volume, and the acknowledgements that say so. Event loop
 * only.
 *
 * <p>Invariants of each volume on the stream: durableSeq and limitBytes only grow; durableSeq stays below the first seq that was
 * dropped; receivedBytes never exceeds limitBytes.
 */
final class StreamState {
    private static final class VolumeOnStream {
        /** Window bytes of the frames received since ATTACHED. */
        long receivedBytes;

        /** What receivedBytes may come to. */
        long limitBytes;

        /** The newest seq that is durable with all before it. */
        long durableSeq;

        /** The oldest seq that was dropped, so that no acknowledgement may reach it; 0 if none. */
        long droppedSeq;

        /** Blocks that are with the volume. */
        int underWay;

        /** Less than a largest block of the window is left while blocks are under way. */
        boolean usedUp;

        /** Something has changed since the last acknowledgement. */
        boolean changed;

        /** A block came on this stream. */
        boolean used;

        void dropped(long seq) {
            if (droppedSeq == 0 || seq < droppedSeq) {
                droppedSeq = seq;
            }
        }
    }

    final int number;
    final AgentConnection connection;

    /** Seq of the FENCE of the open epoch; 0 if none came yet. */
    long fenceSeq;

    private final VolumeOnStream[] volumes;
    private final int rawLenMax;
    private final SourceSlot slot;
    private final ByteBuffer ackBuffer;

    /** Frames received and not durable yet, of all volumes. */
    private int unacked;

    private boolean ackDue;
    private long ackedNanos;
    private boolean ended;

    StreamState(
            int number, AgentConnection connection, int volumeCount, int windowBytes, int rawLenMax, SourceSlot slot) {
        this.number = number;
        this.connection = connection;
        this.volumes = new VolumeOnStream[volumeCount];
        for (int i = 0; i < volumeCount; i++) {
            volumes[i] = new VolumeOnStream();
            volumes[i].limitBytes = windowBytes;
        }
        this.rawLenMax = rawLenMax;
        this.slot = slot;
        this.ackBuffer = ByteBuffer.allocate(FrameHeader.BYTES + DurableAck.bytes(volumeCount));
        this.ackedNanos = slot.context.clock().nanos();
    }

    // --- blocks

    void requireRoom(FrameHeader header) throws ProtocolException {
        VolumeOnStream v = volumes[header.volume()];
        if (v.receivedBytes + windowBytes(header) > v.limitBytes) {
            throw ProtocolException.at(header, ErrorCode.LIMIT, "more than limit_bytes=" + v.limitBytes);
        }
        if (unacked >= ProtocolLimits.UNACKED_FRAMES_MAX) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.LIMIT,
                    "more than " + ProtocolLimits.UNACKED_FRAMES_MAX + " unacknowledged frames");
        }
    }

    private static long windowBytes(FrameHeader header) {
        return header.type() == FrameType.ZERO ? ProtocolLimits.ZERO_WINDOW_BYTES : header.rawLen();
    }

    /** A block's frame takes its part of the window, whatever becomes of it. */
    void received(FrameHeader header) {
        volumes[header.volume()].receivedBytes += windowBytes(header);
        unacked++;
    }

    /** A block's frame is thrown away. */
    void dropped(FrameHeader header) {
        volumes[header.volume()].dropped(header.seq());
    }

    /** A block goes to its volume. */
    void submitted(FrameHeader header) {
        VolumeOnStream v = volumes[header.volume()];
        received(header);
        v.underWay++;
        v.used = true;
        lookAtWindow(v);
    }

    /** A block came back from its volume. */
    void completed(InboundBlock block) {
        VolumeOnStream v = volumes[block.volume];
        v.underWay--;
        if (block.outcome() != BlockWrite.Outcome.DURABLE) {
            v.dropped(block.seq);
        } else {
            unacked--;
            if (v.droppedSeq == 0 || block.seq < v.droppedSeq) {
                v.durableSeq = Math.max(v.durableSeq, block.seq);
                v.limitBytes += block.windowBytes();
                v.changed = true;
                ackDue = true;
            }
        }
        lookAtWindow(v);
    }

    private void lookAtWindow(VolumeOnStream v) {
        boolean usedUp = !ended && v.underWay > 0 && v.limitBytes - v.receivedBytes < rawLenMax;
        if (usedUp != v.usedUp) {
            v.usedUp = usedUp;
            if (usedUp) {
                slot.windowUsedUp.begin();
            } else {
                slot.windowUsedUp.end();
            }
        }
    }

    /** Whether all frames that were received are durable. */
    boolean isIdle() {
        return unacked == 0;
    }

    /** Whether a frame of this stream was dropped, so that its epoch cannot be committed any more. */
    boolean hasDropped() {
        for (VolumeOnStream v : volumes) {
            if (v.droppedSeq != 0) {
                return true;
            }
        }
        return false;
    }

    // --- acknowledgements

    /** Sends the acknowledgement that is due, unless the socket is full; then it goes when the socket has room. */
    void flushAck() {
        if (!ended && ackDue && connection.transport().isWritable()) {
            sendAck();
        }
    }

    /** Sends the acknowledgement that is due however full the socket is: it is the last. */
    void flushLastAck() {
        if (ackDue) {
            sendAck();
        }
    }

    /** Repeats the acknowledgement if none was sent for a while. */
    void tick(long nowNanos) {
        if (nowNanos - ackedNanos > slot.context.settings().ackInterval().toNanos()) {
            for (VolumeOnStream v : volumes) {
                v.changed |= v.used;
            }
            ackDue = true;
            flushAck();
        }
    }

    private void sendAck() {
        int entries = 0;
        for (VolumeOnStream v : volumes) {
            if (v.changed) {
                entries++;
            }
        }
        ackBuffer.clear();
        connection.writer().ackHeader(ackBuffer, entries);
        DurableAck.putHead(ackBuffer, connection.receivedSeq(), entries);
        for (int i = 0; i < volumes.length; i++) {
            VolumeOnStream v = volumes[i];
            if (v.changed) {
                v.changed = false;
                DurableAck.putEntry(ackBuffer, i, durableSeq(v), v.limitBytes);
            }
        }
        ackDue = false;
        ackedNanos = slot.context.clock().nanos();
        connection.transport().write(ackBuffer.flip());
        slot.context.events().acknowledged();
    }

    /** What an acknowledgement says of a volume. */
    private long durableSeq(VolumeOnStream v) {
        if (v.underWay == 0 && v.droppedSeq == 0) {
            v.durableSeq = Math.max(v.durableSeq, connection.receivedSeq());
        }
        return v.durableSeq;
    }

    /** The session has ended: nothing is acknowledged any more, and no window is used up. */
    void end() {
        ended = true;
        for (VolumeOnStream v : volumes) {
            lookAtWindow(v);
        }
    }
}
