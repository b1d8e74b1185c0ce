package org.replicationserver.receiver.listener;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.SslHandler;
import io.vertx.core.internal.ContextInternal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.AgentConnection;
import org.replicationserver.receiver.session.SourceThrottle;
import org.replicationserver.receiver.session.ThrottledStream;
import org.replicationserver.receiver.session.Transport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The socket of an agent's connection: a handler at the end of its pipeline, so that decrypted bytes stay in direct memory up to
 * the frame reader. Event loop only.
 *
 * <p>The end, by case: ended by the session, it sends what is left and close_notify, shuts down its output, throws away what
 * still comes for {@link #LINGER_MILLIS} and closes; without the wait the kernel would answer late bytes with a reset and the peer
 * might never read the error. Ended by the peer, it closes at once.
 *
 * <p>There are two reasons to read no further, and each ends by itself: the session has no memory, and the throttle, which has the bytes
 * wait in a {@link WireGate}. Without them the channel reads by itself; under the throttle each read is asked for.
 *
 * <p>What comes from the pipeline is dispatched on Vert.x's context: Vert.x's checker of blocked threads sees nothing else.
 */
final class AgentSocket extends ChannelInboundHandlerAdapter implements Transport, ThrottledStream {
    private static final Logger LOG = LoggerFactory.getLogger(AgentSocket.class);
    private static final long LINGER_MILLIS = 1000;

    /** A peer that reads nothing may leave so much unsent; answers to its frames would pile up without end otherwise. */
    static final long UNSENT_BYTES_MAX = 1024 * 1024;

    private final String remoteAddress;
    private final ContextInternal vertxContext;
    private @Nullable ChannelHandlerContext added;

    /** What arrived while reading was paused. */
    private final ArrayDeque<ByteBuf> waiting = new ArrayDeque<>();

    private @Nullable AgentConnection connection;
    private @Nullable SourceThrottle throttle;

    /** Made when the connection is throttled first. */
    private @Nullable WireGate gate;

    private boolean paused;
    private boolean ended;

    AgentSocket(String remoteAddress, ContextInternal vertxContext) {
        this.remoteAddress = remoteAddress;
        this.vertxContext = vertxContext;
    }

    void open(AgentConnection newConnection) {
        connection = newConnection;
    }

    // --- from the pipeline

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        added = ctx;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        ContextInternal before = vertxContext.beginDispatch();
        try {
            if (paused) {
                waiting.add(bytes);
            } else {
                read(bytes);
            }
        } finally {
            vertxContext.endDispatch(before);
        }
    }

    /** Hands bytes to the session; keeps what it leaves when it pauses. */
    private void read(ByteBuf bytes) {
        AgentConnection open = connection;
        if (ended || open == null) {
            bytes.release();
            return;
        }
        ByteBuffer input = bytes.nioBufferCount() == 1
                ? bytes.internalNioBuffer(bytes.readerIndex(), bytes.readableBytes())
                : bytes.nioBuffer();
        int start = input.position();
        boolean keep = false;
        try {
            keep = !open.received(input) && !ended;
            bytes.skipBytes(input.position() - start);
        } finally {
            if (!keep) {
                bytes.release();
            }
        }
        if (keep) {
            waiting.addFirst(bytes);
            paused = true;
            channel().config().setAutoRead(false);
        }
    }

    /** Under the throttle, asks for what comes next; otherwise the channel reads by itself. */
    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (isThrottled() && !paused) {
            ctx.read();
        }
        ctx.fireChannelReadComplete();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        ContextInternal before = vertxContext.beginDispatch();
        try {
            if (connection != null && channel().isWritable()) {
                connection.writable();
            }
        } finally {
            vertxContext.endDispatch(before);
        }
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        ContextInternal before = vertxContext.beginDispatch();
        try {
            releaseWaiting();
            leaveThrottle();
            if (connection != null) {
                connection.closed();
            }
        } finally {
            vertxContext.endDispatch(before);
        }
        ctx.fireChannelInactive();
    }

    /** A reset, bad TLS of the peer, or a fault of ours: either way this connection is over and no other is harmed. */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable failure) {
        // What the TLS engine has against the peer comes wrapped.
        Throwable cause = failure instanceof DecoderException wrapped && wrapped.getCause() instanceof SSLException tls
                ? tls
                : failure;
        if (cause instanceof IOException) {
            broke(String.valueOf(cause.getMessage()));
        } else {
            LOG.atError()
                    .setCause(cause)
                    .addKeyValue("address", remoteAddress)
                    .log("connection closed after a fault of this program");
        }
        ended = true; // what still comes before the close would be read by what has failed
        releaseWaiting();
        leaveThrottle();
        ctx.close();
    }

    private void broke(String cause) {
        if (connection != null) {
            connection.broke(cause);
        }
    }

    private void releaseWaiting() {
        waiting.forEach(ByteBuf::release);
        waiting.clear();
    }

    // --- from the session

    @Override
    public void write(ByteBuffer frame) {
        ChannelHandlerContext context = context();
        ByteBuf bytes = context.alloc().directBuffer(frame.remaining());
        bytes.writeBytes(frame);
        context.writeAndFlush(bytes, context.voidPromise());
        if (unsentBytes(channel()) > UNSENT_BYTES_MAX) {
            broke("the agent leaves more than " + UNSENT_BYTES_MAX + " bytes unread");
            ended = true;
            releaseWaiting();
            leaveThrottle();
            channel().close();
        }
    }

    /** What the peer must take before the channel counts as writable; nothing of a closed one, of which Netty says the largest number. */
    static long unsentBytes(Channel channel) {
        return channel.isOpen() ? channel.bytesBeforeWritable() : 0;
    }

    @Override
    public void throttle(SourceThrottle newThrottle) {
        throttle = newThrottle;
        newThrottle.join(this);
    }

    @Override
    public void throttled(boolean on) {
        if (ended) {
            return;
        }
        WireGate wire = gate();
        if (on) {
            wire.shut();
            channel().config().setAutoRead(false);
        } else {
            wire.open();
        }
        if (!paused) {
            readOn();
        }
    }

    @Override
    public int pass(int bytesMax) {
        return gate().pass(bytesMax);
    }

    private boolean isThrottled() {
        return gate != null && gate.isShut();
    }

    private WireGate gate() {
        WireGate made = gate;
        if (made == null) {
            made = new WireGate(this::wantToPass);
            gate = made;
            channel().pipeline().addFirst("wire-gate", made);
        }
        return made;
    }

    private void wantToPass() {
        if (throttle != null) {
            throttle.wants(this);
        }
    }

    private void leaveThrottle() {
        if (throttle != null) {
            throttle.leave(this);
        }
    }

    private void readOn() {
        if (isThrottled()) {
            context().read();
        } else {
            channel().config().setAutoRead(true);
        }
    }

    @Override
    public boolean isWritable() {
        return channel().isWritable();
    }

    @Override
    public boolean isReading() {
        return !paused && (gate == null || !gate.holdsBytes());
    }

    @Override
    public void resumeReading() {
        if (!paused || ended) {
            return;
        }
        paused = false;
        try {
            while (!paused && !waiting.isEmpty()) {
                read(waiting.remove());
            }
        } catch (RuntimeException | Error e) {
            // It would reach whoever gave the memory back, and this socket would wait for ever.
            exceptionCaught(context(), e);
            return;
        }
        if (!paused) {
            readOn();
        }
    }

    @Override
    public void end() {
        if (ended) {
            return;
        }
        ended = true;
        releaseWaiting();
        leaveThrottle();
        if (gate != null) {
            gate.open(); // TLS would not understand what comes without what is held
        }
        channel().config().setAutoRead(true);
        SslHandler ssl = channel().pipeline().get(SslHandler.class);
        if (ssl != null) {
            ssl.closeOutbound();
        }
        context().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(sent -> shutdownOutput());
        channel().eventLoop().schedule(() -> channel().close(), LINGER_MILLIS, TimeUnit.MILLISECONDS);
    }

    private void shutdownOutput() {
        if (channel() instanceof SocketChannel socket && socket.isActive()) {
            socket.shutdownOutput();
        }
    }

    @Override
    public String remoteAddress() {
        return remoteAddress;
    }

    private ChannelHandlerContext context() {
        ChannelHandlerContext context = added;
        if (context == null) {
            throw new IllegalStateException("not in a pipeline yet");
        }
        return context;
    }

    private Channel channel() {
        return context().channel();
    }
}
