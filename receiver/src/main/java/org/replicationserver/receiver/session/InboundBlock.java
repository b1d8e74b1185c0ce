package org.replicationserver.receiver.session;

import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.BlockWrite;

/**
 * A DATA or ZERO frame on its way through the server, from its header to its acknowledgement; pooled by {@link BlockPool}. The
 * event loop's, but for the time at the volume writer, which sees it as a {@link BlockWrite}.
 */
final class InboundBlock extends BlockWrite {
    @Nullable
    SourceSession session;

    int stream;
    int volume;
    long seq;
    int payloadBytes;

    final HeldMemory memory = new HeldMemory();

    // links of the volume's list of blocks under way, oldest first
    @Nullable
    InboundBlock older;

    @Nullable
    InboundBlock newer;

    InboundBlock() {}
}
