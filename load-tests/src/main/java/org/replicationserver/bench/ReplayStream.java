package org.replicationserver.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/** One data connection: replays its stream's blocks as fast as window and socket allow. Confined to the sender's event loop. */
final class ReplayStream extends ReplayLink {
    private static final int VOLUME = 0;

    private final ReplaySession session;
    private final int number;
    private final long generation;
    private final List<PreparedFrames.Block> blocks;
    private @Nullable SendWindow window;
    private int next;
    private long epoch;
    private long fenceSeq;

    ReplayStream(ReplaySession session, int number, long generation, List<PreparedFrames.Block> blocks) {
        super(session);
        this.session = session;
        this.number = number;
        this.generation = generation;
        this.blocks = blocks;
    }

    @Override
    void opened() {
        send(FrameType.ATTACH, new Attach(generation, number));
    }

    @Override
    void received(FrameType type, ByteBuffer payload) throws ProtocolException {
        if (type == FrameType.ATTACHED && window == null) {
            Attached limits = Attached.parse(JsonBody.parse(payload));
            if (limits.rawLenMax() < PreparedFrames.BLOCK_BYTES) {
                session.fail("rawLenMax=" + limits.rawLenMax() + ", the bench sends blocks of "
                        + PreparedFrames.BLOCK_BYTES);
                return;
            }
            window = new SendWindow(limits, writer.lastSeq());
            session.attached();
        } else if (type == FrameType.DURABLE_ACK) {
            DurableAck.read(payload, (volume, durableSeq, limitBytes) -> acknowledge(durableSeq, limitBytes));
            pump();
        } else {
            session.fail("the server sent " + type + " on a data connection");
        }
    }

    private void acknowledge(long durableSeq, long limitBytes) throws ProtocolException {
        if (window != null) {
            window.acknowledge(durableSeq, limitBytes);
        }
    }

    /** The epoch is open. */
    void begin(long openEpoch) {
        epoch = openEpoch;
        pump();
    }

    @Override
    void writable() {
        pump();
    }

    private void pump() {
        SendWindow open = window;
        if (open == null || epoch == 0 || fenceSeq != 0) {
            return;
        }
        boolean sent = false;
        while (next < blocks.size() && isWritable() && open.admits(windowBytes(blocks.get(next)))) {
            sendBlock(open, blocks.get(next++));
            sent = true;
        }
        if (next == blocks.size()) {
            write(Unpooled.wrappedBuffer(writer.fence(epoch)));
            fenceSeq = writer.lastSeq();
            sent = true;
            session.fenced();
        }
        if (sent) {
            flush();
        }
    }

    private void sendBlock(SendWindow open, PreparedFrames.Block block) {
        ByteBuffer header = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES);
        long seq = block.isZero()
                ? writer.zero(header, VOLUME, true, block.offsetBytes(), block.rawBytes(), epoch)
                : writer.dataHeader(
                        header,
                        VOLUME,
                        block.isStored() ? FrameHeader.CODEC_STORED : FrameHeader.CODEC_LZ4,
                        block.payload().limit(),
                        block.rawBytes(),
                        block.offsetBytes(),
                        epoch,
                        block.rawCrc32c());
        open.sent(seq, windowBytes(block));
        write(Unpooled.wrappedBuffer(header.flip()));
        if (!block.isZero()) {
            ByteBuf payload = Unpooled.wrappedBuffer(block.payload());
            write(payload);
        }
    }

    private static int windowBytes(PreparedFrames.Block block) {
        return block.isZero() ? ProtocolLimits.ZERO_WINDOW_BYTES : block.rawBytes();
    }

    /** The seq of this stream's FENCE, or 0 while it was not sent. */
    long fenceSeq() {
        return fenceSeq;
    }

    String progress() {
        return "stream " + number + " sent " + next + " of " + blocks.size() + " blocks";
    }
}
