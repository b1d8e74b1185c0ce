package org.replicationserver.receiver.listener;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import org.replicationserver.receiver.session.HeldMemory;
import org.replicationserver.receiver.session.PayloadMemory;

/** Payload memory from Netty's pool of direct buffers. Event loop only, as the pool's caches like it. */
final class NettyPayloadMemory implements PayloadMemory {
    private final ByteBufAllocator allocator;

    NettyPayloadMemory(ByteBufAllocator allocator) {
        this.allocator = allocator;
    }

    @Override
    public void allocate(HeldMemory memory, int payloadBytes) {
        ByteBuf buffer = allocator.directBuffer(payloadBytes, payloadBytes);
        memory.hold(buffer.nioBuffer(0, payloadBytes), buffer);
    }

    @Override
    public void release(HeldMemory memory) {
        if (memory.handle() instanceof ByteBuf buffer) {
            buffer.release();
        }
    }
}
