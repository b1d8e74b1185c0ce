package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.replicationserver.receiver.protocol.HashOffer;

/**
 * Makes of a private copy of blocks what is sent of them: compares, finds zeros, hashes, takes the CRC and compresses. Confined to
 * one reader thread.
 */
public final class BlockPreparer {
    /** Blocks that are read, and may be sent, as one: 256 KiB, the natural size of a frame. */
    static final int READ_BLOCKS_MAX = 4;

    private final BlockPacker packer;
    private final BlockDigest digest = new BlockDigest();
    private final byte[] zeroHash = BlockDigest.ofZeros(BlockLayout.BLOCK_BYTES);
    private final byte[] wholeZeroHash = new byte[HashOffer.HASH_BYTES];
    private final BlockRead.Kind[] kinds = new BlockRead.Kind[READ_BLOCKS_MAX];

    public BlockPreparer(FrameBuffer.Allocator allocator) {
        this.packer = new BlockPacker(allocator);
        digest.wholeHash(ByteBuffer.allocate(BlockLayout.BLOCK_BYTES), wholeZeroHash, 0);
    }

    /** Fills in what {@code read} is for, whose bytes are in {@code copy} from 0 on, where nobody changes them. */
    public void prepare(DiskRead read, ByteBuffer copy) {
        switch (read) {
            case BlockRead blocks -> prepare(blocks, copy);
            case HashRead hashed -> hash(hashed, copy);
        }
    }

    /** The hash of a MiB is that of the hashes of its blocks. */
    private void hash(HashRead read, ByteBuffer copy) {
        for (int i = 0; i < read.count; i++) {
            ByteBuffer block = blockOf(copy, i, read.layout.bytes(read.first + i, 1));
            boolean zero = isZero(block);
            read.zeros.set(i, zero);
            int at = read.hashAt(read.first + i);
            if (zero && block.remaining() == BlockLayout.BLOCK_BYTES) {
                System.arraycopy(wholeZeroHash, 0, read.hashes, at, HashOffer.HASH_BYTES);
            } else {
                digest.wholeHash(block, read.hashes, at);
            }
        }
        digest.wholeHash(ByteBuffer.wrap(read.hashes), read.treeHash, 0);
    }

    private void prepare(BlockRead read, ByteBuffer copy) {
        for (int i = 0; i < read.count; i++) {
            kinds[i] = kindOf(read, i, blockOf(copy, i, read.layout.bytes(read.first + i, 1)));
        }
        int start = 0;
        for (int end = 1; end <= read.count; end++) {
            if (end == read.count || kinds[end] != kinds[start]) {
                read.add(part(read, copy, start, end - start));
                start = end;
            }
        }
    }

    private BlockRead.Kind kindOf(BlockRead read, int index, ByteBuffer block) {
        int at = index * BlockHashes.HASH_BYTES;
        boolean zero = isZero(block);
        if (zero && block.remaining() == BlockLayout.BLOCK_BYTES) {
            System.arraycopy(zeroHash, 0, read.hashes, at, BlockHashes.HASH_BYTES);
        } else {
            digest.hash(block.duplicate(), read.hashes, at);
        }
        int end = at + BlockHashes.HASH_BYTES;
        if (!read.isForced(index) && Arrays.equals(read.hashes, at, end, read.sentHashes, at, end)) {
            return BlockRead.Kind.UNCHANGED;
        }
        return zero ? BlockRead.Kind.ZERO : BlockRead.Kind.DATA;
    }

    private BlockRead.Part part(BlockRead read, ByteBuffer copy, int start, int count) {
        int first = read.first + start;
        if (kinds[start] != BlockRead.Kind.DATA) {
            return BlockRead.Part.of(kinds[start], first, count);
        }
        ByteBuffer raw = blockOf(copy, start, read.layout.bytes(first, count));
        BlockPacker.Packed packed = packer.pack(raw);
        return new BlockRead.Part(
                BlockRead.Kind.DATA, first, count, packed.frame(), packed.codec(), packed.rawCrc32c());
    }

    private static ByteBuffer blockOf(ByteBuffer copy, int index, long bytes) {
        return copy.slice(index << BlockLayout.BLOCK_SHIFT, (int) bytes);
    }

    /** Blocks are multiples of 512 bytes. */
    private static boolean isZero(ByteBuffer block) {
        for (int i = 0; i < block.limit(); i += Long.BYTES) {
            if (block.getLong(i) != 0) {
                return false;
            }
        }
        return true;
    }
}
