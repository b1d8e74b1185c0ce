package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** The memory of one payload, from {@link PayloadMemory#allocate} to {@link PayloadMemory#release}. One thread at a time. */
public final class HeldMemory {
    private @Nullable ByteBuffer buffer;
    private @Nullable Object handle;

    /** Set by {@link PayloadMemory#allocate}: the buffer, positioned at 0 and bounded by its limit, and the owner's handle. */
    public void hold(ByteBuffer newBuffer, Object newHandle) {
        buffer = newBuffer;
        handle = newHandle;
    }

    /** The handle of {@link #hold}; null while nothing is held. */
    public @Nullable Object handle() {
        return handle;
    }

    void letGo() {
        buffer = null;
        handle = null;
    }

    ByteBuffer buffer() {
        ByteBuffer held = buffer;
        if (held == null) {
            throw new IllegalStateException("the block has no payload memory");
        }
        return held;
    }
}
