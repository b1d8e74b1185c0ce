package org.replicationserver.agent;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Neighbouring blocks of a disk that were claimed to be read, compared and sent. Owned by the event loop, then by one reader
 * thread, then by the event loop again.
 */
public final class BlockRead implements DiskRead {
    /** Who wants the blocks. */
    interface Taker {
        /** The read is over; says whether it is still wanted. */
        boolean finished(BlockRead read);

        /** The read has failed, so its blocks are as they were before; says whether it is still wanted. */
        boolean failed(BlockRead read);

        /** Takes what is ready. */
        void drain();
    }

    /** What was found. */
    enum Kind {
        /** A suspect block is what was sent last. */
        UNCHANGED,
        ZERO,
        DATA
    }

    /** Neighbouring blocks of one kind; for DATA with the frame that is complete but for its header. */
    record Part(Kind kind, int first, int count, @Nullable FrameBuffer frame, int codec, int rawCrc32c) {
        static Part of(Kind kind, int first, int count) {
            return new Part(kind, first, count, null, 0, 0);
        }

        void release() {
            if (frame != null) {
                frame.release();
            }
        }
    }

    // set by the event loop
    private final int disk;
    final BlockLayout layout;
    final int first;
    final int count;
    /** Bit i: block first + i is sent even if it is unchanged. */
    final int forced;

    final byte[] sentHashes;
    final Taker taker;

    // set by the reader thread
    final byte[] hashes;
    private final List<Part> parts = new ArrayList<>();
    private @Nullable String failure;

    // event loop: whether the reader thread is done with it
    private boolean finished;

    BlockRead(int disk, BlockLayout layout, int first, int count, int forced, byte[] sentHashes, Taker taker) {
        this.disk = disk;
        this.layout = layout;
        this.first = first;
        this.count = count;
        this.forced = forced;
        this.sentHashes = sentHashes;
        this.taker = taker;
        this.hashes = new byte[count * BlockHashes.HASH_BYTES];
    }

    @Override
    public int disk() {
        return disk;
    }

    @Override
    public long offsetBytes() {
        return layout.offsetBytes(first);
    }

    @Override
    public int bytes() {
        return (int) layout.bytes(first, count);
    }

    boolean isForced(int index) {
        return (forced & 1 << index) != 0;
    }

    void add(Part part) {
        parts.add(part);
    }

    List<Part> parts() {
        return parts;
    }

    @Override
    public void fail(String text) {
        releaseFrames();
        parts.clear();
        failure = text;
    }

    /** Why the blocks could not be read, or null. */
    @Nullable
    String failure() {
        return failure;
    }

    void finish() {
        finished = true;
    }

    boolean isFinished() {
        return finished;
    }

    /** Gives back the memory of parts that nobody sends. */
    void releaseFrames() {
        parts.forEach(Part::release);
    }
}
