package org.replicationserver.agent;

import java.nio.ByteBuffer;

/** Memory for one frame, handed from its maker to the connection that sends it. Used by one thread at a time. */
public interface FrameBuffer {
    /** All of the memory; its limit is the frame's end once the frame is made. */
    ByteBuffer bytes();

    /** Gives the memory back, unless {@link LinkTransport#write} took it over. */
    void release();

    /** Makes memory for frames; any thread. */
    interface Allocator {
        FrameBuffer allocate(int bytes);
    }
}
