package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.BlockWrite;

/**
 * A DATA or ZERO frame on its way through the server, from its header to its acknowledgement; pooled by {@link BlockPool}. The
 * event loop's, but for the time at the volume writer, which sees it as a {@link BlockWrite}.
 */
public final class InboundBlock extends BlockWrite {
    @Nullable
    SourceSession session;

    int stream;
    int volume;
    long seq;
    int payloadBytes;

    /** What {@link PayloadMemory} keeps of the buffer. */
    private @Nullable Object memory;

    private @Nullable ByteBuffer buffer;

    // links of the volume's list of blocks under way, oldest first
    @Nullable
    InboundBlock older;

    @Nullable
    InboundBlock newer;

    InboundBlock() {}

    /** Set by {@link PayloadMemory#allocate}: the buffer, positioned at 0 and bounded by its limit, and the owner's handle. */
    public void holdMemory(@Nullable ByteBuffer newBuffer, @Nullable Object handle) {
        buffer = newBuffer;
        memory = handle;
    }

    /** The handle of {@link #holdMemory}. */
    public @Nullable Object memory() {
        return memory;
    }

    /** The buffer of {@link #holdMemory}. */
    ByteBuffer buffer() {
        ByteBuffer held = buffer;
        if (held == null) {
            throw new IllegalStateException("the block has no payload memory");
        }
        return held;
    }
}
