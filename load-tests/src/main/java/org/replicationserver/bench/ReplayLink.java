package org.replicationserver.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Body;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;

/** One connection of a session of the bench: framing and what all kinds have in common. Confined to the sender's event loop. */
abstract class ReplayLink extends ChannelInboundHandlerAdapter implements FrameReader.Handler {
    /** The session, as its connections see it. */
    interface Owner {
        /** It cannot go on, for this reason. */
        void fail(String what);

        /** A connection of it has ended. */
        void closed();
    }

    private final Owner owner;
    final FrameWriter writer = new FrameWriter();
    private final FrameReader reader = new FrameReader(this);
    private @Nullable ChannelHandlerContext context;

    ReplayLink(Owner owner) {
        this.owner = owner;
    }

    /** The handshake is complete. */
    abstract void opened();

    /** A frame other than ERROR came. */
    abstract void received(FrameType type, ByteBuffer payload) throws ProtocolException;

    /** The socket takes more again. */
    void writable() {}

    final void send(FrameType type, Body body) {
        send(writer.json(type, body));
    }

    final void send(ByteBuffer frame) {
        write(Unpooled.wrappedBuffer(frame));
        flush();
    }

    final void write(ByteBuf bytes) {
        if (context == null) {
            bytes.release();
        } else {
            context.write(bytes);
        }
    }

    final void flush() {
        if (context != null) {
            context.flush();
        }
    }

    final boolean isWritable() {
        return context != null && context.channel().isWritable();
    }

    final void end() {
        if (context != null) {
            context.close();
        }
    }

    // --- from the socket

    @Override
    public final void userEventTriggered(ChannelHandlerContext newContext, Object event) {
        if (event instanceof SslHandshakeCompletionEvent handshake) {
            if (handshake.isSuccess()) {
                context = newContext;
                opened();
            } else {
                owner.fail("the TLS handshake failed: " + handshake.cause().getMessage());
            }
        }
    }

    @Override
    public final void channelRead(ChannelHandlerContext unused, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        try {
            reader.read(bytes.nioBuffer());
        } catch (ProtocolException e) {
            owner.fail("the server broke the protocol: " + e.getMessage());
        } finally {
            bytes.release();
        }
    }

    @Override
    public final void channelWritabilityChanged(ChannelHandlerContext unused) {
        if (isWritable()) {
            writable();
        }
    }

    @Override
    public final void channelInactive(ChannelHandlerContext unused) {
        owner.closed();
    }

    @Override
    public final void exceptionCaught(ChannelHandlerContext unused, Throwable cause) {
        owner.fail("the connection broke: " + cause.getMessage());
    }

    // --- from the reader

    @Override
    public final FrameReader.Admission admit(FrameHeader header) {
        return FrameReader.Admission.TAKE;
    }

    @Override
    public final ByteBuffer blockBuffer(FrameHeader header) {
        throw new IllegalStateException("a server sends no blocks");
    }

    @Override
    public final void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
        FrameType type = header.type();
        if (type == FrameType.ERROR) {
            ErrorBody error = ErrorBody.parse(JsonBody.parse(payload));
            owner.fail("the server answered ERROR " + error.name() + ": " + error.text());
        } else if (type != null) {
            received(type, payload);
        }
    }

    @Override
    public final void skipped(FrameHeader header) {}
}
