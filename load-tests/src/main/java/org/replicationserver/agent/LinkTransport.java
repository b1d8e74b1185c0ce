package org.replicationserver.agent;

import java.nio.ByteBuffer;

/** The socket below an {@link AgentLink}. Event loop only. */
public interface LinkTransport {
    /** Queues a frame; what remains in {@code frame} is copied. */
    void write(ByteBuffer frame);

    /** Queues a frame and takes its memory over. */
    void write(FrameBuffer frame);

    /** Sends what is queued. */
    void flush();

    /** Whether little is queued, so that more blocks should be read. */
    boolean isWritable();

    /** Whether the socket has taken all that was flushed. */
    boolean isDrained();

    /** Sends what is queued and close_notify, then closes. Nothing is heard from the socket afterwards. */
    void end();
}
