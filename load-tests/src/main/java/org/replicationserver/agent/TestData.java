package org.replicationserver.agent;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;

/** What a speed test sends. Any number of threads at once. */
interface TestData {
    /** As replication reads and sends: 256 KiB. */
    int BLOCK_BYTES = BlockPreparer.READ_BLOCKS_MAX * BlockLayout.BLOCK_BYTES;

    /** Puts the next block into {@code copy}, a buffer of {@link #BLOCK_BYTES} that begins aligned, and flips it. */
    void next(ByteBuffer copy) throws IOException;

    /** The disks one after the other, from the begin again when they are at their end. They are open. */
    static TestData ofDisks(List<DiskFile> disks) {
        long[] ends = new long[disks.size()];
        long blocks = 0;
        for (int i = 0; i < ends.length; i++) {
            blocks += (disks.get(i).sizeBytes() + BLOCK_BYTES - 1) / BLOCK_BYTES;
            ends[i] = blocks;
        }
        long count = blocks;
        AtomicLong next = new AtomicLong();
        return copy -> {
            long block = next.getAndIncrement() % count;
            int disk = 0;
            while (block >= ends[disk]) {
                disk++;
            }
            DiskFile file = disks.get(disk);
            long offsetBytes = (block - (disk == 0 ? 0 : ends[disk - 1])) * BLOCK_BYTES;
            file.read(offsetBytes, (int) Math.min(BLOCK_BYTES, file.sizeBytes() - offsetBytes), copy);
        };
    }

    /**
     * Pseudo-random bytes.
     *
     * @param compressiblePercent of each 4 KiB, which compress to almost nothing
     */
    static TestData generated(int compressiblePercent, long seed) {
        byte[] block = new byte[BLOCK_BYTES];
        byte[] page = new byte[4096];
        int randomBytes = page.length * (100 - compressiblePercent) / 100;
        Random random = new Random(seed);
        for (int at = 0; at < BLOCK_BYTES; at += page.length) {
            random.nextBytes(page);
            System.arraycopy(page, 0, block, at, randomBytes);
        }
        return copy -> copy.clear().put(block).flip();
    }
}
