package org.replicationserver.agent;

/** A disk seen as blocks of 64 KiB, the last of which may be shorter. */
record BlockLayout(long sizeBytes) {
    static final int BLOCK_SHIFT = 16;
    static final int BLOCK_BYTES = 1 << BLOCK_SHIFT;

    int blocks() {
        return (int) ((sizeBytes + BLOCK_BYTES - 1) >> BLOCK_SHIFT);
    }

    long offsetBytes(int block) {
        return (long) block << BLOCK_SHIFT;
    }

    /** Bytes of {@code count} blocks from {@code first} on. */
    long bytes(int first, int count) {
        return Math.min(offsetBytes(first + count), sizeBytes) - offsetBytes(first);
    }
}
