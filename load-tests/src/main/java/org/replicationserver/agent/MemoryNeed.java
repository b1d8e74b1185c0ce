package org.replicationserver.agent;

import java.util.List;
import java.util.Locale;

/** What the agent remembers of each block of its disks, against the heap that it may have. */
final class MemoryNeed {
    /** Beside the blocks: connections, reads, the program itself. */
    static final long BASE_BYTES = 128L << 20;

    private static final long GIB = 1L << 30;

    private MemoryNeed() {}

    static long bytes(List<Long> diskBytes) {
        return BASE_BYTES
                + diskBytes.stream()
                        .mapToLong(size -> {
                            long blocks = new BlockLayout(size).blocks();
                            return blocks * BlockHashes.HASH_BYTES
                                    + DirtyMap.bytes(blocks)
                                    + Verification.bytes(blocks);
                        })
                        .sum();
    }

    /** Refuses disks that would need more than the heap may have: running out of memory later would cost a full sync. */
    static void check(List<Long> diskBytes, long heapBytesMax) throws AgentStartException {
        long needed = bytes(diskBytes);
        if (needed > heapBytesMax) {
            throw new AgentStartException(advice(needed, heapBytesMax));
        }
    }

    /** What to do where so much is needed. */
    static String advice(long neededBytes, long heapBytesMax) {
        return String.format(
                Locale.ROOT,
                "the disks need %s of memory, the heap may have %s; start with JAVA_OPTS=-Xmx%dm, or leave a disk out",
                gibibytes(neededBytes),
                gibibytes(heapBytesMax),
                (neededBytes + neededBytes / 10) >> 20);
    }

    private static String gibibytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f GiB", (double) bytes / GIB);
    }
}
