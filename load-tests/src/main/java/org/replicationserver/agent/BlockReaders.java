package org.replicationserver.agent;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The threads {@code block-reader-0} and so on, which read blocks into private copies and prepare them. {@link #submit} may be
 * called by any thread; finished reads are handed over on a reader thread.
 *
 * <p>They are stopped by a marker in the queue: an interrupt would close the file below them.
 */
final class BlockReaders {
    private final List<DiskFile> files;
    private final FrameBuffer.Allocator allocator;
    private final Consumer<DiskRead> finished;
    private final BlockingQueue<Optional<DiskRead>> queue;
    private final List<Thread> threads;

    BlockReaders(int count, List<DiskFile> files, FrameBuffer.Allocator allocator, Consumer<DiskRead> finished) {
        this.files = files;
        this.allocator = allocator;
        this.finished = finished;
        this.queue = new ArrayBlockingQueue<>(Replication.READS_MAX + count);
        this.threads = IntStream.range(0, count)
                .mapToObj(i ->
                        Thread.ofPlatform().daemon().name("block-reader-" + i).unstarted(this::run))
                .toList();
    }

    void start() {
        threads.forEach(Thread::start);
    }

    /** The queue has room for all reads that may be under way. */
    void submit(DiskRead read) {
        queue.add(Optional.of(read));
    }

    void stop() throws InterruptedException {
        for (int i = 0; i < threads.size(); i++) {
            queue.put(Optional.empty());
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private void run() {
        BlockPreparer preparer = new BlockPreparer(allocator);
        int bytes = HashRead.BLOCKS * BlockLayout.BLOCK_BYTES;
        ByteBuffer copy =
                ByteBuffer.allocateDirect(bytes + DiskFile.ALIGNMENT_BYTES).alignedSlice(DiskFile.ALIGNMENT_BYTES);
        try {
            for (Optional<DiskRead> next = queue.take(); next.isPresent(); next = queue.take()) {
                DiskRead read = next.get();
                read(read, copy, preparer);
                finished.accept(read);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void read(DiskRead read, ByteBuffer copy, BlockPreparer preparer) {
        DiskFile file = files.get(read.disk());
        try {
            file.read(read.offsetBytes(), read.bytes(), copy);
            preparer.prepare(read, copy);
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            read.fail("cannot read " + file.path() + " at byte " + read.offsetBytes() + ": " + e.getMessage());
        }
    }
}
