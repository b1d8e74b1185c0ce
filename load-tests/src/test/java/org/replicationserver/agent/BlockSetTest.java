package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlockSetTest {
    private static final int STEPS = 2000;

    /** Sizes around the borders of one, two and three levels. */
    @ParameterizedTest
    @ValueSource(ints = {1, 63, 64, 65, 4096, 4097, 300_000})
    void agreesWithABitSet(int blocks) {
        for (long seed = 1; seed <= 5; seed++) {
            Random random = new Random(seed);
            BlockSet set = new BlockSet(blocks);
            BitSet model = new BitSet(blocks);
            for (int step = 0; step < STEPS; step++) {
                change(random, blocks, set, model);
                String where = "blocks " + blocks + " seed " + seed + " step " + step;
                assertThat(set.count()).as(where).isEqualTo(model.cardinality());
                int from = random.nextInt(blocks + 1);
                assertThat(set.next(from)).as(where + " from " + from).isEqualTo(model.nextSetBit(from));
                int block = random.nextInt(blocks);
                assertThat(set.contains(block)).as(where).isEqualTo(model.get(block));
            }
        }
    }

    private static void change(Random random, int blocks, BlockSet set, BitSet model) {
        int from = random.nextInt(blocks);
        int to = Math.min(blocks, from + random.nextInt(random.nextInt(20) == 0 ? blocks : 100));
        switch (random.nextInt(8)) {
            case 0 -> {
                set.addAll(from, to);
                model.set(from, Math.max(from, to));
            }
            case 1, 2 -> {
                set.removeAll(from, to);
                model.clear(from, Math.max(from, to));
            }
            case 3 -> {
                set.clear();
                model.clear();
            }
            case 4 -> combine(random, blocks, set, model);
            case 5 -> {
                set.remove(from);
                model.clear(from);
            }
            default -> {
                set.add(from);
                model.set(from);
            }
        }
    }

    private static void combine(Random random, int blocks, BlockSet set, BitSet model) {
        BlockSet other = new BlockSet(blocks);
        BitSet otherModel = new BitSet(blocks);
        for (int i = 0; i < 20; i++) {
            int block = random.nextInt(blocks);
            other.add(block);
            otherModel.set(block);
        }
        BitSet outside = (BitSet) model.clone();
        outside.andNot(otherModel);
        assertThat(set.countOutside(other)).isEqualTo(outside.cardinality());
        if (random.nextBoolean()) {
            set.addAll(other);
            model.or(otherModel);
        } else {
            set.removeAll(other);
            model.andNot(otherModel);
        }
    }

    /** As after a disk has grown or shrunk. */
    @ParameterizedTest
    @ValueSource(ints = {1, 64, 65, 4097, 300_000})
    void takesOverWhatComesBeforeAnEndOfASetOfAnySize(int blocks) {
        Random random = new Random(7);
        for (int otherBlocks : new int[] {Math.max(1, blocks / 3), blocks, 3 * blocks}) {
            BlockSet other = new BlockSet(otherBlocks);
            for (int i = 0; i < 500; i++) {
                other.add(random.nextInt(otherBlocks));
            }
            int end = random.nextInt(Math.min(blocks, otherBlocks) + 1);
            BlockSet set = new BlockSet(blocks);
            set.addAll(other, end);
            for (int block = 0; block < blocks; block++) {
                boolean expected = block < end && other.contains(block);
                assertThat(set.contains(block))
                        .as("block %d, end %d", block, end)
                        .isEqualTo(expected);
            }
            other.removeAll(end, otherBlocks);
            assertThat(set.count()).isEqualTo(other.count());
        }
    }

    @Test
    void emptySetHasNoNext() {
        assertThat(new BlockSet(100_000).next(0)).isEqualTo(-1);
    }
}
