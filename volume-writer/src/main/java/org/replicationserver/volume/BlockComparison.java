package org.replicationserver.volume;

import java.util.BitSet;
import java.util.function.Consumer;

/**
 * Neighbouring blocks of a volume, and what they should be by their SHA-256. Made on any thread, then the volume's writer's until it says
 * that it is done, and then its maker's again; only {@link #cancel} and {@link #comparedBytes} are for any thread at any time.
 */
public final class BlockComparison {
    private final long offsetBytes;
    private final long lengthBytes;
    private final int blockBytes;
    private final BitSet zeros;
    private final byte[] hashes;
    private final CompareMemory memory;
    private final Consumer<BlockComparison> whenDone;

    // any thread
    private volatile boolean cancelled;

    // written by the writer thread
    private volatile long comparedBytes;
    private int hashesTaken;
    private final BitSet differing = new BitSet();
    private boolean complete;
    private boolean refutedZero;

    /**
     * Asks for a comparison.
     *
     * @param offsetBytes a multiple of the block's size
     * @param lengthBytes of all blocks, the last of which may be shorter
     * @param blockBytes 64 KiB or 1 MiB; the hash of a block of 1 MiB is that of the hashes of its blocks of 64 KiB
     * @param zeros of the blocks, those that should be zero
     * @param hashes 32 bytes for each other one
     * @param memory lent until it is done
     * @param whenDone hears once that it is done, on the volume's writer thread or on that which asks, and must not block
     */
    public BlockComparison(
            long offsetBytes,
            long lengthBytes,
            int blockBytes,
            BitSet zeros,
            byte[] hashes,
            CompareMemory memory,
            Consumer<BlockComparison> whenDone) {
        boolean knownSize = blockBytes == CompareMemory.LEAF_BYTES || blockBytes == CompareMemory.PIECE_BYTES;
        if (!knownSize || offsetBytes < 0 || offsetBytes % blockBytes != 0 || lengthBytes <= 0) {
            throw new IllegalArgumentException(
                    "no blocks: offset=" + offsetBytes + " length=" + lengthBytes + " blockBytes=" + blockBytes);
        }
        this.offsetBytes = offsetBytes;
        this.lengthBytes = lengthBytes;
        this.blockBytes = blockBytes;
        this.zeros = zeros;
        this.hashes = hashes;
        this.memory = memory;
        this.whenDone = whenDone;
    }

    /** Nobody wants to know any more; it will soon be done. */
    public void cancel() {
        cancelled = true;
    }

    /** How far it has come. */
    public long comparedBytes() {
        return comparedBytes;
    }

    /** Whether all was compared, and what is equal is on stable storage: it was neither cancelled nor kept from it by a failure or a stop. */
    public boolean isComplete() {
        return complete;
    }

    /** The blocks that are not what they should be. */
    public BitSet differing() {
        return differing;
    }

    public CompareMemory memory() {
        return memory;
    }

    // --- writer thread

    long endBytes() {
        return offsetBytes + lengthBytes;
    }

    boolean isWanted() {
        return !cancelled;
    }

    boolean isAllCompared() {
        return comparedBytes == lengthBytes;
    }

    /** Whether a block that should be zero is not. */
    boolean hasRefutedZero() {
        return refutedZero;
    }

    /** Reads and compares the next piece. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // by the one thread that it belongs to
    void comparePiece(BlockDevice device, VolumeCounters counters) throws DeviceException {
        int pieceBytes = (int) Math.min(CompareMemory.PIECE_BYTES, lengthBytes - comparedBytes);
        counters.deviceBusy.begin();
        try {
            device.read(memory.piece(pieceBytes), offsetBytes + comparedBytes);
        } finally {
            counters.deviceBusy.end();
        }
        counters.expandBusy.begin();
        try {
            compare(pieceBytes);
        } finally {
            counters.expandBusy.end();
        }
        counters.bytesCompared.add(pieceBytes);
        comparedBytes += pieceBytes;
    }

    private void compare(int pieceBytes) {
        int block = (int) (comparedBytes / blockBytes);
        for (int at = 0; at < pieceBytes; at += blockBytes) {
            if (!isEqual(block, at, Math.min(blockBytes, pieceBytes - at))) {
                differing.set(block);
            }
            block++;
        }
    }

    private boolean isEqual(int block, int at, int bytes) {
        if (zeros.get(block)) {
            boolean zero = memory.isZero(at, bytes);
            refutedZero |= !zero;
            return zero;
        }
        boolean asTree = blockBytes > CompareMemory.LEAF_BYTES;
        return memory.hasHash(at, bytes, asTree, hashes, CompareMemory.HASH_BYTES * hashesTaken++);
    }

    void done(boolean whole) {
        complete = whole;
        whenDone.accept(this);
    }
}
