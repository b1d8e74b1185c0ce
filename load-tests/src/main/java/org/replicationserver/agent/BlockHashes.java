package org.replicationserver.agent;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The first 16 bytes of the SHA-256 of each block as it was last sent. Event loop only.
 *
 * <p>16 bytes for each 64 KiB: 256 MiB for a TiB, allocated as blocks are sent.
 */
final class BlockHashes {
    static final int HASH_BYTES = 16;

    private static final int PAGE_BLOCKS = 1 << 16;

    private final BlockLayout layout;
    private final byte[] zeroHash;
    private final byte[] zeroTailHash;
    private final byte[] @Nullable [] pages;

    BlockHashes(BlockLayout layout) {
        this.layout = layout;
        int last = layout.blocks() - 1;
        this.zeroHash = BlockDigest.ofZeros(BlockLayout.BLOCK_BYTES);
        this.zeroTailHash = BlockDigest.ofZeros((int) layout.bytes(last, 1));
        this.pages = new byte[last / PAGE_BLOCKS + 1] @Nullable [];
    }

    /** Records that the content with the hash at {@code at} in {@code hashes} was sent. */
    void put(int block, byte[] hashes, int at) {
        System.arraycopy(hashes, at, page(block), placeOf(block), HASH_BYTES);
    }

    /** Records that zeros were sent. */
    void putZeros(int first, int count) {
        for (int block = first; block < first + count; block++) {
            put(block, block == layout.blocks() - 1 ? zeroTailHash : zeroHash, 0);
        }
    }

    /** Whether the content with the hash at {@code at} in {@code hashes} is what was sent last. */
    boolean isSent(int block, byte[] hashes, int at) {
        byte[] page = pages[block / PAGE_BLOCKS];
        int place = placeOf(block);
        return page != null && Arrays.equals(page, place, place + HASH_BYTES, hashes, at, at + HASH_BYTES);
    }

    /** A copy of the hashes of some blocks; 16 zero bytes for one that was never sent. */
    byte[] copy(int first, int count) {
        byte[] copy = new byte[count * HASH_BYTES];
        for (int i = 0; i < count; i++) {
            byte[] page = pages[(first + i) / PAGE_BLOCKS];
            if (page != null) {
                System.arraycopy(page, placeOf(first + i), copy, i * HASH_BYTES, HASH_BYTES);
            }
        }
        return copy;
    }

    /** The hashes of the same disk with another size, in the same memory as far as can be; this one must not be used any more. */
    BlockHashes resized(BlockLayout newLayout) {
        BlockHashes resized = new BlockHashes(newLayout);
        for (int index = 0; index < Math.min(pages.length, resized.pages.length); index++) {
            byte[] page = pages[index];
            int pageBytes = resized.pageBytes(index);
            boolean fits = page == null || page.length == pageBytes;
            resized.pages[index] = fits ? page : Arrays.copyOf(page, pageBytes);
        }
        return resized;
    }

    private byte[] page(int block) {
        int index = block / PAGE_BLOCKS;
        byte[] page = pages[index];
        if (page == null) {
            page = new byte[pageBytes(index)];
            pages[index] = page;
        }
        return page;
    }

    private int pageBytes(int index) {
        int blocksLeft = layout.blocks() - index * PAGE_BLOCKS;
        return Math.min(PAGE_BLOCKS, blocksLeft) * HASH_BYTES;
    }

    private static int placeOf(int block) {
        return block % PAGE_BLOCKS * HASH_BYTES;
    }

    @Override
    public String toString() {
        return "BlockHashes[blocks=" + layout.blocks() + ", pages="
                + Arrays.stream(pages).filter(page -> page != null).count() + "]";
    }
}
