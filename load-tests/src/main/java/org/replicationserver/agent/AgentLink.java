package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Body;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * One connection to the server: numbering, framing and what both kinds of connections have in common. Event loop only.
 *
 * <p>CONNECTING → OPEN → ENDED; a link that could not be opened goes to ENDED at once. After ENDED nothing is sent and what arrives
 * is thrown away.
 */
public abstract class AgentLink implements FrameReader.Handler {
    private enum State {
        CONNECTING,
        OPEN,
        ENDED
    }

    private final LinkOwner owner;
    final FrameWriter writer = new FrameWriter();
    private final FrameReader reader = new FrameReader(this);
    private final LongSupplier clockNanos;
    private final Grease grease;

    private State state = State.CONNECTING;
    private @Nullable LinkTransport transport;
    private boolean unflushed;
    private long heardNanos;
    private long sentNanos;

    AgentLink(LinkOwner owner, LongSupplier clockNanos, Grease grease) {
        this.owner = owner;
        this.clockNanos = clockNanos;
        this.grease = grease;
        this.heardNanos = clockNanos.getAsLong();
    }

    // --- from the socket

    /** The connection is there, its handshake complete. */
    public final void opened(LinkTransport newTransport) {
        if (state == State.ENDED) {
            newTransport.end();
            return;
        }
        state = State.OPEN;
        transport = newTransport;
        heardNanos = clockNanos.getAsLong();
        sentNanos = heardNanos;
        onOpened();
        owner.flush();
    }

    /** Bytes arrived; they are all read. */
    public final void received(ByteBuffer input) {
        if (state != State.OPEN) {
            return;
        }
        heardNanos = clockNanos.getAsLong();
        try {
            reader.read(input);
        } catch (ProtocolException e) {
            refuse(e);
        }
        owner.flush();
    }

    /** The socket can take more again. */
    public final void writable() {
        if (state == State.OPEN) {
            owner.pump();
            owner.flush();
        }
    }

    /** The connection could not be opened, or is gone. */
    public final void closed(LinkFailure failure) {
        if (state != State.ENDED) {
            state = State.ENDED;
            owner.linkClosed(this, failure);
        }
    }

    // --- from the session

    final boolean isOpen() {
        return state == State.OPEN;
    }

    final boolean isWritable() {
        return state == State.OPEN && transport != null && transport.isWritable();
    }

    /** Whether the socket has taken all that was sent, so that the network holds nothing up. */
    final boolean isDrained() {
        return state == State.OPEN && transport != null && transport.isDrained();
    }

    /** When something was last received. */
    final long heardNanos() {
        return heardNanos;
    }

    /** When something was last sent. */
    final long sentNanos() {
        return sentNanos;
    }

    /** Ends the connection without a word. */
    final void end() {
        if (state == State.OPEN && transport != null) {
            transport.end();
        }
        state = State.ENDED;
    }

    final void flush() {
        if (unflushed && state == State.OPEN && transport != null) {
            unflushed = false;
            transport.flush();
        }
    }

    final void send(FrameType type, Body body) {
        write(writer.json(type, grease.members(type, body)));
    }

    final void send(FrameType type) {
        write(writer.empty(type));
    }

    final void send(HashOffer offer) {
        write(writer.offer(offer));
    }

    /** Sends a frame whose bytes are complete but for what grease does to them. */
    final void write(ByteBuffer frame) {
        if (state == State.OPEN && transport != null) {
            grease.reserved(frame);
            transport.write(frame);
            unflushed = true;
            sentNanos = clockNanos.getAsLong();
            owner.count().wireBytes(frame.limit());
        }
    }

    /** Sends a block's frame and takes over its memory. */
    final void write(FrameBuffer frame) {
        if (state == State.OPEN && transport != null) {
            grease.reserved(frame.bytes());
            owner.count().wireBytes(frame.bytes().limit());
            transport.write(frame);
            unflushed = true;
            sentNanos = clockNanos.getAsLong();
        } else {
            frame.release();
        }
    }

    /** Now and then sends a frame that the server must skip. */
    final void maybeGrease(long nowNanos) {
        if (state == State.OPEN && grease.isDue(nowNanos)) {
            ByteBuffer frame = writer.json(FrameType.BYE, grease.nonsense());
            grease.makeIgnorable(frame);
            write(frame);
        }
    }

    /** Whether it is the first of its owner's, for which the server is looked up. */
    abstract boolean isFirst();

    abstract void onOpened();

    /** What a frame of the server means; {@code payload} is whole. */
    abstract void onFrame(FrameHeader header, FrameType type, ByteBuffer payload) throws ProtocolException;

    /** Whether the server may send a frame of the type on this connection, if it is granted. */
    abstract boolean accepts(FrameType type);

    // --- from the reader

    @Override
    public final FrameReader.Admission admit(FrameHeader header) throws ProtocolException {
        FrameType type = header.type();
        String feature = type == null ? null : type.feature();
        if (feature != null && !owner.grants(feature)) {
            throw ProtocolException.at(
                    header, ErrorCode.UNSUPPORTED, type + " belongs to a feature that is not granted here: " + feature);
        }
        if (type != null && type != FrameType.ERROR && !accepts(type)) {
            throw ProtocolException.at(header, ErrorCode.STATE, type + " is not allowed here");
        }
        return FrameReader.Admission.TAKE;
    }

    @Override
    public final ByteBuffer blockBuffer(FrameHeader header) {
        throw new IllegalStateException("a server sends no blocks");
    }

    @Override
    public final void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
        FrameType type = header.type();
        if (state != State.OPEN || type == null) {
            return;
        }
        if (type == FrameType.ERROR) {
            owner.errorReceived(this, ErrorBody.parse(JsonBody.parse(payload)));
        } else {
            onFrame(header, type, payload);
        }
    }

    @Override
    public final void skipped(FrameHeader header) {
        owner.count().skippedFrame();
    }

    /** Answers bad input of the server and ends the owner. */
    private void refuse(ProtocolException e) {
        send(FrameType.ERROR, e.toBody());
        owner.serverBroke(e);
    }
}
