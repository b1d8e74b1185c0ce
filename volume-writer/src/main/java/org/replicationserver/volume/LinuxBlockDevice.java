package org.replicationserver.volume;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A block device or an image file. Opened on any thread, then confined to the first one that uses it, the volume's
 * writer thread: a close that ran beside a write could send that write to another file with the reused number.
 *
 * <p>Invariants: no byte at or past the assigned size ever changes; the size of an image file changes only before the first use,
 * where one that is too small may be extended; the device is held alone (O_EXCL, or a lock on an image file) from open to close.
 *
 * <p>Where the device is coarser than 512 bytes, an edge of a write that lies inside a block is read, changed and
 * written back. No lock is needed for it: nobody else writes to this device, and this thread does one thing at a
 * time. The bytes of that block past the assigned size are written back as they were read.
 */
public final class LinuxBlockDevice implements BlockDevice {
    /** The largest alignment that is understood; no device asks for more than 4096 today. */
    private static final int ALIGNMENT_BYTES_MAX = 64 * 1024;

    private static final int PAGE_BYTES = 4096;
    private static final int IMAGE_MODE = 0600;

    /** Never written to. Shared by all devices, because on a fresh volume most of what comes is zeros. */
    private static final MemorySegment ZEROES =
            Arena.global().allocate(256 * 1024, ALIGNMENT_BYTES_MAX).asReadOnly();

    // any thread
    private final long deviceSizeBytes;
    private final long assignedSizeBytes;
    private final int alignmentBytes;
    private final @Nullable String physicalId;
    private final Mark mark;

    // owner thread only, once there is one
    private final LinuxFile file;
    private final boolean blockDevice;
    private final boolean direct;
    private final int memoryAlignmentBytes;
    private final int zeroAlignmentBytes;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment bounce;
    private @Nullable Thread owner;
    private boolean closed;

    private LinuxBlockDevice(
            LinuxFile file,
            boolean blockDevice,
            boolean direct,
            long deviceSizeBytes,
            long assignedSizeBytes,
            Alignment alignment,
            @Nullable String physicalId,
            Mark mark) {
        this.file = file;
        this.blockDevice = blockDevice;
        this.direct = direct;
        this.deviceSizeBytes = deviceSizeBytes;
        this.assignedSizeBytes = assignedSizeBytes;
        this.alignmentBytes = alignment.offsetBytes();
        this.memoryAlignmentBytes = alignment.memoryBytes();
        this.zeroAlignmentBytes = alignment.zeroBytes();
        this.physicalId = physicalId;
        this.mark = mark;
        this.bounce = arena.allocate(ALIGNMENT_BYTES_MAX, ALIGNMENT_BYTES_MAX);
    }

    /** What reads and writes (offset and memory) and BLKZEROOUT have to be multiples of. */
    private record Alignment(int offsetBytes, int memoryBytes, int zeroBytes) {}

    /** A file that is held, as it was found. */
    private record Held(LinuxFile.Facts facts, Mark mark, long sizeBytes, boolean isExtended, Alignment alignment) {}

    /**
     * What {@link #open} would do.
     *
     * @param sizeBytes that the device has, or the file
     * @param isExtended whether the file would be made as long as was assigned
     */
    public record Outlook(long sizeBytes, boolean isExtended) {}

    /**
     * Opens an existing block device or image file of at least the assigned size.
     *
     * @throws DeviceException also when it is mounted, locked, another volume, smaller than assigned, or something else altogether
     */
    public static LinuxBlockDevice open(Path path, OpenOptions options) throws DeviceException {
        return open(path, options, SECTOR_BYTES);
    }

    /**
     * Looks at what {@link #open} would do, and changes nothing; the device is held meanwhile.
     *
     * @throws DeviceException where that would refuse it
     */
    public static Outlook look(Path path, OpenOptions options) throws DeviceException {
        LinuxFile.Facts found = LinuxFile.factsOf(path);
        requireKind(path, found);
        boolean direct = isDirect(options.cacheMode(), found.isBlockDevice());
        try (LinuxFile file = openFile(path, found, direct)) {
            Held held = hold(file, path, options, found, direct, SECTOR_BYTES);
            return new Outlook(held.sizeBytes, held.isExtended);
        }
    }

    /** @param alignmentBytesMin lets a test have the edges of a coarse device on an ordinary file */
    static LinuxBlockDevice open(Path path, OpenOptions options, int alignmentBytesMin) throws DeviceException {
        LinuxFile.Facts found = LinuxFile.factsOf(path);
        requireKind(path, found);
        boolean direct = isDirect(options.cacheMode(), found.isBlockDevice());
        LinuxFile file = openFile(path, found, direct);
        try {
            return of(file, options, hold(file, path, options, found, direct, alignmentBytesMin), direct);
        } catch (DeviceException | RuntimeException e) {
            try {
                file.close();
            } catch (DeviceException closing) {
                e.addSuppressed(closing);
            }
            throw e;
        }
    }

    private static LinuxFile openFile(Path path, LinuxFile.Facts found, boolean direct) throws DeviceException {
        int flags = Linux.O_RDWR
                | (found.isBlockDevice() ? Linux.O_EXCL : 0) // without O_CREAT: refuse when mounted or claimed
                | (direct ? Linux.O_DIRECT : 0);
        return LinuxFile.open(path, flags, 0);
    }

    private static LinuxBlockDevice of(LinuxFile file, OpenOptions options, Held held, boolean direct)
            throws DeviceException {
        long deviceSizeBytes = held.sizeBytes;
        if (held.isExtended) {
            file.truncate(options.sizeBytes());
            file.fsync();
            deviceSizeBytes = options.sizeBytes();
        }
        if (held.mark == Mark.ABSENT && options.volumeId() != null) {
            ImageMark.put(file, options.volumeId());
        }
        return new LinuxBlockDevice(
                file,
                held.facts.isBlockDevice(),
                direct,
                deviceSizeBytes,
                options.sizeBytes(),
                held.alignment,
                PhysicalId.of(held.facts),
                held.mark);
    }

    /** What there is, and may be used as the options say; nothing is changed yet. */
    private static Held hold(
            LinuxFile file, Path path, OpenOptions options, LinuxFile.Facts found, boolean direct, int alignmentMin)
            throws DeviceException {
        LinuxFile.Facts opened = file.facts();
        if (opened.kind() != found.kind()) {
            throw refused(path, "it was replaced by something else while it was opened");
        }
        boolean blockDevice = opened.isBlockDevice();
        if (!blockDevice && !file.tryLock()) {
            throw new DeviceException("open", path.toString(), Errno.EAGAIN, "the image is locked: in use");
        }
        Mark mark = requireIdentity(file, path, options, opened);
        long sizeBytes = blockDevice ? file.blockDeviceSizeBytes() : opened.sizeBytes();
        boolean extended = !blockDevice && isExtended(sizeBytes, options, mark);
        if (sizeBytes < options.sizeBytes() && !extended) {
            throw refused(
                    path,
                    "smaller than assigned: deviceSizeBytes=" + sizeBytes + " assignedSizeBytes="
                            + options.sizeBytes());
        }
        Alignment alignment = alignmentOf(file, opened, direct, alignmentMin);
        if (alignment.offsetBytes() > ALIGNMENT_BYTES_MAX || alignment.memoryBytes() > ALIGNMENT_BYTES_MAX) {
            throw refused(path, "alignment above " + ALIGNMENT_BYTES_MAX + ": " + alignment);
        }
        return new Held(opened, mark, sizeBytes, extended, alignment);
    }

    /** Of a file without a mark only that can be known: by its size, and where none are kept. */
    private static boolean isExtended(long sizeBytes, OpenOptions options, Mark mark) {
        boolean known = mark == Mark.PRESENT || (mark == Mark.NOT_KEPT && options.extendFromBytes() > 0);
        return known && sizeBytes < options.sizeBytes() && sizeBytes >= options.extendFromBytes();
    }

    /** Gives its mark. Only now that it is held: what was found out about the path before may be true of another device by now. */
    private static Mark requireIdentity(LinuxFile file, Path path, OpenOptions options, LinuxFile.Facts opened)
            throws DeviceException {
        String objection = options.identity().objection(opened.isBlockDevice() ? opened.deviceNumber() : null);
        if (objection != null) {
            throw refused(path, objection);
        }
        return opened.isBlockDevice() || options.volumeId() == null
                ? Mark.NOT_KEPT
                : ImageMark.on(file, options.volumeId());
    }

    private static void requireKind(Path path, LinuxFile.Facts found) throws DeviceException {
        if (!found.isBlockDevice() && !found.isRegularFile()) {
            throw refused(
                    path, String.format(Locale.ROOT, "neither a block device nor a file: kind=0%o", found.kind()));
        }
    }

    private static boolean isDirect(@Nullable CacheMode asked, boolean blockDevice) {
        return asked == null ? blockDevice : asked == CacheMode.DIRECT;
    }

    private static Alignment alignmentOf(LinuxFile file, LinuxFile.Facts facts, boolean direct, int alignmentMin)
            throws DeviceException {
        int logicalBlockBytes = facts.isBlockDevice() ? file.logicalBlockBytes() : SECTOR_BYTES;
        int zeroBytes = Math.max(logicalBlockBytes, alignmentMin);
        if (!direct) {
            // The page cache does the edges itself.
            return new Alignment(Math.max(SECTOR_BYTES, alignmentMin), 1, zeroBytes);
        }
        int offsetBytes = facts.directOffsetAlignmentBytes();
        int memoryBytes = facts.directMemoryAlignmentBytes();
        if (offsetBytes == 0) {
            // A page is enough for every file system that takes O_DIRECT without saying what it wants.
            offsetBytes = facts.isBlockDevice() ? logicalBlockBytes : PAGE_BYTES;
            memoryBytes = offsetBytes;
        }
        return new Alignment(
                Math.max(Math.max(offsetBytes, SECTOR_BYTES), alignmentMin), Math.max(memoryBytes, 1), zeroBytes);
    }

    /** What a file takes of its file system, holes left out. Opens nothing. */
    public static long allocatedBytes(Path path) throws DeviceException {
        return LinuxFile.factsOf(path).allocatedBytes();
    }

    /**
     * Makes a new sparse image file, durably. It is apart from {@link #open} so that the caller knows that the volume
     * is new and reads zero; an existing file is an error.
     */
    public static void createImage(Path path, long sizeBytes) throws DeviceException {
        OpenOptions checked = OpenOptions.ofSize(sizeBytes);
        Path directory = path.toAbsolutePath().getParent();
        if (directory == null) {
            throw new IllegalArgumentException("an image file has a directory: path=" + path);
        }
        int flags = Linux.O_RDWR | Linux.O_CREAT | Linux.O_EXCL;
        try (LinuxFile file = LinuxFile.open(path, flags, IMAGE_MODE)) {
            try {
                file.truncate(checked.sizeBytes());
                file.fsync();
                LinuxFile.syncDirectory(directory);
            } catch (DeviceException e) {
                deleteAgain(path, e);
                throw e;
            }
        }
    }

    /** Half an image would stand in the way of the next attempt. */
    private static void deleteAgain(Path path, DeviceException cause) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    @Override
    public long sizeBytes() {
        return deviceSizeBytes;
    }

    @Override
    public int alignmentBytes() {
        return alignmentBytes;
    }

    /** Only of an image file, whose file system knows where it has no data. */
    @Override
    public boolean isKnownZero() {
        return !blockDevice && file.isHoleUpTo(assignedSizeBytes);
    }

    @Override
    public @Nullable String physicalId() {
        return physicalId;
    }

    @Override
    public Mark mark() {
        return mark;
    }

    /** Whether the page cache is passed by. */
    public boolean isDirect() {
        return direct;
    }

    @Override
    public void write(MemorySegment source, long offsetBytes) throws DeviceException {
        requireOwner();
        requireRange(offsetBytes, source.byteSize());
        writeInRange(source, offsetBytes);
    }

    private void writeInRange(MemorySegment source, long offsetBytes) throws DeviceException {
        long lengthBytes = source.byteSize();
        if (isAligned(offsetBytes) && isAligned(lengthBytes)) {
            writeAligned(source, offsetBytes);
            return;
        }
        long endBytes = offsetBytes + lengthBytes;
        long middleBegin = Math.min(roundUp(offsetBytes, alignmentBytes), endBytes);
        long middleEnd = Math.max(roundDown(endBytes, alignmentBytes), middleBegin);
        if (offsetBytes < middleBegin) {
            writeEdge(source.asSlice(0, middleBegin - offsetBytes), offsetBytes);
        }
        if (middleBegin < middleEnd) {
            writeAligned(source.asSlice(middleBegin - offsetBytes, middleEnd - middleBegin), middleBegin);
        }
        if (middleEnd < endBytes) {
            writeEdge(source.asSlice(middleEnd - offsetBytes), middleEnd);
        }
    }

    private void writeAligned(MemorySegment source, long offsetBytes) throws DeviceException {
        if (isAlignedMemory(source)) {
            file.writeFully(source, offsetBytes);
            return;
        }
        long lengthBytes = source.byteSize();
        for (long done = 0; done < lengthBytes; done += bounce.byteSize()) {
            long chunkBytes = Math.min(bounce.byteSize(), lengthBytes - done);
            MemorySegment.copy(source, done, bounce, 0, chunkBytes);
            file.writeFully(bounce.asSlice(0, chunkBytes), offsetBytes + done);
        }
    }

    /** Writes part of one block. */
    private void writeEdge(MemorySegment source, long offsetBytes) throws DeviceException {
        long blockBegin = roundDown(offsetBytes, alignmentBytes);
        if (blockBegin + alignmentBytes > deviceSizeBytes) {
            writeBehindLastBlock(source, offsetBytes);
            return;
        }
        MemorySegment block = bounce.asSlice(0, alignmentBytes);
        file.readFully(block, blockBegin);
        MemorySegment.copy(source, 0, block, offsetBytes - blockBegin, source.byteSize());
        file.writeFully(block, blockBegin);
    }

    /**
     * A file may end inside a block, and to write that block whole would make it grow. Just these bytes go through the
     * page cache; the kernel keeps both ways in step, and the force covers both.
     */
    private void writeBehindLastBlock(MemorySegment source, long offsetBytes) throws DeviceException {
        MemorySegment bytes = bounce.asSlice(0, source.byteSize());
        MemorySegment.copy(source, 0, bytes, 0, source.byteSize());
        if (!direct) {
            file.writeFully(bytes, offsetBytes);
            return;
        }
        file.setDirect(false);
        file.writeFully(bytes, offsetBytes);
        file.setDirect(true);
    }

    @Override
    public void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) throws DeviceException {
        requireOwner();
        requireRange(offsetBytes, lengthBytes);
        if (blockDevice) {
            zeroBlockDevice(offsetBytes, lengthBytes);
        } else {
            zeroFile(offsetBytes, lengthBytes, mayDeallocate);
        }
    }

    /** By BLKZEROOUT, which promises zeros. A discard promises nothing of the kind and is never used. */
    private void zeroBlockDevice(long offsetBytes, long lengthBytes) throws DeviceException {
        long endBytes = offsetBytes + lengthBytes;
        long middleBegin = Math.min(roundUp(offsetBytes, zeroAlignmentBytes), endBytes);
        long middleEnd = Math.max(roundDown(endBytes, zeroAlignmentBytes), middleBegin);
        boolean middleIsZero = middleBegin == middleEnd || file.tryZeroOut(middleBegin, middleEnd - middleBegin);
        if (!middleIsZero) {
            writeZeroes(offsetBytes, lengthBytes);
            return;
        }
        writeZeroes(offsetBytes, middleBegin - offsetBytes);
        writeZeroes(middleEnd, endBytes - middleEnd);
    }

    private void zeroFile(long offsetBytes, long lengthBytes, boolean mayDeallocate) throws DeviceException {
        int mode = mayDeallocate ? Linux.FALLOC_FL_PUNCH_HOLE : Linux.FALLOC_FL_ZERO_RANGE;
        if (!file.tryAllocate(mode | Linux.FALLOC_FL_KEEP_SIZE, offsetBytes, lengthBytes)) {
            writeZeroes(offsetBytes, lengthBytes);
        }
    }

    private void writeZeroes(long offsetBytes, long lengthBytes) throws DeviceException {
        for (long done = 0; done < lengthBytes; ) {
            long chunkBytes = Math.min(ZEROES.byteSize(), lengthBytes - done);
            writeInRange(ZEROES.asSlice(0, chunkBytes), offsetBytes + done);
            done += chunkBytes;
        }
    }

    @Override
    public void read(MemorySegment target, long offsetBytes) throws DeviceException {
        requireOwner();
        long lengthBytes = target.byteSize();
        requireRange(offsetBytes, lengthBytes);
        if (isAligned(offsetBytes) && isAligned(lengthBytes) && isAlignedMemory(target)) {
            file.readFully(target, offsetBytes);
            return;
        }
        for (long done = 0; done < lengthBytes; ) {
            done += readThroughBounce(target.asSlice(done), offsetBytes + done);
        }
    }

    private long readThroughBounce(MemorySegment target, long offsetBytes) throws DeviceException {
        long begin = roundDown(offsetBytes, alignmentBytes);
        long skipBytes = offsetBytes - begin;
        long wantedBytes = Math.min(target.byteSize(), bounce.byteSize() - skipBytes);
        MemorySegment blocks = bounce.asSlice(0, roundUp(skipBytes + wantedBytes, alignmentBytes));
        long readBytes = file.readOnce(blocks, begin);
        long usableBytes = Math.min(readBytes - skipBytes, wantedBytes);
        if (usableBytes <= 0) {
            throw new DeviceException("read", file.path(), offsetBytes, wantedBytes, Errno.NONE, "end of file");
        }
        MemorySegment.copy(blocks, skipBytes, target, 0, usableBytes);
        return usableBytes;
    }

    @Override
    public void force() throws DeviceException {
        requireOwner();
        file.fdatasync();
    }

    @Override
    public void forgetCache() throws DeviceException {
        requireOwner();
        file.forgetCache();
    }

    @Override
    public void close() throws DeviceException {
        if (closed) {
            return;
        }
        requireOwner();
        closed = true;
        arena.close();
        file.close();
    }

    /** Not an assertion only: the price of a mistake here is a write in the wrong file. */
    private void requireOwner() {
        Thread current = Thread.currentThread();
        if (owner == null) {
            owner = current;
        }
        if (owner != current || closed) {
            throw new IllegalStateException("device used by another thread or after close: path=" + file.path()
                    + " owner=" + owner.getName() + " thread=" + current.getName() + " closed=" + closed);
        }
    }

    private void requireRange(long offsetBytes, long lengthBytes) {
        if (offsetBytes < 0
                || lengthBytes <= 0
                || offsetBytes % SECTOR_BYTES != 0
                || lengthBytes % SECTOR_BYTES != 0
                || lengthBytes > assignedSizeBytes - offsetBytes) {
            throw new IllegalArgumentException("outside the volume or not in sectors: path=" + file.path()
                    + " offset=" + offsetBytes + " length=" + lengthBytes + " assignedSizeBytes="
                    + assignedSizeBytes);
        }
    }

    private boolean isAligned(long bytes) {
        return bytes % alignmentBytes == 0;
    }

    /** Memory on the heap cannot be handed to the kernel, so it takes the way over the bounce buffer too. */
    private boolean isAlignedMemory(MemorySegment memory) {
        return memory.isNative() && memory.address() % memoryAlignmentBytes == 0;
    }

    private static long roundDown(long bytes, int alignmentBytes) {
        return bytes - bytes % alignmentBytes;
    }

    private static long roundUp(long bytes, int alignmentBytes) {
        return roundDown(bytes + alignmentBytes - 1, alignmentBytes);
    }

    private static DeviceException refused(Path path, String reason) {
        return new DeviceException("open", path.toString(), Errno.NONE, reason);
    }
}
