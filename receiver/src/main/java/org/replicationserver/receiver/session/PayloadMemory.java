package org.replicationserver.receiver.session;

/** Direct memory for the payloads of DATA frames. Event loop only. */
public interface PayloadMemory {
    /** Gives the block a direct buffer of exactly so many bytes as its payload. */
    void allocate(InboundBlock block, int payloadBytes);

    /** Takes the buffer back. */
    void release(InboundBlock block);
}
