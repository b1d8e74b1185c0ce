package org.replicationserver.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.util.List;

/**
 * Feeds the floor: the payloads of all DATA blocks in the order of their offsets, over one connection. Confined to the sender's
 * event loop. Its failures show at the floor, which then has not got what it must have.
 */
final class FloorSender extends ChannelInboundHandlerAdapter {
    private static final int HEADER_BYTES = 16;

    private final List<PreparedFrames.Block> blocks;
    private int next;
    private boolean open;

    private FloorSender(List<PreparedFrames.Block> blocks) {
        this.blocks = blocks;
    }

    static void start(TlsClient client, int port, SslContext tls, PreparedFrames frames) {
        FloorSender sender = new FloorSender(
                frames.blocks().stream().filter(block -> !block.isZero()).toList());
        client.connect(port, tls, sender, failure -> System.err.println("floor: " + failure.getMessage()));
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof SslHandshakeCompletionEvent handshake) {
            if (handshake.isSuccess()) {
                open = true;
                pump(context);
            } else {
                context.close();
            }
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (open && context.channel().isWritable()) {
            pump(context);
        }
    }

    private void pump(ChannelHandlerContext context) {
        while (next < blocks.size() && context.channel().isWritable()) {
            PreparedFrames.Block block = blocks.get(next++);
            ByteBuf header = context.alloc().directBuffer(HEADER_BYTES);
            header.writeIntLE(block.payload().limit()).writeIntLE(block.rawBytes());
            context.write(header.writeLongLE(block.offsetBytes()));
            context.write(Unpooled.wrappedBuffer(block.payload()));
        }
        context.flush();
        if (open && next == blocks.size()) {
            open = false;
            context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        context.close();
    }
}
