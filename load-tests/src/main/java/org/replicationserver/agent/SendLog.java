package org.replicationserver.agent;

import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/**
 * The unacknowledged frames of one volume on one stream, oldest first. Event loop only.
 *
 * <p>A block belongs to the newest frame that covers it and to no other: an older one loses it when the block is sent again, so
 * that the acknowledgement of the older one says nothing about it. Bounded by unackedFramesMax of the connection.
 */
final class SendLog {
    /** Receives the blocks of frames that leave the log. */
    interface Blocks {
        void block(int block);
    }

    private static final class Sending {
        final long seq;
        final int first;
        final int count;

        /** Blocks that a newer frame carries, relative to {@code first}. */
        @Nullable
        BitSet lost;

        Sending(long seq, int first, int count) {
            this.seq = seq;
            this.first = first;
            this.count = count;
        }

        void lose(int from, int to) {
            int start = Math.max(from, first);
            int end = Math.min(to, first + count);
            if (start < end) {
                BitSet bits = lost == null ? new BitSet(count) : lost;
                bits.set(start - first, end - first);
                lost = bits;
            }
        }

        void forEach(Blocks blocks) {
            for (int i = 0; i < count; i++) {
                if (lost == null || !lost.get(i)) {
                    blocks.block(first + i);
                }
            }
        }
    }

    private final ArrayDeque<Sending> sendings = new ArrayDeque<>();

    int frames() {
        return sendings.size();
    }

    void add(long seq, int first, int count) {
        sendings.addLast(new Sending(seq, first, count));
    }

    /** Takes blocks that are about to be sent again away from the frames that carried them. */
    void supersede(int first, int count) {
        for (Sending sending : sendings) {
            sending.lose(first, first + count);
        }
    }

    /** Removes the frames up to {@code durableSeq} and hands over the blocks of which they were the newest sending. */
    void acknowledge(long durableSeq, Blocks cleared) {
        for (Iterator<Sending> it = sendings.iterator(); it.hasNext(); ) {
            Sending sending = it.next();
            if (sending.seq > durableSeq) {
                return;
            }
            sending.forEach(cleared);
            it.remove();
        }
    }

    /** Forgets all frames. */
    void clear() {
        sendings.clear();
    }
}
