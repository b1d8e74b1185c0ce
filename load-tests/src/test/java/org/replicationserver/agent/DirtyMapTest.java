package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DirtyMapTest {
    private static final int BLOCKS = 40;
    private static final int TAIL_BYTES = 512;
    private static final int STREAMS = 4;
    private static final BlockLayout LAYOUT = new BlockLayout((BLOCKS - 1L) * BlockLayout.BLOCK_BYTES + TAIL_BYTES);

    @Test
    void acknowledgementOfAnOlderSendingLeavesARewrittenBlockInFlight() {
        DirtyMap map = new DirtyMap(LAYOUT);
        map.claim(3, 2);
        map.sent(1, 10, 3, 2);
        map.suspectAll();
        map.claim(3, 1);
        map.sent(1, 20, 3, 1);

        assertThat(map.acknowledged(1, 10)).isEqualTo(BlockLayout.BLOCK_BYTES);
        assertThat(map.isAllAcknowledged()).isFalse();

        assertThat(map.acknowledged(1, 20)).isEqualTo(BlockLayout.BLOCK_BYTES);
        assertThat(map.isAllAcknowledged()).isTrue();
    }

    @Test
    void endOfASessionMakesWhatIsInFlightDirtyAndItsRepetitionIsCounted() {
        DirtyMap map = new DirtyMap(LAYOUT);
        map.claim(0, BLOCKS);
        assertThat(map.sent(0, 2, 0, BLOCKS)).isZero();
        map.sessionEnded();

        assertThat(map.dirtyBytes()).isEqualTo((long) BLOCKS * BlockLayout.BLOCK_BYTES);
        assertThat(map.acknowledged(0, 99)).isZero();
        map.claim(BLOCKS - 2, 2);
        assertThat(map.sent(0, 2, BLOCKS - 2, 2)).isEqualTo(BlockLayout.BLOCK_BYTES + TAIL_BYTES);
        map.beginEpoch();
        map.claim(0, 1);
        assertThat(map.sent(0, 3, 0, 1)).isZero();
    }

    @Test
    void oddTailCountsWithItsOwnBytes() {
        DirtyMap map = new DirtyMap(LAYOUT);
        assertThat(map.settledBytes()).isZero();
        map.claim(BLOCKS - 1, 1);
        map.sent(0, 2, BLOCKS - 1, 1);
        assertThat(map.acknowledged(0, 2)).isEqualTo(TAIL_BYTES);
        assertThat(map.settledBytes()).isEqualTo(TAIL_BYTES);
    }

    @Test
    void whatIsSentAgainBeforeItsAcknowledgementIsUnacknowledgedOnce() {
        DirtyMap map = new DirtyMap(LAYOUT);
        long allBytes = (BLOCKS - 1L) * BlockLayout.BLOCK_BYTES + TAIL_BYTES;
        assertThat(map.unacknowledgedBytes()).isEqualTo(allBytes);
        map.claim(BLOCKS - 2, 2);
        assertThat(map.unacknowledgedBytes()).isEqualTo(allBytes - BlockLayout.BLOCK_BYTES - TAIL_BYTES);
        map.sent(0, 2, BLOCKS - 2, 2);
        assertThat(map.unacknowledgedBytes()).isEqualTo(allBytes);
        map.suspectAll();
        map.claim(BLOCKS - 1, 1);
        map.releaseDirty(BLOCKS - 1, 1);
        assertThat(map.unacknowledgedBytes()).as("dirty and in flight").isEqualTo(allBytes);
        map.acknowledged(0, 2);
        assertThat(map.unacknowledgedBytes()).isEqualTo(allBytes - BlockLayout.BLOCK_BYTES);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void agreesWithAModelThatKeepsTheNewestSeqOfEachBlock(long firstSeed) {
        for (long seed = firstSeed * 1000; seed < firstSeed * 1000 + 200; seed++) {
            new Model(seed).run();
        }
    }

    /** One seq for each block, as the specification words it: a block is forgotten when its newest sending is covered. */
    private static final class Model {
        private final long seed;
        private final Random random;
        private final DirtyMap map = new DirtyMap(LAYOUT);
        private final boolean[] dirty = new boolean[BLOCKS];
        private final boolean[] suspect = new boolean[BLOCKS];
        private final long[] newestSeq = new long[BLOCKS];
        private final long[] lastSeq = new long[STREAMS];

        Model(long seed) {
            this.seed = seed;
            this.random = new Random(seed);
            Arrays.fill(dirty, true);
        }

        void run() {
            for (int step = 0; step < 300; step++) {
                switch (random.nextInt(12)) {
                    case 0 -> endSession();
                    case 1 -> suspectAll();
                    case 2, 3, 4 -> acknowledge();
                    default -> claimAndSend();
                }
                compare(step);
            }
        }

        private void claimAndSend() {
            int first = map.nextPending(random.nextInt(BLOCKS));
            if (first < 0) {
                return;
            }
            int region = Math.min(BLOCKS, (first / 8 + 1) * 8);
            int count = 1 + random.nextInt(map.pendingRun(first, region));
            int forced = map.claim(first, count);
            for (int i = 0; i < count; i++) {
                assertThat((forced & (1 << i)) != 0).as("seed %d", seed).isEqualTo(dirty[first + i]);
                dirty[first + i] = false;
                suspect[first + i] = false;
            }
            switch (random.nextInt(4)) {
                case 0 -> {
                    map.release(first, count, forced);
                    for (int i = 0; i < count; i++) {
                        boolean was = (forced & (1 << i)) != 0;
                        dirty[first + i] |= was;
                        suspect[first + i] |= !was;
                    }
                }
                case 1 -> {
                    map.releaseDirty(first, count);
                    Arrays.fill(dirty, first, first + count, true);
                }
                default -> {
                    int stream = first / 8 % STREAMS;
                    long seq = ++lastSeq[stream];
                    map.sent(stream, seq, first, count);
                    Arrays.fill(newestSeq, first, first + count, seq);
                }
            }
        }

        private void acknowledge() {
            int stream = random.nextInt(STREAMS);
            long upTo = random.nextLong(lastSeq[stream] + 1);
            long bytes = 0;
            for (int b = 0; b < BLOCKS; b++) {
                if (b / 8 % STREAMS == stream && newestSeq[b] > 0 && newestSeq[b] <= upTo) {
                    newestSeq[b] = 0;
                    bytes += LAYOUT.bytes(b, 1);
                }
            }
            assertThat(map.acknowledged(stream, upTo)).as("seed %d", seed).isEqualTo(bytes);
        }

        private void endSession() {
            map.sessionEnded();
            for (int b = 0; b < BLOCKS; b++) {
                if (newestSeq[b] > 0) {
                    dirty[b] = true;
                    suspect[b] = false;
                    newestSeq[b] = 0;
                }
            }
            Arrays.fill(lastSeq, 0);
        }

        private void suspectAll() {
            map.suspectAll();
            for (int b = 0; b < BLOCKS; b++) {
                suspect[b] = !dirty[b];
            }
        }

        /** What is counted must be what is there: settledBytes and dirtyBytes are never found by a count of all blocks. */
        private void compare(int step) {
            long settledBytes = 0;
            int dirtyBlocks = 0;
            boolean allAcknowledged = true;
            String where = "seed " + seed + " step " + step;
            for (int b = 0; b < BLOCKS; b++) {
                boolean pending = dirty[b] || suspect[b];
                assertThat(map.isPending(b)).as(where + " block " + b).isEqualTo(pending);
                dirtyBlocks += dirty[b] ? 1 : 0;
                allAcknowledged &= newestSeq[b] == 0;
                settledBytes += pending || newestSeq[b] > 0 ? 0 : LAYOUT.bytes(b, 1);
            }
            assertThat(map.settledBytes()).as(where).isEqualTo(settledBytes);
            assertThat(map.dirtyBytes()).as(where).isEqualTo((long) dirtyBlocks * BlockLayout.BLOCK_BYTES);
            assertThat(map.isAllAcknowledged()).as(where).isEqualTo(allAcknowledged);
        }
    }

    @Test
    void mapOfADiskThatHasGrownKeepsWhatIsKnownAndSendsWhatIsNew() {
        DirtyMap map = new DirtyMap(new BlockLayout(10 * BlockLayout.BLOCK_BYTES + 512));
        map.unknownAll();
        for (int block = 0; block < 11; block++) {
            map.foundEqual(block);
        }
        map.suspectAll();
        map.claim(0, 8);
        map.releaseDirty(3, 1);
        DirtyMap grown = map.resized(new BlockLayout(20L * BlockLayout.BLOCK_BYTES));
        for (int block = 0; block < 20; block++) {
            boolean pending = block == 3 || block >= 8;
            assertThat(grown.isPending(block)).as("block %d", block).isEqualTo(pending);
        }
        assertThat(grown.claim(8, 12))
                .as("8 and 9 are suspect, the others must be sent")
                .isEqualTo(0b1111_1111_1100);
        assertThat(grown.settledBytes()).as("all but block 3").isEqualTo(19L * BlockLayout.BLOCK_BYTES);
        DirtyMap shrunk = grown.resized(new BlockLayout(2L * BlockLayout.BLOCK_BYTES + 512));
        assertThat(shrunk.nextPending(0)).isEqualTo(2);
        assertThat(shrunk.settledBytes()).isEqualTo(2L * BlockLayout.BLOCK_BYTES);
    }
}
