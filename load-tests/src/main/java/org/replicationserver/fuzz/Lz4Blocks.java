package org.replicationserver.fuzz;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.BlockExpander;
import org.replicationserver.volume.BlockWrite.Codec;

/**
 * The payload of a block: {@link BlockExpander}, beside the library's decoder in Java and a third one that is written for clearness. The
 * first three bytes of an input are the raw length, little-endian, of which 17 bits count.
 *
 * <p>Rules: all three agree what a payload expands to, or that it does not, but for how a block may end; nothing outside of the block's place is written; no other
 * CRC32C is taken.
 */
final class Lz4Blocks implements FuzzTarget {
    private static final int LENGTH_BYTES = 3;
    private static final int RAW_BYTES_MAX = 1 << 17;
    private static final int MARGIN_BYTES = 64;
    private static final byte UNTOUCHED = 0x5A;

    private static final LZ4SafeDecompressor JAVA_DECODER =
            LZ4Factory.safeInstance().safeDecompressor();

    private final BlockExpander expander = new BlockExpander();
    private final ByteBuffer target = ByteBuffer.allocateDirect(RAW_BYTES_MAX + 2 * MARGIN_BYTES);
    private final byte[] content = new byte[RAW_BYTES_MAX + 2 * MARGIN_BYTES];

    @Override
    public long allocatedBytesMax(int inputBytes) {
        return ALLOCATED_BYTES_MIN + 4 * RAW_BYTES_MAX + ALLOCATED_PER_BYTE * inputBytes;
    }

    @Override
    public void run(byte[] input) {
        if (input.length < LENGTH_BYTES) {
            return;
        }
        int rawBytes =
                (Byte.toUnsignedInt(input[0]) | Byte.toUnsignedInt(input[1]) << 8 | Byte.toUnsignedInt(input[2]) << 16)
                        % RAW_BYTES_MAX;
        // No frame has a block of nothing, of which decoders think differently.
        rawBytes = Math.max(1, rawBytes);
        byte[] payload = Arrays.copyOfRange(input, LENGTH_BYTES, input.length);
        ReferenceLz4 reference = ReferenceLz4.expand(payload, rawBytes);
        byte @Nullable [] library = byLibrary(payload, rawBytes);
        int crc = crcOf(reference.raw());
        boolean whole = expand(payload, rawBytes, crc);
        switch (reference.verdict()) {
            // Rubbish may happen to have this CRC, but not another one too.
            case UNDEFINED -> Rules.require(!whole || !expand(payload, rawBytes, crc ^ 1), "one CRC32C is taken");
            case REFUSED -> {
                Rules.require(library == null, "the library's decoder in Java refuses what is malformed");
                Rules.require(!whole, "a malformed payload is refused");
            }
            case EXPANDED -> {
                Rules.require(Arrays.equals(reference.raw(), library), "the library's decoder in Java expands it");
                Rules.require(whole, "a well-formed payload is expanded");
                requireExpanded(payload, reference.raw(), crc);
            }
            case EXPANDED_OR_REFUSED -> {
                Rules.require(
                        library == null || Arrays.equals(reference.raw(), library),
                        "the library's decoder in Java expands it to the same");
                if (whole) {
                    requireExpanded(payload, reference.raw(), crc);
                }
            }
        }
    }

    private void requireExpanded(byte[] payload, byte[] raw, int crc) {
        byte[] expanded = Arrays.copyOfRange(content, MARGIN_BYTES, MARGIN_BYTES + raw.length);
        Rules.require(Arrays.equals(raw, expanded), "the payload is expanded as the reference does");
        Rules.require(!expand(payload, raw.length, crc ^ 1), "a wrong CRC32C is refused");
    }

    private boolean expand(byte[] payload, int rawBytes, int crc) {
        Arrays.fill(content, 0, rawBytes + 2 * MARGIN_BYTES, UNTOUCHED);
        target.clear().put(0, content, 0, rawBytes + 2 * MARGIN_BYTES);
        ByteBuffer direct =
                ByteBuffer.allocateDirect(payload.length).put(payload).flip();
        boolean whole = expander.expand(Codec.LZ4, direct, target, MARGIN_BYTES, rawBytes, crc);
        Rules.require(direct.position() == 0 && direct.limit() == payload.length, "the payload's bounds stay");
        target.clear().get(0, content, 0, rawBytes + 2 * MARGIN_BYTES);
        for (int i = 0; i < MARGIN_BYTES; i++) {
            Rules.require(content[i] == UNTOUCHED, "nothing before the block is written");
            Rules.require(content[MARGIN_BYTES + rawBytes + i] == UNTOUCHED, "nothing behind the block is written");
        }
        return whole;
    }

    private static byte @Nullable [] byLibrary(byte[] payload, int rawBytes) {
        try {
            byte[] raw = new byte[rawBytes];
            return JAVA_DECODER.decompress(payload, 0, payload.length, raw, 0, rawBytes) == rawBytes ? raw : null;
        } catch (LZ4Exception e) {
            return null;
        }
    }

    private static int crcOf(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
