package org.replicationserver.receiver.session;

/** Direct memory for the payloads of blocks. Event loop only. */
public interface PayloadMemory {
    /** Has a direct buffer of exactly so many bytes held. */
    void allocate(HeldMemory memory, int payloadBytes);

    /** Takes the buffer back. */
    void release(HeldMemory memory);
}
