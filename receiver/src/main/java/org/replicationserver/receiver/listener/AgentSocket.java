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
 * <p>What comes from the pipeline is dispatched on Vert.x's context: Vert.x's checker of blocked threads sees nothing else.
 */
final class AgentSocket extends ChannelInboundHandlerAdapter implements Transport {
    private static final Logger LOG = LoggerFactory.getLogger(AgentSocket.class);
    private static final long LINGER_MILLIS = 1000;

    /** A peer that reads nothing may leave so much unsent; answers to its frames would pile up without end otherwise. */
    private static final long UNSENT_BYTES_MAX = 1024 * 1024;

    private final String remoteAddress;
    private final ContextInternal vertxContext;
    private @Nullable ChannelHandlerContext added;

    /** What arrived while reading was paused. */
    private final ArrayDeque<ByteBuf> waiting = new ArrayDeque<>();

    private @Nullable AgentConnection connection;
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
        if (channel().bytesBeforeWritable() > UNSENT_BYTES_MAX) {
            broke("the agent leaves more than " + UNSENT_BYTES_MAX + " bytes unread");
            ended = true;
            releaseWaiting();
            channel().close();
        }
    }

    @Override
    public boolean isWritable() {
        return channel().isWritable();
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
            channel().config().setAutoRead(true);
        }
    }

    @Override
    public void end() {
        if (ended) {
            return;
        }
        ended = true;
        releaseWaiting();
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
