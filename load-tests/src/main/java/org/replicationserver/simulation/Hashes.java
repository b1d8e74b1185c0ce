package org.replicationserver.simulation;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.replicationserver.receiver.protocol.BlockRange;

/** Hashes of blocks as the specification says them, in code of its own. */
final class Hashes {
    private static final int LEAF_BYTES = 1 << BlockRange.LEAF_SHIFT;

    private Hashes() {}

    /** That of a block of 1 MiB is of the hashes of its blocks of 64 KiB. */
    static byte[] of(byte[] block, int blockShift) {
        MessageDigest leaf = newSha256();
        if (blockShift == BlockRange.LEAF_SHIFT) {
            return leaf.digest(block);
        }
        MessageDigest tree = newSha256();
        for (int at = 0; at < block.length; at += LEAF_BYTES) {
            leaf.update(block, at, Math.min(LEAF_BYTES, block.length - at));
            tree.update(leaf.digest());
        }
        return tree.digest();
    }

    static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
