package org.replicationserver.simulation;

import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.FrameHeader;

/** What blocks a payload stands for, told by other code than the server's. */
final class Payloads {
    private static final LZ4SafeDecompressor EXPANDER =
            LZ4Factory.safeInstance().safeDecompressor();

    private Payloads() {}

    /** The block of a DATA frame with this payload; null if the payload is none. */
    static byte @Nullable [] expanded(FrameHeader header, byte[] payload) {
        if (header.codec() == FrameHeader.CODEC_STORED) {
            return payload;
        }
        byte[] block = new byte[(int) header.rawLen()];
        try {
            return EXPANDER.decompress(payload, 0, payload.length, block, 0) == block.length ? block : null;
        } catch (LZ4Exception e) {
            return null;
        }
    }
}
