package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;

/** The socket of an agent's connection as its session sees it. Event loop only. */
public interface Transport {
    /** Sends a whole frame; the buffer may be used again when the call returns. */
    void write(ByteBuffer frame);

    /** Whether more can be sent without piling up; {@link AgentConnection#writable} tells when it can again. */
    boolean isWritable();

    /** Whether what the peer sends is read now: neither paused nor held up by the throttle. */
    boolean isReading();

    /** Goes on reading after {@link AgentConnection#received} said that it paused. */
    void resumeReading();

    /** From now on what comes from the wire is subject to the throttle, until the connection ends. Called at most once. */
    void throttle(SourceThrottle throttle);

    /**
     * Ends the connection: what was written is sent, the output is shut down, what still arrives is thrown away for at most a
     * second, then the socket is closed. {@link AgentConnection#closed} follows.
     */
    void end();

    /** The peer's address for logs and events. */
    String remoteAddress();
}
