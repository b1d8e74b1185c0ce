package org.replicationserver.agent;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;

/** Frames in pooled direct memory. Any thread. */
final class NettyFrames implements FrameBuffer.Allocator {
    private final ByteBufAllocator allocator;

    NettyFrames(ByteBufAllocator allocator) {
        this.allocator = allocator;
    }

    @Override
    public FrameBuffer allocate(int bytes) {
        return new Frame(allocator.directBuffer(bytes, bytes));
    }

    /** One frame; its memory goes back when it was written, or is released. */
    static final class Frame implements FrameBuffer {
        private final ByteBuf memory;
        private final ByteBuffer view;

        Frame(ByteBuf memory) {
            this.memory = memory;
            this.view = memory.nioBuffer(0, memory.capacity());
        }

        @Override
        public ByteBuffer bytes() {
            return view;
        }

        @Override
        public void release() {
            memory.release();
        }

        /** The memory with the frame as its readable bytes; whoever takes it releases it. */
        ByteBuf take() {
            return memory.setIndex(0, view.limit());
        }
    }
}
