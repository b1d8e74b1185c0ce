package org.replicationserver.agent;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * The part of a volume that goes over one stream: what is read next, what may be sent, and the zeros that wait to become one
 * frame. Event loop only.
 *
 * <p>A block is claimed only when the window has room for it, so that a volume whose window is full holds no memory and keeps no
 * other volume from being read. Reads are taken in the order in which they were claimed.
 *
 * <p>Invariant: sentBytes + reservedBytes ≤ limitBytes.
 */
final class Lane implements BlockRead.Taker, ReadClaimer {
    private static final int READS_MAX = 4;

    final SessionVolume volume;
    private final AgentSession session;
    private final DataLink link;
    private final int regionBlocksShift;
    private final int streams;

    // flow, section 8 of the specification; frames are shared out, so that a volume that stalls leaves some to the
    // others
    private final int framesMax;
    private long sentBytes;
    private long reservedBytes;
    private long limitBytes;
    private long durableSeq;

    // reading
    private int cursor;
    private final ArrayDeque<BlockRead> reads = new ArrayDeque<>();
    private int partsTaken;

    // zeros that wait; reservedBytes holds their frame's share
    private int zeroFirst;
    private int zeroCount;

    Lane(AgentSession session, DataLink link, SessionVolume volume, int regionShift, int streams, int volumes) {
        this.session = session;
        this.link = link;
        this.volume = volume;
        this.regionBlocksShift = regionShift - BlockLayout.BLOCK_SHIFT;
        this.streams = streams;
        this.framesMax = Math.max(1, link.unackedFramesMax() / volumes);
        this.limitBytes = link.windowBytes();
    }

    // --- reading

    /** Another epoch: begins at the disk's start again. */
    void rewind() {
        cursor = 0;
    }

    /** A block before those that were looked at became dirty. */
    void lookAgain(int block) {
        cursor = Math.min(cursor, block);
    }

    @Override
    public @Nullable BlockRead claim() {
        if (reads.size() >= READS_MAX || !link.isWritable() || !hasFrames(framesAhead())) {
            return null;
        }
        int first = nextPending();
        if (first < 0) {
            return null;
        }
        int count = fitting(first);
        if (count == 0) {
            // Zeros that wait for neighbours which the window has no room for would wait for ever.
            if (zeroCount > 0 && isIdle()) {
                sendZeros();
            }
            return null;
        }
        DirtyMap map = map();
        int forced = map.claim(first, count);
        reservedBytes += cost(first, count);
        cursor = first + count;
        BlockLayout layout = volume.disk.layout;
        BlockRead read = new BlockRead(
                volume.disk.number, layout, first, count, forced, volume.disk.hashes.copy(first, count), this);
        reads.addLast(read);
        volume.disk.counters.readBytes += read.bytes();
        return read;
    }

    /** Frames that reads under way and waiting zeros may become, and those of one read more. */
    private int framesAhead() {
        return (reads.size() + 1) * BlockPreparer.READ_BLOCKS_MAX + 1;
    }

    /** Whether so many frames more may be unacknowledged; one is always allowed when there are none. */
    private boolean hasFrames(int frames) {
        int own = map().unackedFrames(link.stream());
        return link.hasFrames(frames) && (own == 0 || own + frames <= framesMax);
    }

    /** The next block of this lane's regions that must be looked at, or -1. */
    private int nextPending() {
        while (true) {
            int block = map().nextPending(cursor);
            if (block < 0) {
                return -1;
            }
            int region = block >> regionBlocksShift;
            int behind = Math.floorMod(link.stream() - volume.index - region, streams);
            if (behind == 0) {
                return block;
            }
            cursor = (region + behind) << regionBlocksShift;
            if (cursor >= volume.disk.layout.blocks()) {
                cursor = volume.disk.layout.blocks();
                return -1;
            }
        }
    }

    /** How many blocks to claim at {@code first}: up to the next multiple of 256 KiB, all of them or, while nothing is under way, what fits. */
    private int fitting(int first) {
        int readsEnd = (first / BlockPreparer.READ_BLOCKS_MAX + 1) * BlockPreparer.READ_BLOCKS_MAX;
        int end = Math.min(readsEnd, regionEnd(first));
        int count =
                Math.min(map().pendingRun(first, Math.min(end, volume.disk.layout.blocks())), link.blocksPerFrame());
        if (fits(first, count)) {
            return count;
        }
        if (!isIdle()) {
            return 0;
        }
        while (count > 0 && !fits(first, count)) {
            count--;
        }
        return count;
    }

    private boolean fits(int first, int count) {
        return sentBytes + reservedBytes + cost(first, count) <= limitBytes;
    }

    /** Nothing is under way that would give room in the window when it is done. */
    private boolean isIdle() {
        return reads.isEmpty() && map().unackedFrames(link.stream()) == 0;
    }

    /** The most that blocks can take of the window, whatever is in them. */
    private long cost(int first, int count) {
        BlockLayout layout = volume.disk.layout;
        long lastBytes = layout.bytes(first + count - 1, 1);
        return (long) (count - 1) * BlockLayout.BLOCK_BYTES + Math.max(lastBytes, ProtocolLimits.ZERO_WINDOW_BYTES);
    }

    private int regionEnd(int block) {
        return ((block >> regionBlocksShift) + 1) << regionBlocksShift;
    }

    // --- sending

    @Override
    public boolean finished(BlockRead read) {
        if (!reads.contains(read)) {
            return false;
        }
        read.finish();
        return true;
    }

    @Override
    public boolean failed(BlockRead read) {
        if (!reads.remove(read)) {
            return false;
        }
        map().release(read.first, read.count, read.forced);
        reservedBytes -= cost(read.first, read.count);
        return true;
    }

    /** Sends what was read, as far as frames are allowed. */
    @Override
    public void drain() {
        while (!reads.isEmpty() && reads.getFirst().isFinished()) {
            BlockRead read = reads.getFirst();
            while (partsTaken < read.parts().size()) {
                if (!take(read, read.parts().get(partsTaken))) {
                    return;
                }
                partsTaken++;
            }
            reads.removeFirst();
            partsTaken = 0;
            session.readConsumed();
        }
        if (zeroCount > 0 && !zerosMayGrow()) {
            sendZeros();
        }
    }

    /** Takes a part of a read; false if no frame is allowed now. */
    private boolean take(BlockRead read, BlockRead.Part part) {
        switch (part.kind()) {
            case UNCHANGED -> reservedBytes -= cost(part.first(), part.count());
            case ZERO -> {
                boolean joins = zeroCount > 0 && zeroFirst + zeroCount == part.first() && !zerosEndRegion();
                if (!joins && zeroCount > 0 && !sendZeros()) {
                    return false;
                }
                reservedBytes -= cost(part.first(), part.count());
                if (!joins) {
                    zeroFirst = part.first();
                    reservedBytes += ProtocolLimits.ZERO_WINDOW_BYTES;
                }
                zeroCount += part.count();
            }
            case DATA -> {
                if (!hasFrames(1)) {
                    return false;
                }
                sendData(read, part);
            }
        }
        return true;
    }

    private void sendData(BlockRead read, BlockRead.Part part) {
        ReplicatedDisk disk = volume.disk;
        FrameBuffer frame = part.frame();
        if (frame == null) {
            throw new IllegalStateException("DATA without a frame");
        }
        int rawBytes = (int) disk.layout.bytes(part.first(), part.count());
        reservedBytes -= cost(part.first(), part.count());
        sentBytes += rawBytes;
        int payloadBytes = link.sendData(this, part, frame, disk.layout.offsetBytes(part.first()), rawBytes);
        for (int i = 0; i < part.count(); i++) {
            int at = (part.first() - read.first + i) * BlockHashes.HASH_BYTES;
            disk.hashes.put(part.first() + i, read.hashes, at);
        }
        disk.counters.dataBytesSent += rawBytes;
        disk.counters.payloadBytesSent += payloadBytes;
        disk.counters.dataBytesResent += map().sent(link.stream(), link.writer.lastSeq(), part.first(), part.count());
    }

    /** Sends the zeros that wait; false if no frame is allowed now. */
    private boolean sendZeros() {
        if (!hasFrames(1)) {
            return false;
        }
        ReplicatedDisk disk = volume.disk;
        long bytes = disk.layout.bytes(zeroFirst, zeroCount);
        reservedBytes -= ProtocolLimits.ZERO_WINDOW_BYTES;
        sentBytes += ProtocolLimits.ZERO_WINDOW_BYTES;
        link.sendZero(this, disk.layout.offsetBytes(zeroFirst), bytes);
        disk.hashes.putZeros(zeroFirst, zeroCount);
        disk.counters.zeroBytesSent += bytes;
        disk.counters.zeroBytesResent += map().sent(link.stream(), link.writer.lastSeq(), zeroFirst, zeroCount);
        zeroCount = 0;
        return true;
    }

    /** Whether the block after the waiting zeros is being read, or will be, and could go into their frame. */
    private boolean zerosMayGrow() {
        int end = zeroFirst + zeroCount;
        if (zerosEndRegion() || end >= volume.disk.layout.blocks()) {
            return false;
        }
        return reads.isEmpty() ? map().isPending(end) : reads.getFirst().first == end;
    }

    private boolean zerosEndRegion() {
        return zeroFirst + zeroCount == regionEnd(zeroFirst);
    }

    // --- acknowledging

    /** The server says what is durable and how much may be sent. */
    void acknowledge(long newDurableSeq, long newLimitBytes) throws ProtocolException {
        if (newDurableSeq < durableSeq || newLimitBytes < limitBytes) {
            throw new ProtocolException(
                    ErrorCode.PROTOCOL, "durable_seq or limit_bytes of volume " + volume.index + " decreased");
        }
        durableSeq = newDurableSeq;
        limitBytes = newLimitBytes;
        int framesBefore = map().unackedFrames(link.stream());
        volume.disk.counters.durableBytes += map().acknowledged(link.stream(), newDurableSeq);
        int acked = framesBefore - map().unackedFrames(link.stream());
        link.framesAcknowledged(acked);
        if (acked > 0) {
            session.progressed();
        }
    }

    // --- ending

    /** Whether nothing of this lane is pending, being read or waiting. */
    boolean isDone() {
        return reads.isEmpty() && zeroCount == 0 && nextPending() < 0;
    }

    /** What keeps this lane from sending, after it did all that it may; null if it has nothing to send. */
    WaitClocks.@Nullable Cause waitsFor() {
        if (isDone()) {
            return null;
        }
        if (!link.isWritable() || !link.isDrained()) {
            return WaitClocks.Cause.NETWORK;
        }
        boolean blockIsRead =
                reads.isEmpty() ? nextPending() < 0 : reads.getFirst().isFinished();
        if (blockIsRead) {
            return WaitClocks.Cause.WINDOW; // or it would have been sent
        }
        // What is being read has room already. Otherwise there is none, or other lanes have all reads that may be under
        // way.
        boolean mayBeRead = !reads.isEmpty() || (hasFrames(framesAhead()) && fitting(nextPending()) > 0);
        return mayBeRead ? WaitClocks.Cause.SOURCE : WaitClocks.Cause.WINDOW;
    }

    /** Bytes that are known to differ from what was sent last, that are claimed, and that are not in flight. */
    long claimedBytes() {
        long bytes = unsentBytes(zeroFirst, zeroCount);
        for (BlockRead read : reads) {
            bytes += read.isFinished() ? unsentBytes(read) : forcedBytes(read);
        }
        return bytes;
    }

    private long unsentBytes(BlockRead read) {
        int taken = read.equals(reads.peekFirst()) ? partsTaken : 0;
        return read.parts().stream()
                .skip(taken)
                .filter(part -> part.kind() != BlockRead.Kind.UNCHANGED)
                .mapToLong(part -> unsentBytes(part.first(), part.count()))
                .sum();
    }

    private long forcedBytes(BlockRead read) {
        return IntStream.range(0, read.count)
                .filter(read::isForced)
                .mapToLong(i -> unsentBytes(read.first + i, 1))
                .sum();
    }

    /** Of these blocks those that are not in flight, where they would be counted again. */
    private long unsentBytes(int first, int count) {
        return IntStream.range(first, first + count)
                .filter(block -> !map().isInFlight(block))
                .mapToLong(block -> volume.disk.layout.bytes(block, 1))
                .sum();
    }

    /** Gives back all that was claimed and not sent. */
    void abandon() {
        for (Iterator<BlockRead> it = reads.iterator(); it.hasNext(); ) {
            BlockRead read = it.next();
            if (read.isFinished()) {
                for (BlockRead.Part part :
                        read.parts().subList(partsTaken, read.parts().size())) {
                    part.release();
                    if (part.kind() != BlockRead.Kind.UNCHANGED) {
                        map().releaseDirty(part.first(), part.count());
                    }
                }
                session.readConsumed();
            } else {
                map().release(read.first, read.count, read.forced);
            }
            partsTaken = 0;
            it.remove();
        }
        if (zeroCount > 0) {
            map().releaseDirty(zeroFirst, zeroCount);
            zeroCount = 0;
        }
        reservedBytes = 0;
    }

    private DirtyMap map() {
        return volume.disk.map;
    }
}
