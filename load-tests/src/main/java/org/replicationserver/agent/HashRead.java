package org.replicationserver.agent;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.BlockRange;
import org.replicationserver.receiver.protocol.HashOffer;

/**
 * A MiB of a disk, or what there is of it at the end, that is read to be hashed: each of its blocks and all of it. Owned by the event loop,
 * then by one reader thread, then by the event loop again.
 */
public final class HashRead implements DiskRead {
    /** Blocks of a whole one. */
    static final int BLOCKS = 1 << (BlockRange.TREE_SHIFT - BlockRange.LEAF_SHIFT);

    // set by the event loop
    private final int disk;
    final BlockLayout layout;
    final int first;
    final int count;
    final DiskComparison taker;

    // set by the reader thread
    final byte[] hashes;
    final byte[] treeHash = new byte[HashOffer.HASH_BYTES];
    final BitSet zeros = new BitSet(BLOCKS);
    private @Nullable String failure;

    /** @param tree number of the MiB */
    HashRead(int disk, BlockLayout layout, int tree, DiskComparison taker) {
        this.disk = disk;
        this.layout = layout;
        this.first = tree * BLOCKS;
        this.count = Math.min(BLOCKS, layout.blocks() - first);
        this.taker = taker;
        this.hashes = new byte[count * HashOffer.HASH_BYTES];
    }

    @Override
    public int disk() {
        return disk;
    }

    @Override
    public long offsetBytes() {
        return layout.offsetBytes(first);
    }

    @Override
    public int bytes() {
        return (int) layout.bytes(first, count);
    }

    int tree() {
        return first / BLOCKS;
    }

    /** Whether all of it is zero. */
    boolean isZero() {
        return zeros.cardinality() == count;
    }

    boolean isZero(int block) {
        return zeros.get(block - first);
    }

    /** Where the hash of a block is in {@link #hashes}. */
    int hashAt(int block) {
        return (block - first) * HashOffer.HASH_BYTES;
    }

    @Override
    public void fail(String text) {
        failure = text;
    }

    /** Why it could not be read, or null. */
    @Nullable
    String failure() {
        return failure;
    }
}
