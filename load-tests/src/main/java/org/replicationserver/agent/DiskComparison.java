package org.replicationserver.agent;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.BlockRange;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.HashOffer;

/**
 * Compares blocks of a disk with its volume by hashes: reads ahead, offers what was read by the MiB, then the blocks of each MiB that
 * differs. Event loop only.
 *
 * <p>While one batch is offered the next one is read and hashed. A batch is small at first and grows, so that what little there is to
 * compare is soon known, and much needs few answers.
 *
 * <p>Invariants: one offer waits for its answer at most; a block is offered only while no frame of it is unacknowledged, which {@link
 * Subject} sees to.
 */
final class DiskComparison implements ReadClaimer {
    private static final int READS_MAX = 4;
    private static final int BATCH_TREES_FIRST = 4;
    private static final int BATCH_TREES_MAX = 256;

    /** What is compared, and what becomes of it. */
    interface Subject {
        boolean isReportOnly();

        /** The first block from {@code from} on that is to be compared, or -1. */
        int next(int from);

        /** Whether the block is to be compared as it was read. */
        boolean isWanted(int block, HashRead read);

        /** The volume has the block as it was read, on stable storage. */
        void equal(int block, HashRead read);

        /** The volume has not. */
        void differs(int block);
    }

    /** Neighbouring MiBs that are read one after the other. */
    private static final class Batch {
        private final int firstTree;
        private final int endTree;
        private final List<HashRead> reads = new ArrayList<>();

        Batch(int firstTree, int endTree) {
            this.firstTree = firstTree;
            this.endTree = endTree;
        }

        boolean isClaimed() {
            return firstTree + reads.size() == endTree;
        }

        HashRead readOf(int block) {
            return reads.get(block / HashRead.BLOCKS - firstTree);
        }
    }

    final SessionVolume volume;
    private final AgentSession session;
    private final Subject subject;
    private int batchTrees = BATCH_TREES_FIRST;
    private int cursor;
    private boolean abandoned;
    private boolean stopping;
    private @Nullable Batch ahead;
    private int readsUnderWay;

    // what is offered: the batch, what is still to be asked of it, and what was asked and has no answer
    private @Nullable Batch offered;
    private final ArrayDeque<BlockRange> questions = new ArrayDeque<>();
    private @Nullable BlockRange asked;

    DiskComparison(AgentSession session, SessionVolume volume, Subject subject) {
        this.session = session;
        this.volume = volume;
        this.subject = subject;
    }

    // --- reading

    @Override
    public @Nullable DiskRead claim() {
        Batch batch = ahead == null ? nextBatch() : ahead;
        ahead = batch;
        if (batch == null || batch.isClaimed() || readsUnderWay >= READS_MAX) {
            return null;
        }
        ReplicatedDisk disk = volume.disk;
        HashRead read = new HashRead(disk.number, disk.layout, batch.firstTree + batch.reads.size(), this);
        batch.reads.add(read);
        readsUnderWay++;
        disk.counters.readBytes += read.bytes();
        return read;
    }

    /** MiBs without a gap that have something to compare; null if there is nothing more, or nothing more is wanted. */
    private @Nullable Batch nextBatch() {
        int first = isStopped() ? -1 : subject.next(cursor);
        if (first < 0) {
            return null;
        }
        int firstTree = first / HashRead.BLOCKS;
        int endTree = firstTree + 1;
        while (endTree - firstTree < batchTrees && isNextIn(endTree)) {
            endTree++;
        }
        cursor = endTree * HashRead.BLOCKS;
        batchTrees = Math.min(2 * batchTrees, BATCH_TREES_MAX);
        return new Batch(firstTree, endTree);
    }

    /** One batch is always compared, so that whoever is stopped again and again comes to an end too. */
    private boolean isStopped() {
        return abandoned || (stopping && cursor > 0);
    }

    private boolean isNextIn(int tree) {
        int next = subject.next(tree * HashRead.BLOCKS);
        return next >= 0 && next / HashRead.BLOCKS == tree;
    }

    /** Says whether the read is still wanted. */
    boolean finished() {
        readsUnderWay--;
        return !abandoned;
    }

    // --- asking

    /** Offers what may be offered now. */
    void offer() {
        Batch hashed = ahead;
        if (asked == null && offered == null && hashed != null && hashed.isClaimed() && readsUnderWay == 0) {
            offered = hashed;
            ahead = null;
            hashed.reads.forEach(this::ask);
            endBatchIfAllAnswered();
        }
        if (asked == null && !questions.isEmpty()) {
            BlockRange next = questions.remove();
            asked = next;
            session.sendOffer(offerOf(next, current()));
        }
    }

    private Batch current() {
        Batch batch = offered;
        if (batch == null) {
            throw new IllegalStateException("nothing is offered");
        }
        return batch;
    }

    /** All of a MiB at once if all of it is wanted, otherwise the blocks that are. */
    private void ask(HashRead read) {
        boolean whole = true;
        for (int block = read.first; block < read.first + read.count; block++) {
            whole &= subject.isWanted(block, read);
        }
        if (whole) {
            ask(BlockRange.TREE_SHIFT, read.tree());
            return;
        }
        for (int block = read.first; block < read.first + read.count; block++) {
            if (subject.isWanted(block, read)) {
                ask(BlockRange.LEAF_SHIFT, block);
            }
        }
    }

    /** As part of the last question if it is the next block of it. */
    private void ask(int blockShift, int number) {
        BlockRange last = questions.peekLast();
        boolean joins = last != null
                && last.blockShift() == blockShift
                && last.firstBlock() + last.count() == number
                && last.count() < BlockRange.COUNT_MAX;
        if (joins && last != null) {
            questions.removeLast();
            questions.add(range(blockShift, (int) last.firstBlock(), last.count() + 1));
        } else {
            questions.add(range(blockShift, number, 1));
        }
    }

    private BlockRange range(int blockShift, int first, int count) {
        return new BlockRange(volume.index, subject.isReportOnly(), blockShift, first, count);
    }

    private static HashOffer offerOf(BlockRange range, Batch batch) {
        BitSet zeros = new BitSet();
        byte[] hashes = new byte[range.count() * HashOffer.HASH_BYTES];
        int at = 0;
        boolean trees = range.blockShift() == BlockRange.TREE_SHIFT;
        for (int i = 0; i < range.count(); i++) {
            int number = (int) range.firstBlock() + i;
            HashRead read = batch.readOf(trees ? number * HashRead.BLOCKS : number);
            if (trees ? read.isZero() : read.isZero(number)) {
                zeros.set(i);
            } else {
                byte[] from = trees ? read.treeHash : read.hashes;
                System.arraycopy(from, trees ? 0 : read.hashAt(number), hashes, at, HashOffer.HASH_BYTES);
                at += HashOffer.HASH_BYTES;
            }
        }
        return new HashOffer(range, zeros, Arrays.copyOf(hashes, at));
    }

    /** Takes an answer; false if nobody asked for it. */
    boolean answered(HashDiff diff) {
        if (!diff.range().equals(asked)) {
            return false;
        }
        asked = null;
        if (abandoned) {
            return true;
        }
        BlockRange range = diff.range();
        ReplicatedDisk disk = volume.disk;
        for (int i = 0; i < range.count(); i++) {
            int number = (int) range.firstBlock() + i;
            boolean differs = diff.differing().get(i);
            if (range.blockShift() == BlockRange.LEAF_SHIFT) {
                settle(number, differs);
            } else {
                HashRead read = current().readOf(number * HashRead.BLOCKS);
                disk.counters.comparedBytes += subject.isReportOnly() ? 0 : read.bytes();
                settle(read, differs);
            }
        }
        endBatchIfAllAnswered();
        return true;
    }

    private void endBatchIfAllAnswered() {
        if (questions.isEmpty()) {
            offered = null;
        }
    }

    private void settle(HashRead read, boolean differs) {
        for (int block = read.first; block < read.first + read.count; block++) {
            if (differs) {
                ask(BlockRange.LEAF_SHIFT, block);
            } else {
                settle(block, false);
            }
        }
    }

    private void settle(int block, boolean differs) {
        if (differs) {
            subject.differs(block);
        } else {
            subject.equal(block, current().readOf(block));
        }
    }

    // --- ending

    /** Reads nothing more than the batch that is being read. */
    void stop() {
        stopping = true;
    }

    boolean isStopping() {
        return stopping;
    }

    /** What is under way counts no more. */
    void abandon() {
        abandoned = true;
        ahead = null;
        offered = null;
        questions.clear();
    }

    /** Whether all that was to be compared is. */
    boolean isDone() {
        return offered == null && asked == null && ahead == null && (isStopped() || subject.next(cursor) < 0);
    }

    /** What keeps it from going on; null if there is nothing more to do. */
    WaitClocks.@Nullable Cause waitsFor() {
        if (isDone()) {
            return null;
        }
        return asked == null ? WaitClocks.Cause.SOURCE : WaitClocks.Cause.WINDOW;
    }
}
