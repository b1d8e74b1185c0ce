package org.replicationserver.volume;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;

/**
 * What one comparison that runs needs: aligned memory for one piece, which is one block of 1 MiB or less, and a digest. Lent to a {@link
 * BlockComparison} until that is done; used by one thread at a time.
 */
public final class CompareMemory {
    /** A volume's writer reads and hashes so much before it looks for writes again. */
    static final int PIECE_BYTES = 1 << 20;

    /** A block of 1 MiB is hashed as blocks of this size, whose hashes are hashed. */
    static final int LEAF_BYTES = 1 << 16;

    static final int HASH_BYTES = 32;

    private static final byte[] ZEROS = new byte[LEAF_BYTES];

    // The collector frees it: a comparison of a device that hangs has it for as long as that takes.
    private final MemorySegment memory = Arena.ofAuto().allocate(PIECE_BYTES, Slab.PAGE_BYTES);
    private final MessageDigest sha256 = newSha256();
    private final MessageDigest tree = newSha256();
    private final byte[] leaf = new byte[LEAF_BYTES];
    private final byte[] hash = new byte[HASH_BYTES];
    private final byte[] zeroLeafHash;

    /** Allocates the memory, 1 MiB and a little. */
    public CompareMemory() {
        zeroLeafHash = sha256.digest(ZEROS);
    }

    private static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }

    MemorySegment piece(long lengthBytes) {
        return memory.asSlice(0, lengthBytes);
    }

    /** Whether these bytes of the piece are zero. */
    boolean isZero(int from, int lengthBytes) {
        for (int at = from; at < from + lengthBytes; at += LEAF_BYTES) {
            int leafBytes = takeLeaf(at, from + lengthBytes);
            if (!isZeroLeaf(leafBytes)) {
                return false;
            }
        }
        return true;
    }

    /** Whether the hash of a block of the piece is the one at {@code at} of {@code hashes}. */
    boolean hasHash(int from, int lengthBytes, boolean asTree, byte[] hashes, int at) {
        if (asTree) {
            for (int begin = from; begin < from + lengthBytes; begin += LEAF_BYTES) {
                hashLeaf(takeLeaf(begin, from + lengthBytes));
                tree.update(hash);
            }
            digest(tree);
        } else {
            hashLeaf(takeLeaf(from, from + lengthBytes));
        }
        return Arrays.equals(hash, 0, HASH_BYTES, hashes, at, at + HASH_BYTES);
    }

    /** Copied to the heap, where digests take it at once instead of in little pieces. */
    private int takeLeaf(int from, int end) {
        int leafBytes = Math.min(LEAF_BYTES, end - from);
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, from, leaf, 0, leafBytes);
        return leafBytes;
    }

    private boolean isZeroLeaf(int leafBytes) {
        return Arrays.equals(leaf, 0, leafBytes, ZEROS, 0, leafBytes);
    }

    private void hashLeaf(int leafBytes) {
        if (leafBytes == LEAF_BYTES && isZeroLeaf(leafBytes)) {
            System.arraycopy(zeroLeafHash, 0, hash, 0, HASH_BYTES);
        } else {
            sha256.update(leaf, 0, leafBytes);
            digest(sha256);
        }
    }

    private void digest(MessageDigest done) {
        try {
            done.digest(hash, 0, HASH_BYTES);
        } catch (DigestException e) {
            throw new AssertionError("there is room for 32 bytes", e);
        }
    }
}
