package org.replicationserver.agent;

import java.util.stream.IntStream;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * What is known of each block of a disk. Event loop only.
 *
 * <p>A block is <em>dirty</em> when it must be sent, <em>suspect</em> when it must be read and compared with what was sent last,
 * <em>unknown</em> when it must be compared with what the volume holds, <em>claimed</em> while somebody reads it to send it, <em>in flight</em> while its newest sending is not acknowledged, and otherwise clean. A block in
 * flight may be suspect or claimed at the same time, when the next epoch begins before the last acknowledgements came.
 *
 * <p>Invariants: a block is never two of dirty, suspect and unknown, nor unknown and in flight; a bit is cleared only by an acknowledgement
 * of the newest sending, by the reader who found a suspect block unchanged, or by the server who found an unknown one equal.
 */
final class DirtyMap {
    private static final int SETS = 5;

    private final BlockLayout layout;
    private final int blocks;
    private final BlockSet dirty;
    private final BlockSet suspect;
    private final BlockSet unknown;
    private final BlockSet inFlight;

    /** Blocks that were in flight when a session of this epoch ended. */
    private final BlockSet sentBefore;

    /** Blocks that are dirty, suspect, unknown or in flight; changes with them, because a count would look at every word. */
    private int open;

    private final SendLog[] logs = IntStream.range(0, ProtocolLimits.STREAMS_MAX)
            .mapToObj(_ -> new SendLog())
            .toArray(SendLog[]::new);

    /** A map whose blocks are all dirty. */
    DirtyMap(BlockLayout layout) {
        this.layout = layout;
        this.blocks = layout.blocks();
        this.dirty = new BlockSet(blocks);
        this.suspect = new BlockSet(blocks);
        this.unknown = new BlockSet(blocks);
        this.inFlight = new BlockSet(blocks);
        this.sentBefore = new BlockSet(blocks);
        dirtyAll();
    }

    /**
     * The map of the same disk with another size. What is known of a block stays, but that in which the disk ended or ends now: that one,
     * and all that are new, must be sent. Nothing is in flight.
     */
    DirtyMap resized(BlockLayout newLayout) {
        assert inFlight.isEmpty() : "a session is open";
        int kept = (int) (Math.min(layout.sizeBytes(), newLayout.sizeBytes()) >> BlockLayout.BLOCK_SHIFT);
        DirtyMap resized = new DirtyMap(newLayout);
        resized.dirty.removeAll(0, kept);
        resized.dirty.addAll(dirty, kept);
        resized.suspect.addAll(suspect, kept);
        resized.unknown.addAll(unknown, kept);
        resized.sentBefore.addAll(sentBefore, kept);
        resized.open = resized.dirty.count() + resized.suspect.count() + resized.unknown.count();
        return resized;
    }

    /** Memory for the map of so many blocks. */
    static long bytes(long blocks) {
        return SETS * BlockSet.bytes(blocks);
    }

    /** Every block must be sent. */
    void dirtyAll() {
        dirty.addAll(0, blocks);
        suspect.clear();
        unknown.clear();
        open = blocks;
    }

    /** Every block must be compared with what the volume holds; none is in flight. */
    void unknownAll() {
        assert inFlight.isEmpty() : "a session is open";
        unknown.addAll(0, blocks);
        dirty.clear();
        suspect.clear();
        open = blocks;
    }

    /** Nobody compares any more: what is unknown must be sent. */
    void dirtyUnknown() {
        dirty.addAll(unknown);
        unknown.clear();
    }

    /** Every block that is neither dirty nor unknown must be compared with what was sent last. */
    void suspectAll() {
        suspect.addAll(0, blocks);
        suspect.removeAll(dirty);
        suspect.removeAll(unknown);
        open = blocks;
    }

    /** The first block from {@code from} on that is unknown, or -1. */
    int nextUnknown(int from) {
        return unknown.next(from);
    }

    boolean isUnknown(int block) {
        return unknown.contains(block);
    }

    boolean hasUnknown() {
        return !unknown.isEmpty();
    }

    /** The volume has an unknown block as it is, on stable storage. */
    void foundEqual(int block) {
        assert isUnknown(block) : "block " + block + " is not unknown";
        unknown.remove(block);
        open -= isOpen(block) ? 0 : 1;
    }

    /** The volume has something else in an unknown block. */
    void foundDiffering(int block) {
        assert isUnknown(block) : "block " + block + " is not unknown";
        unknown.remove(block);
        dirty.add(block);
    }

    /** Whether the block was acknowledged as it was sent last, and nothing else is known of it; it must not be claimed. */
    boolean isClean(int block) {
        return !isOpen(block);
    }

    /** A new epoch begins: what is sent in it is no repetition. */
    void beginEpoch() {
        sentBefore.clear();
    }

    /** The first block from {@code from} on that is dirty or suspect, or -1. */
    int nextPending(int from) {
        int nextDirty = dirty.next(from);
        int nextSuspect = suspect.next(from);
        return nextDirty < 0 || nextSuspect < 0 ? Math.max(nextDirty, nextSuspect) : Math.min(nextDirty, nextSuspect);
    }

    boolean isPending(int block) {
        return dirty.contains(block) || suspect.contains(block);
    }

    /** How many blocks from {@code first} on, up to {@code end}, are pending without a gap. */
    int pendingRun(int first, int end) {
        int block = first;
        while (block < end && isPending(block)) {
            block++;
        }
        return block - first;
    }

    /** Takes pending blocks out to read them; bit i of the answer says that block first + i must be sent in any case. */
    int claim(int first, int count) {
        int forced = 0;
        for (int i = 0; i < count; i++) {
            assert isPending(first + i) : "block " + (first + i) + " is not pending";
            forced |= dirty.contains(first + i) ? 1 << i : 0;
            dirty.remove(first + i);
            suspect.remove(first + i);
            open -= inFlight.contains(first + i) ? 0 : 1;
        }
        return forced;
    }

    /** Gives back a claim that was not read to the end. */
    void release(int first, int count, int forced) {
        for (int i = 0; i < count; i++) {
            if ((forced & 1 << i) != 0) {
                setDirty(first + i);
            } else if (!dirty.contains(first + i)) {
                open += isOpen(first + i) ? 0 : 1;
                suspect.add(first + i);
            }
        }
    }

    /** Claimed blocks that differ from what was last sent, but were not sent. */
    void releaseDirty(int first, int count) {
        for (int i = 0; i < count; i++) {
            setDirty(first + i);
        }
    }

    /** Claimed blocks left in a frame; says how many of their bytes had been sent before in this epoch. */
    long sent(int stream, long seq, int first, int count) {
        SendLog log = logs[stream];
        int overlap = inFlight.next(first);
        if (overlap >= 0 && overlap < first + count) {
            log.supersede(first, count);
        }
        log.add(seq, first, count);
        long resentBytes = 0;
        for (int block = first; block < first + count; block++) {
            open += isOpen(block) ? 0 : 1;
            inFlight.add(block);
            resentBytes += sentBefore.contains(block) ? layout.bytes(block, 1) : 0;
        }
        sentBefore.removeAll(first, first + count);
        return resentBytes;
    }

    /** Frames of a stream became durable; says how many bytes are now no longer in flight. */
    long acknowledged(int stream, long durableSeq) {
        long[] bytes = new long[1];
        logs[stream].acknowledge(durableSeq, block -> {
            inFlight.remove(block);
            open -= isOpen(block) ? 0 : 1;
            bytes[0] += layout.bytes(block, 1);
        });
        return bytes[0];
    }

    /** Frames of a stream that are not acknowledged. */
    int unackedFrames(int stream) {
        return logs[stream].frames();
    }

    /** Nothing that is in flight will be acknowledged any more. */
    void sessionEnded() {
        for (SendLog log : logs) {
            log.clear();
        }
        dirty.addAll(inFlight);
        suspect.removeAll(inFlight);
        sentBefore.addAll(inFlight);
        inFlight.clear();
    }

    boolean isAllAcknowledged() {
        return inFlight.isEmpty();
    }

    /** Bytes that are neither in flight nor still to be looked at; claimed blocks count as looked at. */
    long settledBytes() {
        int last = blocks - 1;
        long missingInLast = isOpen(last) ? 0 : BlockLayout.BLOCK_BYTES - layout.bytes(last, 1);
        return ((long) blocks - open) * BlockLayout.BLOCK_BYTES - missingInLast;
    }

    /** Bytes that must be sent, or may have to be once they are compared; the last block taken as a whole one. */
    long dirtyBytes() {
        return ((long) dirty.count() + unknown.count()) << BlockLayout.BLOCK_SHIFT;
    }

    boolean isInFlight(int block) {
        return inFlight.contains(block);
    }

    /** Bytes of blocks that are dirty, unknown or in flight; those that are claimed or suspect are not among them. */
    long unacknowledgedBytes() {
        int last = blocks - 1;
        boolean withLast = dirty.contains(last) || unknown.contains(last) || inFlight.contains(last);
        long missingInLast = withLast ? BlockLayout.BLOCK_BYTES - layout.bytes(last, 1) : 0;
        return ((long) dirty.count() + unknown.count() + inFlight.countOutside(dirty)) * BlockLayout.BLOCK_BYTES
                - missingInLast;
    }

    private boolean isOpen(int block) {
        return isPending(block) || unknown.contains(block) || inFlight.contains(block);
    }

    private void setDirty(int block) {
        open += isOpen(block) ? 0 : 1;
        dirty.add(block);
        suspect.remove(block);
    }
}
