package org.replicationserver.receiver.listener;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Holds up the bytes of a connection before TLS, so that what is counted is what was on the wire. Event loop only.
 *
 * <p>While it is shut the channel reads by request only. What is asked for from above, by the socket or by TLS in the middle of a record,
 * is remembered; one buffer is fetched from the kernel; and its bytes wait here for {@link #pass}. So whoever waits has bytes, nothing is
 * fetched that nobody wants, and at most one buffer of 64 KiB is held.
 */
final class WireGate extends ChannelDuplexHandler {
    private final Runnable whenBytesWait;
    private final ArrayDeque<ByteBuf> held = new ArrayDeque<>();
    private @Nullable ChannelHandlerContext added;
    private boolean shut;
    private boolean wanted;
    private boolean passing;

    /** @param whenBytesWait told when bytes are here and wanted; {@link #pass} may be called at once */
    WireGate(Runnable whenBytesWait) {
        this.whenBytesWait = whenBytesWait;
    }

    boolean isShut() {
        return shut;
    }

    /** Whether bytes that have arrived wait for their turn. */
    boolean holdsBytes() {
        return !held.isEmpty();
    }

    /** Bytes wait from now on. */
    void shut() {
        shut = true;
        wanted = false;
    }

    /** Bytes go through from now on, those that are held first. */
    void open() {
        shut = false;
        if (!passing) {
            passAll();
        }
    }

    /** Passes on so many of the held bytes at most; says how many it were. */
    int pass(int bytesMax) {
        ByteBuf first = held.peek();
        if (first == null) {
            return 0;
        }
        int bytes = Math.min(bytesMax, first.readableBytes());
        ByteBuf piece = bytes == first.readableBytes() ? held.remove() : first.readRetainedSlice(bytes);
        wanted = false;
        passing = true;
        try {
            context().fireChannelRead(piece);
            context().fireChannelReadComplete();
        } finally {
            passing = false;
        }
        if (!shut) { // it was opened by what the bytes meant
            passAll();
        }
        return bytes;
    }

    private void passAll() {
        if (!held.isEmpty()) {
            while (!held.isEmpty()) {
                context().fireChannelRead(held.remove());
            }
            context().fireChannelReadComplete();
        }
    }

    // --- from the pipeline

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        added = ctx;
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        held.forEach(ByteBuf::release);
        held.clear();
    }

    @Override
    public void read(ChannelHandlerContext ctx) {
        if (!shut) {
            ctx.read();
            return;
        }
        wanted = true;
        if (held.isEmpty()) {
            ctx.read();
        } else {
            whenBytesWait.run();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (!shut) {
            ctx.fireChannelRead(message);
            return;
        }
        held.add((ByteBuf) message);
        if (wanted) {
            whenBytesWait.run();
        }
    }

    /** What was passed on has had its own. */
    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (!shut) {
            ctx.fireChannelReadComplete();
        } else if (wanted && held.isEmpty()) {
            ctx.read();
        }
    }

    private ChannelHandlerContext context() {
        ChannelHandlerContext context = added;
        if (context == null) {
            throw new IllegalStateException("not in a pipeline yet");
        }
        return context;
    }
}
