package org.replicationserver.receiver.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class WireGateTest {
    /** What happened, in order: what was asked of the kernel, what was told, what came out above. */
    private final List<String> seen = new ArrayList<>();

    private final List<ByteBuf> made = new ArrayList<>();
    private final WireGate gate = new WireGate(() -> seen.add("bytes wait"));
    private boolean opensAtNextPiece;

    private final EmbeddedChannel channel = new EmbeddedChannel(
            new ChannelOutboundHandlerAdapter() {
                @Override
                public void read(ChannelHandlerContext ctx) {
                    seen.add("read");
                }
            },
            gate,
            new ChannelInboundHandlerAdapter() {
                @Override
                public void channelRead(ChannelHandlerContext ctx, Object message) {
                    ByteBuf bytes = (ByteBuf) message;
                    seen.add(bytes.toString(StandardCharsets.US_ASCII));
                    bytes.release();
                    if (opensAtNextPiece) {
                        opensAtNextPiece = false;
                        gate.open();
                        seen.add("opened");
                    }
                }

                @Override
                public void channelReadComplete(ChannelHandlerContext ctx) {
                    seen.add("complete");
                }
            });

    WireGateTest() {
        channel.config().setAutoRead(false);
        seen.clear();
    }

    /** Every buffer is given back whatever happened. */
    @AfterEach
    void close() {
        channel.finishAndReleaseAll();
        assertThat(made).allMatch(bytes -> bytes.refCnt() == 0);
    }

    /** The kernel has these bytes for a read that was asked for. */
    private void arrive(String text) {
        ByteBuf bytes = Unpooled.copiedBuffer(text, StandardCharsets.US_ASCII);
        made.add(bytes);
        channel.pipeline().fireChannelRead(bytes);
        channel.pipeline().fireChannelReadComplete();
    }

    private List<String> taken() {
        List<String> taken = List.copyOf(seen);
        seen.clear();
        return taken;
    }

    @Test
    void openGateIsNotThere() {
        channel.read();
        arrive("abc");
        assertThat(taken()).containsExactly("read", "abc", "complete");
    }

    @Test
    void bytesOfAShutGateWaitForTheirTurnAndAreCutToIt() {
        gate.shut();
        channel.read();
        arrive("abcdefgh");
        assertThat(taken()).containsExactly("read", "bytes wait");
        assertThat(gate.pass(3)).isEqualTo(3);
        assertThat(taken()).containsExactly("abc", "complete");
        channel.read();
        assertThat(taken()).as("nothing is fetched while bytes are here").containsExactly("bytes wait");
        assertThat(gate.pass(100)).isEqualTo(5);
        assertThat(taken()).containsExactly("defgh", "complete");
        channel.read();
        assertThat(taken()).containsExactly("read");
        assertThat(gate.pass(100)).isZero();
    }

    @Test
    void bytesThatNobodyAsksForAskForNoTurn() {
        gate.shut();
        channel.read();
        arrive("abcdef");
        gate.pass(2);
        taken();
        arrive("gh");
        assertThat(taken()).isEmpty();
        channel.read();
        assertThat(taken()).containsExactly("bytes wait");
    }

    @Test
    void readThatBroughtNothingIsAskedForAgain() {
        gate.shut();
        channel.read();
        taken();
        channel.pipeline().fireChannelReadComplete();
        assertThat(taken()).containsExactly("read");
    }

    @Test
    void openingPassesWhatIsHeldFirst() {
        gate.shut();
        channel.read();
        arrive("abcdef");
        gate.pass(2);
        taken();
        gate.open();
        arrive("gh");
        assertThat(taken()).containsExactly("cdef", "complete", "gh", "complete");
        gate.open();
        assertThat(taken()).isEmpty();
    }

    /** TLS is in the middle of a record then, and must not be called again before it is done. */
    @Test
    void openingByWhatAPieceMeansPassesTheRestAfterIt() {
        gate.shut();
        channel.read();
        arrive("abcdef");
        taken();
        opensAtNextPiece = true;
        gate.pass(2);
        assertThat(taken()).containsExactly("ab", "opened", "complete", "cdef", "complete");
    }

    @Test
    void closeGivesBackWhatIsHeld() {
        gate.shut();
        channel.read();
        arrive("abcdef");
        gate.pass(2);
        channel.close();
        assertThat(made).allMatch(bytes -> bytes.refCnt() == 0);
    }
}
