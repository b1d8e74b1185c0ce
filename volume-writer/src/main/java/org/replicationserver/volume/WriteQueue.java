package org.replicationserver.volume;

import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What has been submitted to a volume, and what was asked of its writer meanwhile. Any thread puts in, the writer
 * thread takes out; all state is under the lock.
 *
 * <p>Invariants: what is taken leaves in order of submission; once closed nothing is let in, and whoever comes is told
 * so and has to help itself. Nobody waits here but the writer thread, and an interrupt does not disturb it.
 */
final class WriteQueue {
    /** Two generations of a source server with sixteen connections of 1,024 unacknowledged frames each. */
    static final int WRITES_MAX = 2 * 16 * 1024;

    /** A source server's next session fences the one before; hundreds that wait can only be a mistake. */
    static final int FENCES_MAX = 256;

    /** A server lets fewer comparisons run at once, of all its volumes. */
    static final int COMPARISONS_MAX = 64;

    /** So that zeros, which take no room in the slab, do not make a batch that a fence has to wait minutes for. */
    static final long BATCH_ZERO_BYTES_MAX = 256L << 20;

    /** Waits for the writes of an owner to be gone. */
    record Fence(Object owner, Runnable whenSettled) {}

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition workCame = lock.newCondition();
    private final ArrayDeque<BlockWrite> writes = new ArrayDeque<>();
    private final ArrayDeque<Fence> fences = new ArrayDeque<>();
    private final ArrayDeque<BlockComparison> comparisons = new ArrayDeque<>();
    private long sequenceSubmitted;
    private long sequenceAskedFor;
    private long sequenceStopped = Long.MAX_VALUE;
    private boolean closed;

    // submitted and not reported yet
    private long unreportedWrites;
    private long unreportedBytes;

    /** False when the queue is closed. */
    boolean offer(BlockWrite write) {
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            if (unreportedWrites >= WRITES_MAX) {
                throw new IllegalStateException("more writes queued than windows allow: queued=" + unreportedWrites);
            }
            write.enterQueue(sequenceSubmitted + 1);
            sequenceSubmitted++;
            writes.add(write);
            unreportedWrites++;
            unreportedBytes += write.windowBytes();
            workCame.signal();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** False when the queue is closed, and so nothing of any owner is in it. */
    boolean offerFence(Fence fence) {
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            if (fences.size() >= FENCES_MAX) {
                throw new IllegalStateException("more fences wait than sessions can ask for: fences=" + fences.size());
            }
            fences.add(fence);
            workCame.signal();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** False when the queue is closed. */
    boolean offerComparison(BlockComparison comparison) {
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            if (comparisons.size() >= COMPARISONS_MAX) {
                throw new IllegalStateException("more comparisons wait than may run: waiting=" + comparisons.size());
            }
            comparisons.add(comparison);
            workCame.signal();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** The oldest comparison, which stays here until it is removed; null if there is none. */
    @Nullable
    BlockComparison oldestComparison() {
        lock.lock();
        try {
            return comparisons.peek();
        } finally {
            lock.unlock();
        }
    }

    void removeOldestComparison() {
        lock.lock();
        try {
            comparisons.remove();
        } finally {
            lock.unlock();
        }
    }

    void forceSoon() {
        lock.lock();
        try {
            sequenceAskedFor = sequenceSubmitted;
        } finally {
            lock.unlock();
        }
    }

    /** The stop marker: what comes after it is dropped. */
    void stop() {
        lock.lock();
        try {
            sequenceStopped = Math.min(sequenceStopped, sequenceSubmitted);
            workCame.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until there is something to take or to end for. */
    void awaitWork() {
        lock.lock();
        try {
            while (writes.isEmpty() && fences.isEmpty() && comparisons.isEmpty() && !isStopped()) {
                workCame.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes the fences that wait, with what is queued of their owners.
     *
     * @param dropped is given the writes, in order of submission
     */
    @SuppressWarnings("ReferenceEquality") // an owner is its identity
    void takeFences(List<Fence> taken, List<BlockWrite> dropped) {
        lock.lock();
        try {
            while (!fences.isEmpty()) {
                Fence fence = fences.remove();
                taken.add(fence);
                // The common fence finds nothing queued, and more than a few never come at once.
                writes.removeIf(write -> write.owner() == fence.owner() && dropped.add(write));
            }
        } finally {
            lock.unlock();
        }
    }

    /** Takes as many writes as fit the slab and the other bounds of a batch; nothing at or after the stop marker. */
    void takeBatch(List<BlockWrite> taken) {
        lock.lock();
        try {
            long roomBytes = 0;
            long zeroBytes = 0;
            for (int count = 0; count < WriteOrder.WRITES_MAX; count++) {
                BlockWrite write = writes.peek();
                if (write == null || write.sequence() > sequenceStopped) {
                    return;
                }
                roomBytes += Slab.roomBytes(write);
                zeroBytes += write.kind() == BlockWrite.Kind.ZERO ? write.lengthBytes() : 0;
                boolean fits = roomBytes <= Slab.SLAB_BYTES && zeroBytes <= BATCH_ZERO_BYTES_MAX;
                if (!fits && count > 0) {
                    return;
                }
                taken.add(writes.remove());
            }
        } finally {
            lock.unlock();
        }
    }

    /** Takes everything, fences and comparisons too. */
    void takeAll(List<Fence> takenFences, List<BlockWrite> taken, List<BlockComparison> takenComparisons) {
        lock.lock();
        try {
            takenComparisons.addAll(comparisons);
            comparisons.clear();
            takenFences.addAll(fences);
            fences.clear();
            taken.addAll(writes);
            writes.clear();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Whether a force may wait for more to be written.
     *
     * @param sequenceForced of the last write that a force covered
     */
    boolean mayPutOffForce(long sequenceForced) {
        lock.lock();
        try {
            BlockWrite next = writes.peek();
            boolean moreComes = next != null && next.sequence() <= sequenceStopped;
            return moreComes && fences.isEmpty() && sequenceAskedFor <= sequenceForced;
        } finally {
            lock.unlock();
        }
    }

    /** Whether the stop marker is reached: nothing before it is queued. */
    boolean isDrainedForStop() {
        lock.lock();
        try {
            BlockWrite next = writes.peek();
            return isStopped() && (next == null || next.sequence() > sequenceStopped);
        } finally {
            lock.unlock();
        }
    }

    /** Closes the queue if it is empty; otherwise there is more to take first. */
    boolean tryClose() {
        lock.lock();
        try {
            closed = writes.isEmpty() && fences.isEmpty() && comparisons.isEmpty();
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /** Takes writes off the count; before they are reported, because after that they are their producer's again. */
    void leave(List<BlockWrite> reported) {
        lock.lock();
        try {
            for (int i = 0; i < reported.size(); i++) {
                BlockWrite write = reported.get(i);
                write.leaveQueue();
                unreportedWrites--;
                unreportedBytes -= write.windowBytes();
            }
        } finally {
            lock.unlock();
        }
    }

    long submittedWrites() {
        lock.lock();
        try {
            return sequenceSubmitted;
        } finally {
            lock.unlock();
        }
    }

    long unreportedWrites() {
        lock.lock();
        try {
            return unreportedWrites;
        } finally {
            lock.unlock();
        }
    }

    long unreportedBytes() {
        lock.lock();
        try {
            return unreportedBytes;
        } finally {
            lock.unlock();
        }
    }

    private boolean isStopped() {
        return sequenceStopped != Long.MAX_VALUE;
    }
}
