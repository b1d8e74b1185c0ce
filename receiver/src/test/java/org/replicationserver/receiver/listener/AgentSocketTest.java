package org.replicationserver.receiver.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.embedded.EmbeddedChannel;
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
}
