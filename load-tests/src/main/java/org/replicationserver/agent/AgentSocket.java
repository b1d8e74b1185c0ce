package org.replicationserver.agent;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.ssl.SslHandler;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The socket of a connection: a handler at the end of its pipeline, so that blocks go from the reader's memory to TLS without
 * another copy. Event loop only.
 *
 * <p>The end, by case: ended by the session, it sends what is left and close_notify, shuts down its output, throws away what still
 * comes until the server closes, for {@link #LINGER_MILLIS} at most, and closes. Ended by the server, it closes at once.
 */
final class AgentSocket extends ChannelInboundHandlerAdapter implements LinkTransport {
    static final long LINGER_MILLIS = 1000;

    /** Blocks are read ahead until so much is queued. */
    private static final WriteBufferWaterMark QUEUED_BYTES = new WriteBufferWaterMark(512 * 1024, 1024 * 1024);

    private final AgentLink link;
    private @Nullable ChannelHandlerContext added;
    private @Nullable Throwable failure;
    private boolean ended;

    AgentSocket(AgentLink link) {
        this.link = link;
    }

    // --- from the pipeline

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        added = ctx;
        ctx.channel().config().setWriteBufferWaterMark(QUEUED_BYTES);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        try {
            if (!ended) {
                link.received(bytes.nioBuffer());
            }
        } finally {
            bytes.release();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (ctx.channel().isWritable()) {
            link.writable();
        }
        ctx.fireChannelWritabilityChanged();
    }

    /** With TLS 1.3 the server's refusal of our certificate comes after our handshake succeeded. */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        failure = cause;
        ctx.close();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (!ended) {
            ended = true;
            link.closed(failure == null ? LinkFailure.lost("closed by the server") : TlsFailures.classify(failure));
        }
        ctx.fireChannelInactive();
    }

    // --- from the session

    @Override
    public void write(ByteBuffer frame) {
        ByteBuf bytes = context().alloc().directBuffer(frame.remaining());
        bytes.writeBytes(frame);
        context().write(bytes, context().voidPromise());
    }

    @Override
    public void write(FrameBuffer frame) {
        context().write(((NettyFrames.Frame) frame).take(), context().voidPromise());
    }

    @Override
    public void flush() {
        context().flush();
    }

    @Override
    public boolean isWritable() {
        return channel().isWritable();
    }

    @Override
    public boolean isDrained() {
        return channel().bytesBeforeUnwritable() > QUEUED_BYTES.high();
    }

    @Override
    public void end() {
        if (ended) {
            return;
        }
        ended = true;
        SslHandler ssl = channel().pipeline().get(SslHandler.class);
        if (ssl != null) {
            ssl.closeOutbound();
        }
        context().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(_ -> shutdownOutput());
        channel().eventLoop().schedule(() -> channel().close(), LINGER_MILLIS, TimeUnit.MILLISECONDS);
    }

    private void shutdownOutput() {
        if (channel() instanceof SocketChannel socket && socket.isActive()) {
            socket.shutdownOutput();
        }
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
