package org.replicationserver.agent;

import java.util.BitSet;
import java.util.stream.IntStream;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * What is known of each block of a disk. Event loop only.
 *
 * <p>A block is <em>dirty</em> when it must be sent, <em>suspect</em> when it must be read and compared, <em>claimed</em> while
 * somebody reads it to send it, <em>in flight</em> while its newest sending is not acknowledged, and otherwise clean. A block in
 * flight may be suspect or claimed at the same time, when the next epoch begins before the last acknowledgements came.
 *
 * <p>Invariants: a block is never dirty and suspect; a bit is cleared only by an acknowledgement of the newest sending, or by the
 * reader who found a suspect block unchanged.
 */
final class DirtyMap {
    private final BlockLayout layout;
    private final int blocks;
    private final BitSet dirty;
    private final BitSet suspect;
    private final BitSet inFlight;

    /** Blocks that were in flight when a session of this epoch ended. */
    private final BitSet sentBefore = new BitSet();

    private final SendLog[] logs = IntStream.range(0, ProtocolLimits.STREAMS_MAX)
            .mapToObj(_ -> new SendLog())
            .toArray(SendLog[]::new);

    /** A map whose blocks are all dirty. */
    DirtyMap(BlockLayout layout) {
        this.layout = layout;
        this.blocks = layout.blocks();
        this.dirty = new BitSet(blocks);
        this.suspect = new BitSet(blocks);
        this.inFlight = new BitSet(blocks);
        dirtyAll();
    }

    /** Every block must be sent. */
    void dirtyAll() {
        dirty.set(0, blocks);
        suspect.clear();
    }

    /** Every block that is not dirty must be compared. */
    void suspectAll() {
        suspect.set(0, blocks);
        suspect.andNot(dirty);
    }

    /** A new epoch begins: what is sent in it is no repetition. */
    void beginEpoch() {
        sentBefore.clear();
    }

    /** The first block from {@code from} on that is dirty or suspect, or -1. */
    int nextPending(int from) {
        int nextDirty = dirty.nextSetBit(from);
        int nextSuspect = suspect.nextSetBit(from);
        return nextDirty < 0 || nextSuspect < 0 ? Math.max(nextDirty, nextSuspect) : Math.min(nextDirty, nextSuspect);
    }

    boolean isPending(int block) {
        return dirty.get(block) || suspect.get(block);
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
            forced |= dirty.get(first + i) ? 1 << i : 0;
        }
        dirty.clear(first, first + count);
        suspect.clear(first, first + count);
        return forced;
    }

    /** Gives back a claim that was not read to the end. */
    void release(int first, int count, int forced) {
        for (int i = 0; i < count; i++) {
            if ((forced & 1 << i) != 0) {
                setDirty(first + i);
            } else if (!dirty.get(first + i)) {
                suspect.set(first + i);
            }
        }
    }

    /** Claimed blocks that differ from what was last sent, but were not sent. */
    void releaseDirty(int first, int count) {
        dirty.set(first, first + count);
        suspect.clear(first, first + count);
    }

    /** Claimed blocks left in a frame; says how many of their bytes had been sent before in this epoch. */
    long sent(int stream, long seq, int first, int count) {
        SendLog log = logs[stream];
        int overlap = inFlight.nextSetBit(first);
        if (overlap >= 0 && overlap < first + count) {
            log.supersede(first, count);
        }
        log.add(seq, first, count);
        inFlight.set(first, first + count);
        long resentBytes = 0;
        for (int b = sentBefore.nextSetBit(first); b >= 0 && b < first + count; b = sentBefore.nextSetBit(b + 1)) {
            resentBytes += layout.bytes(b, 1);
        }
        sentBefore.clear(first, first + count);
        return resentBytes;
    }

    /** Frames of a stream became durable; says how many bytes are now no longer in flight. */
    long acknowledged(int stream, long durableSeq) {
        long[] bytes = new long[1];
        logs[stream].acknowledge(durableSeq, block -> {
            inFlight.clear(block);
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
        dirty.or(inFlight);
        suspect.andNot(inFlight);
        sentBefore.or(inFlight);
        inFlight.clear();
    }

    boolean isAllAcknowledged() {
        return inFlight.isEmpty();
    }

    /** Bytes that are neither in flight nor still to be looked at; claimed blocks count as looked at. */
    long settledBytes() {
        BitSet open = (BitSet) dirty.clone();
        open.or(suspect);
        open.or(inFlight);
        int last = blocks - 1;
        long fullBlocks = (long) blocks - open.cardinality() - (open.get(last) ? 0 : 1);
        return fullBlocks * BlockLayout.BLOCK_BYTES + (open.get(last) ? 0 : layout.bytes(last, 1));
    }

    /** Bytes that must be sent, the last block taken as a whole one. */
    long dirtyBytes() {
        return (long) dirty.cardinality() << BlockLayout.BLOCK_SHIFT;
    }

    boolean isDirty(int block) {
        return dirty.get(block);
    }

    boolean isSuspect(int block) {
        return suspect.get(block);
    }

    boolean isInFlight(int block) {
        return inFlight.get(block);
    }

    private void setDirty(int block) {
        dirty.set(block);
        suspect.clear(block);
    }
}
