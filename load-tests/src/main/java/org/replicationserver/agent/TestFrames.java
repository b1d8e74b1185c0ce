package org.replicationserver.agent;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The threads {@code test-source-0} and so on, which read, hash and compress what a speed test sends, as replication does. The queue
 * of ready frames bounds them. {@link #poll} is the event loop's, what is told of times any thread's.
 *
 * <p>They end by a flag and not by an interrupt, which would close the file below them.
 */
final class TestFrames {
    /** Ready frames: 16 MiB of raw bytes. */
    static final int READY_MAX = 64;

    private static final long OFFER_MILLIS = 50;

    /** A disk that answers no read must not keep the agent from its end. */
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

    private final TestData data;
    private final FrameBuffer.Allocator allocator;
    private final Runnable whenReady;
    private final BlockingQueue<BlockPacker.Packed> ready = new ArrayBlockingQueue<>(READY_MAX);
    private final List<Thread> threads;
    private final LongAdder readNanos = new LongAdder();
    private final LongAdder packNanos = new LongAdder();
    private final LongAdder preparedBytes = new LongAdder();
    private volatile boolean stopped;
    private volatile @Nullable String failure;

    /** @param whenReady told after each frame, and after a failure, on the thread that made it */
    TestFrames(int count, TestData data, FrameBuffer.Allocator allocator, Runnable whenReady) {
        this.data = data;
        this.allocator = allocator;
        this.whenReady = whenReady;
        this.threads = IntStream.range(0, count)
                .mapToObj(i ->
                        Thread.ofPlatform().daemon().name("test-source-" + i).unstarted(this::run))
                .toList();
    }

    void start() {
        threads.forEach(Thread::start);
    }

    /**
     * Ends the threads and gives their frames back. Not on the event loop.
     *
     * @return whether all have ended; one that waits for its disk ends when that answers
     */
    boolean stop() throws InterruptedException {
        return stop(STOP_TIMEOUT);
    }

    boolean stop(Duration timeout) throws InterruptedException {
        stopped = true;
        long endNanos = System.nanoTime() + timeout.toNanos();
        boolean ended = true;
        for (Thread thread : threads) {
            ended &= thread.getState() == Thread.State.NEW // a test that ended before it read anything
                    || thread.join(Duration.ofNanos(Math.max(0, endNanos - System.nanoTime())));
        }
        for (BlockPacker.Packed left = ready.poll(); left != null; left = ready.poll()) {
            left.frame().release();
        }
        return ended;
    }

    BlockPacker.@Nullable Packed poll() {
        return ready.poll();
    }

    boolean isEmpty() {
        return ready.isEmpty();
    }

    /** Why nothing can be read any more, or null. */
    @Nullable
    String failure() {
        return failure;
    }

    /** In which some thread read, added up over the threads. */
    long readNanos() {
        return readNanos.sum();
    }

    /** In which some thread hashed and compressed, added up over the threads. */
    long packNanos() {
        return packNanos.sum();
    }

    /** Raw bytes that were read, hashed and compressed. */
    long preparedBytes() {
        return preparedBytes.sum();
    }

    private void run() {
        try {
            BlockPacker packer = new BlockPacker(allocator);
            BlockDigest digest = new BlockDigest();
            byte[] hash = new byte[BlockHashes.HASH_BYTES];
            ByteBuffer copy = ByteBuffer.allocateDirect(TestData.BLOCK_BYTES + DiskFile.ALIGNMENT_BYTES)
                    .alignedSlice(DiskFile.ALIGNMENT_BYTES)
                    .slice(0, TestData.BLOCK_BYTES);
            while (!stopped) {
                long beganNanos = System.nanoTime();
                data.next(copy);
                long readNanosAt = System.nanoTime();
                digest.hash(copy.duplicate(), hash, 0);
                BlockPacker.Packed packed = packer.pack(copy);
                readNanos.add(readNanosAt - beganNanos);
                packNanos.add(System.nanoTime() - readNanosAt);
                preparedBytes.add(packed.rawBytes());
                hand(packed);
            }
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            failure = e.getMessage() == null ? e.toString() : e.getMessage();
            whenReady.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void hand(BlockPacker.Packed packed) throws InterruptedException {
        while (!stopped) {
            if (ready.offer(packed, OFFER_MILLIS, TimeUnit.MILLISECONDS)) {
                whenReady.run();
                return;
            }
        }
        packed.frame().release();
    }
}
