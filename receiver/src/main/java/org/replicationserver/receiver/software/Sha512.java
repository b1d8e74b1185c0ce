package org.replicationserver.receiver.software;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-512 of files, as 128 lower-case hexadecimal digits. */
final class Sha512 {
    private static final int BUFFER_BYTES = 256 * 1024;

    private Sha512() {}

    static MessageDigest newDigest() {
        try {
            return MessageDigest.getInstance("SHA-512");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("the JDK has no SHA-512", e);
        }
    }

    /**
     * Adds bytes of a file.
     *
     * @param endByte {@link Long#MAX_VALUE} for the end of the file
     */
    static void update(MessageDigest digest, FileChannel file, long fromByte, long endByte) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
        long at = fromByte;
        while (at < endByte) {
            buffer.clear().limit((int) Math.min(buffer.capacity(), endByte - at));
            int read = file.read(buffer, at);
            if (read < 0) {
                if (endByte != Long.MAX_VALUE) {
                    throw new EOFException("the file ends at " + at + " and not at " + endByte);
                }
                return;
            }
            digest.update(buffer.flip());
            at += read;
            letOthersRun();
        }
    }

    /** A virtual thread is not taken off its carrier in the middle of a computation, and others share that. */
    @SuppressWarnings("ThreadPriorityCheck")
    static void letOthersRun() {
        Thread.yield();
    }

    static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Whether two hashes are the same, in a time that does not tell where they differ. */
    static boolean isSame(String one, String other) {
        return MessageDigest.isEqual(
                HexFormat.of().parseHex(one), HexFormat.of().parseHex(other));
    }
}
