package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.volume.BlockExpander;
import org.replicationserver.volume.BlockWrite;

/**
 * A TEST frame on its way through the server. It is no {@link BlockWrite}, and so nothing that a volume takes. The event loop's, but for
 * the time at the background thread.
 */
final class TestBlock {
    final TestStream stream;
    final int payloadBytes;
    final HeldMemory memory = new HeldMemory();

    // set when it is whole
    long seq;
    int rawBytes;
    private int rawCrc32c;
    private boolean compressed;

    // set by the background thread
    boolean sound;
    long expandNanos;

    TestBlock(TestStream stream, int payloadBytes) {
        this.stream = stream;
        this.payloadBytes = payloadBytes;
    }

    void set(FrameHeader header) {
        seq = header.seq();
        rawBytes = (int) header.rawLen();
        rawCrc32c = header.rawCrc32c();
        compressed = header.codec() == FrameHeader.CODEC_LZ4;
    }

    /** Expands and checks it in {@code room}, which has room for the largest block. Background thread. */
    void check(BlockExpander expander, ByteBuffer room) {
        BlockWrite.Codec codec = compressed ? BlockWrite.Codec.LZ4 : BlockWrite.Codec.STORED;
        sound = expander.expand(codec, memory.buffer(), room, 0, rawBytes, rawCrc32c);
    }
}
