package org.replicationserver.agent;

import java.util.Arrays;

/**
 * A set of block numbers that knows its size and finds its next member without a walk over the empty part, however large the disk is:
 * a java.util.BitSet of a disk of 60 TiB has 16 million words. Event loop only.
 *
 * <p>Bit i of level n + 1 says whether word i of level n has a bit; the highest level is one word.
 */
final class BlockSet {
    private static final int WORD_SHIFT = 6;
    private static final int WORD_BITS = 1 << WORD_SHIFT;

    private final int blocks;
    private final long[][] levels;
    private int count;

    BlockSet(int blocks) {
        this.blocks = blocks;
        int height = 1;
        for (int words = wordsFor(blocks); words > 1; words = wordsFor(words)) {
            height++;
        }
        levels = new long[height][];
        int bits = blocks;
        for (int level = 0; level < height; level++) {
            levels[level] = new long[wordsFor(bits)];
            bits = levels[level].length;
        }
    }

    private static int wordsFor(int bits) {
        return (bits + WORD_BITS - 1) >> WORD_SHIFT;
    }

    int count() {
        return count;
    }

    boolean isEmpty() {
        return count == 0;
    }

    boolean contains(int block) {
        return (levels[0][block >> WORD_SHIFT] & 1L << block) != 0;
    }

    void add(int block) {
        addAll(block, block + 1);
    }

    void remove(int block) {
        removeAll(block, block + 1);
    }

    /** Adds the blocks from {@code from} to before {@code to}. */
    void addAll(int from, int to) {
        for (int at = from; at < to; at = wordEnd(at, to)) {
            put(at >> WORD_SHIFT, levels[0][at >> WORD_SHIFT] | mask(at, wordEnd(at, to)));
        }
    }

    /** Removes the blocks from {@code from} to before {@code to}. */
    void removeAll(int from, int to) {
        for (int at = from; at < to; at = wordEnd(at, to)) {
            put(at >> WORD_SHIFT, levels[0][at >> WORD_SHIFT] & ~mask(at, wordEnd(at, to)));
        }
    }

    void addAll(BlockSet other) {
        for (int word = other.nextWord(0); word >= 0; word = other.nextWord(word + 1)) {
            put(word, levels[0][word] | other.levels[0][word]);
        }
    }

    /** Adds the members of the other set, which may be larger, that come before {@code end}. */
    void addAll(BlockSet other, int end) {
        for (int word = other.nextWord(0); word >= 0 && word << WORD_SHIFT < end; word = other.nextWord(word + 1)) {
            int begin = word << WORD_SHIFT;
            put(word, levels[0][word] | (other.levels[0][word] & mask(begin, wordEnd(begin, end))));
        }
    }

    void removeAll(BlockSet other) {
        for (int word = other.nextWord(0); word >= 0; word = other.nextWord(word + 1)) {
            put(word, levels[0][word] & ~other.levels[0][word]);
        }
    }

    /** How many members the other set does not have. */
    int countOutside(BlockSet other) {
        int outside = 0;
        for (int word = nextWord(0); word >= 0; word = nextWord(word + 1)) {
            outside += Long.bitCount(levels[0][word] & ~other.levels[0][word]);
        }
        return outside;
    }

    void clear() {
        for (int word = nextWord(0); word >= 0; word = nextWord(word + 1)) {
            put(word, 0);
        }
    }

    /** The first member from {@code from} on, or -1. */
    int next(int from) {
        if (from >= blocks) {
            return -1;
        }
        int word = from >> WORD_SHIFT;
        long bits = levels[0][word] & -1L << from;
        if (bits == 0) {
            word = nextWord(word + 1);
            if (word < 0) {
                return -1;
            }
            bits = levels[0][word];
        }
        return (word << WORD_SHIFT) + Long.numberOfTrailingZeros(bits);
    }

    /** The first word of the lowest level, from {@code from} on, that is not empty, or -1. */
    private int nextWord(int from) {
        int level = 1;
        int at = from;
        while (level < levels.length) {
            int word = at >> WORD_SHIFT;
            if (word >= levels[level].length) {
                return -1;
            }
            long bits = levels[level][word] & -1L << at;
            if (bits == 0) {
                at = word + 1;
                level++;
            } else {
                at = (word << WORD_SHIFT) + Long.numberOfTrailingZeros(bits);
                return descend(level - 1, at);
            }
        }
        return levels.length == 1 && from == 0 && levels[0].length > 0 && levels[0][0] != 0 ? 0 : -1;
    }

    /** The first word of the lowest level below {@code word} of {@code level}, which is not empty. */
    private int descend(int level, int word) {
        int at = word;
        for (int below = level; below > 0; below--) {
            at = (at << WORD_SHIFT) + Long.numberOfTrailingZeros(levels[below][at]);
        }
        return at;
    }

    private void put(int word, long bits) {
        count += Long.bitCount(bits) - Long.bitCount(levels[0][word]);
        boolean changed = (levels[0][word] == 0) != (bits == 0);
        levels[0][word] = bits;
        int at = word;
        for (int level = 1; changed && level < levels.length; level++) {
            long before = levels[level][at >> WORD_SHIFT];
            long after = levels[level - 1][at] == 0 ? before & ~(1L << at) : before | 1L << at;
            levels[level][at >> WORD_SHIFT] = after;
            changed = (before == 0) != (after == 0);
            at >>= WORD_SHIFT;
        }
    }

    private static int wordEnd(int at, int to) {
        return Math.min(to, (at | WORD_BITS - 1) + 1);
    }

    /** The bits of one word from {@code from} to before {@code to}, which is in the same word or begins the next. */
    private static long mask(int from, int to) {
        return -1L << from & -1L >>> -to;
    }

    /** Of all levels. */
    static long bytes(long blocks) {
        return blocks / Byte.SIZE + blocks / Byte.SIZE / (WORD_BITS - 1) + WORD_BITS;
    }

    @Override
    public String toString() {
        return "BlockSet[count=" + count + ", words="
                + Arrays.stream(levels).mapToInt(level -> level.length).sum() + "]";
    }
}
