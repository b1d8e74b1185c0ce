package org.replicationserver.agent;

import java.nio.ByteBuffer;

/** Frames on the heap that count how many are not given back. */
final class HeapFrames implements FrameBuffer.Allocator {
    private int held;

    int held() {
        return held;
    }

    @Override
    public FrameBuffer allocate(int bytes) {
        held++;
        ByteBuffer memory = ByteBuffer.allocate(bytes);
        return new FrameBuffer() {
            private boolean released;

            @Override
            public ByteBuffer bytes() {
                if (released) {
                    throw new IllegalStateException("used after release");
                }
                return memory;
            }

            @Override
            public void release() {
                if (released) {
                    throw new IllegalStateException("released twice");
                }
                released = true;
                held--;
            }
        };
    }
}
