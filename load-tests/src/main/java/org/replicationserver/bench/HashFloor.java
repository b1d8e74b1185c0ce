package org.replicationserver.bench;

import java.io.EOFException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.replicationserver.receiver.protocol.BlockRange;
import org.replicationserver.receiver.protocol.HashOffer;

/**
 * What cannot be avoided when a disk is compared: SHA-256 of its blocks of 64 KiB, and of these hashes for each MiB, whose bytes are in
 * memory already. Zero MiBs are left out, as by a server. One thread.
 */
final class HashFloor {
    private static final int TREE_BYTES = 1 << BlockRange.TREE_SHIFT;
    private static final int LEAF_BYTES = 1 << BlockRange.LEAF_SHIFT;

    /** Enough that an answer's way counts for little. */
    private static final int OFFER_BLOCKS = 256;

    /** What was hashed, as offers of the whole disk, and what that took. */
    record Hashed(List<HashOffer> offers, Sample sample) {}

    private final Path image;
    private final MessageDigest sha256 = newSha256();
    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final byte[] tree = new byte[TREE_BYTES];
    private final byte[] leafHashes = new byte[TREE_BYTES / LEAF_BYTES * HashOffer.HASH_BYTES];

    HashFloor(Path image) {
        this.image = image;
    }

    /** Hashes the whole image; what reading it takes does not count. */
    Hashed run() throws IOException {
        List<HashOffer> offers = new ArrayList<>();
        long cpuNanos = 0;
        long wallNanos = 0;
        try (FileChannel in = FileChannel.open(image, StandardOpenOption.READ)) {
            long sizeBytes = in.size();
            int trees = Math.toIntExact((sizeBytes + TREE_BYTES - 1) / TREE_BYTES);
            for (int first = 0; first < trees; first += OFFER_BLOCKS) {
                int count = Math.min(OFFER_BLOCKS, trees - first);
                BitSet zeros = new BitSet();
                ByteBuffer hashes = ByteBuffer.allocate(count * HashOffer.HASH_BYTES);
                for (int i = 0; i < count; i++) {
                    int bytes = read(in, (long) (first + i) * TREE_BYTES);
                    if (isZero(bytes)) {
                        zeros.set(i);
                        continue;
                    }
                    long cpuBefore = threads.getCurrentThreadCpuTime();
                    long before = System.nanoTime();
                    hash(bytes, hashes);
                    wallNanos += System.nanoTime() - before;
                    cpuNanos += threads.getCurrentThreadCpuTime() - cpuBefore;
                }
                offers.add(new HashOffer(
                        new BlockRange(0, true, BlockRange.TREE_SHIFT, first, count),
                        zeros,
                        Arrays.copyOf(hashes.array(), hashes.position())));
            }
        }
        return new Hashed(offers, new Sample(cpuNanos / 1e9, wallNanos / 1e9));
    }

    private int read(FileChannel in, long offsetBytes) throws IOException {
        ByteBuffer into = ByteBuffer.wrap(tree).limit((int) Math.min(TREE_BYTES, in.size() - offsetBytes));
        while (into.hasRemaining()) {
            if (in.read(into, offsetBytes + into.position()) < 0) {
                throw new EOFException("the image became shorter");
            }
        }
        return into.limit();
    }

    private boolean isZero(int bytes) {
        for (int i = 0; i < bytes; i++) {
            if (tree[i] != 0) {
                return false;
            }
        }
        return true;
    }

    private void hash(int bytes, ByteBuffer hashes) {
        try {
            int leafs = 0;
            for (int at = 0; at < bytes; at += LEAF_BYTES) {
                sha256.update(tree, at, Math.min(LEAF_BYTES, bytes - at));
                leafs += sha256.digest(leafHashes, leafs, HashOffer.HASH_BYTES);
            }
            sha256.update(leafHashes, 0, leafs);
            sha256.digest(hashes.array(), hashes.position(), HashOffer.HASH_BYTES);
            hashes.position(hashes.position() + HashOffer.HASH_BYTES);
        } catch (DigestException e) {
            throw new AssertionError("there is room for each hash", e);
        }
    }

    private static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
