package org.replicationserver.receiver.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.embedded.EmbeddedChannel;
import io.vertx.core.Vertx;
import io.vertx.core.internal.ContextInternal;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

final class AgentSocketTest {
    private static final int BYTES = 1000;

    @Test
    void whatThePeerLeavesIsCountedUntilTheChannelIsClosed() {
        EmbeddedChannel channel = new EmbeddedChannel();
        channel.config().setWriteBufferWaterMark(new WriteBufferWaterMark(1, 1));
        assertThat(AgentSocket.unsentBytes(channel)).isZero();
        channel.write(Unpooled.wrappedBuffer(new byte[BYTES]));
        assertThat(AgentSocket.unsentBytes(channel)).isGreaterThanOrEqualTo(BYTES);
        channel.close();
        assertThat(AgentSocket.unsentBytes(channel))
                .as("nobody is left to take it")
                .isZero();
    }

    @Test
    void peerIsLeftThatLeavesMoreUnreadThanTheBound() throws Exception {
        Vertx vertx = Vertx.vertx();
        try {
            AgentSocket socket = new AgentSocket("192.0.2.1:1", (ContextInternal) vertx.getOrCreateContext());
            EmbeddedChannel channel = new EmbeddedChannel(new ReadsNothing(), socket);
            channel.config().setWriteBufferWaterMark(new WriteBufferWaterMark(1, 1));
            ByteBuffer frame = ByteBuffer.allocate(BYTES);
            while (AgentSocket.unsentBytes(channel) <= AgentSocket.UNSENT_BYTES_MAX - 2 * BYTES) {
                socket.write(frame.duplicate());
                assertThat(channel.isOpen()).as("below the bound").isTrue();
            }
            for (int i = 0; i < 3; i++) {
                socket.write(frame.duplicate());
            }
            assertThat(channel.isOpen()).as("beyond the bound").isFalse();
        } finally {
            vertx.close().toCompletionStage().toCompletableFuture().get();
        }
    }

    /** As a peer whose socket is full. */
    private static final class ReadsNothing extends ChannelOutboundHandlerAdapter {
        @Override
        public void flush(ChannelHandlerContext ctx) {}
    }

    @Test
    void endedConnectionHoldsNothingBackAnyMore() throws Exception {
        Vertx vertx = Vertx.vertx();
        try {
            AgentSocket socket = new AgentSocket("192.0.2.1:1", (ContextInternal) vertx.getOrCreateContext());
            EmbeddedChannel channel = new EmbeddedChannel(socket);
            socket.throttled(true);
            ByteBuf before = Unpooled.wrappedBuffer(new byte[BYTES]);
            channel.writeInbound(before);
            assertThat(before.refCnt()).as("held under the throttle").isEqualTo(1);
            socket.end();
            assertThat(before.refCnt()).as("held no more").isZero();
            ByteBuf after = Unpooled.wrappedBuffer(new byte[BYTES]);
            channel.writeInbound(after);
            assertThat(after.refCnt()).as("what comes until the close").isZero();
        } finally {
            vertx.close().toCompletionStage().toCompletableFuture().get();
        }
    }
}
