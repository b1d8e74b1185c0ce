package org.replicationserver.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** Contents of disks that are the same for the same seed. */
public final class Images {
    public static final int BLOCK_BYTES = 64 * 1024;

    private Images() {}

    /** Half random, a quarter of what compresses well, a quarter of zeros, in blocks of 64 KiB in random order. */
    public static byte[] mixed(long seed, int sizeBytes) {
        Random random = new Random(seed);
        byte[] image = new byte[sizeBytes];
        for (int at = 0; at < sizeBytes; at += BLOCK_BYTES) {
            int end = Math.min(sizeBytes, at + BLOCK_BYTES);
            int kind = random.nextInt(4);
            if (kind < 2) {
                byte[] block = random(random.nextLong(), end - at);
                System.arraycopy(block, 0, image, at, block.length);
            } else if (kind == 2) {
                Arrays.fill(image, at, end, (byte) (1 + random.nextInt(255)));
            }
        }
        return image;
    }

    /** A few blocks of content far from each other, for a client that is slow with content. */
    public static byte[] mostlyZeros(long seed, int sizeBytes, int blocks) {
        Random random = new Random(seed);
        byte[] image = new byte[sizeBytes];
        for (int i = 0; i < blocks; i++) {
            int at = random.nextInt(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
            System.arraycopy(random(seed + i, BLOCK_BYTES / 2), 0, image, at, BLOCK_BYTES / 2);
        }
        return image;
    }

    public static byte[] random(long seed, int sizeBytes) {
        byte[] bytes = new byte[sizeBytes];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    public static Path write(Path file, byte[] image) throws IOException {
        return Files.write(file, image);
    }

    public static void assertIdentical(Path replica, Path source) throws IOException {
        long at = Files.mismatch(replica, source);
        if (at >= 0) {
            throw new AssertionError(replica + " differs from " + source + " from byte " + at + " on");
        }
    }
}
