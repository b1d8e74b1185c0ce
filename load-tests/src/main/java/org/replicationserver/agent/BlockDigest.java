package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256 cut to 16 bytes. Confined to the thread that made it. */
final class BlockDigest {
    private static final int SHA256_BYTES = 32;

    private final MessageDigest sha256 = newSha256();
    private final byte[] whole = new byte[SHA256_BYTES];

    /** Writes the hash of what remains of {@code content} to {@code into}. */
    void hash(ByteBuffer content, byte[] into, int at) {
        sha256.update(content);
        try {
            sha256.digest(whole, 0, SHA256_BYTES);
        } catch (DigestException e) {
            throw new AssertionError("there is room for 32 bytes", e);
        }
        System.arraycopy(whole, 0, into, at, BlockHashes.HASH_BYTES);
    }

    static byte[] ofZeros(int bytes) {
        byte[] hash = new byte[BlockHashes.HASH_BYTES];
        new BlockDigest().hash(ByteBuffer.allocate(bytes), hash, 0);
        return hash;
    }

    private static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
