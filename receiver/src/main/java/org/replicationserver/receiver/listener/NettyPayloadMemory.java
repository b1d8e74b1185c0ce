package org.replicationserver.receiver.listener;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import org.replicationserver.receiver.session.InboundBlock;
import org.replicationserver.receiver.session.PayloadMemory;

/** Payload memory from Netty's pool of direct buffers. Event loop only, as the pool's caches like it. */
final class NettyPayloadMemory implements PayloadMemory {
    private final ByteBufAllocator allocator;

    NettyPayloadMemory(ByteBufAllocator allocator) {
        this.allocator = allocator;
    }

    @Override
    public void allocate(InboundBlock block, int payloadBytes) {
        ByteBuf buffer = allocator.directBuffer(payloadBytes, payloadBytes);
        block.holdMemory(buffer.nioBuffer(0, payloadBytes), buffer);
    }

    @Override
    public void release(InboundBlock block) {
        if (block.memory() instanceof ByteBuf buffer) {
            buffer.release();
        }
    }
}
