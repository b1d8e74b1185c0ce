package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256, whole or cut to 16 bytes. Confined to the thread that made it. */
final class BlockDigest {
    private static final int SHA256_BYTES = 32;

    private final MessageDigest sha256 = newSha256();
    private final byte[] whole = new byte[SHA256_BYTES];

    /** Writes the first 16 bytes of the hash of what remains of {@code content} to {@code into}. */
    void hash(ByteBuffer content, byte[] into, int at) {
        wholeHash(content, whole, 0);
        System.arraycopy(whole, 0, into, at, BlockHashes.HASH_BYTES);
    }

    /** Writes the 32 bytes of the hash of what remains of {@code content} to {@code into}. */
    void wholeHash(ByteBuffer content, byte[] into, int at) {
        sha256.update(content);
        try {
            sha256.digest(into, at, SHA256_BYTES);
        } catch (DigestException e) {
            throw new AssertionError("there is room for 32 bytes", e);
        }
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
