package org.replicationserver.volume;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One open file descriptor and the memory that its calls need. Used by one thread at a time.
 *
 * <p>Knows how to finish a read or write and how to say what went wrong; knows nothing of alignment, ranges or
 * durability, which are {@link LinuxBlockDevice}'s and {@link StateDirectory}'s.
 */
final class LinuxFile implements AutoCloseable {
    private static final int CLOSED = -1;
    /** The {start, length} of BLKZEROOUT is the largest argument of an ioctl here. */
    private static final long IOCTL_ARGUMENT_BYTES = 16;

    private final String path;
    // Shared, because a device is opened by one thread and then belongs to another.
    private final Arena arena = Arena.ofShared();
    private final MemorySegment capture = Linux.newCapture(arena);
    private final MemorySegment ioctlArgument = arena.allocate(IOCTL_ARGUMENT_BYTES, Long.BYTES);
    private int fd;

    private LinuxFile(String path, int fd) {
        this.path = path;
        this.fd = fd;
    }

    static LinuxFile open(Path path, int flags, int mode) throws DeviceException {
        int fd;
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment capture = Linux.newCapture(scratch);
            MemorySegment name = scratch.allocateFrom(path.toString());
            do {
                fd = Linux.open(capture, name, flags | Linux.O_CLOEXEC, mode);
            } while (fd == -Errno.EINTR);
        }
        if (fd < 0) {
            throw new DeviceException("open", path.toString(), -fd, reasonOfOpen(-fd, flags));
        }
        return new LinuxFile(path.toString(), fd);
    }

    private static String reasonOfOpen(int errno, int flags) {
        return switch (errno) {
            case Errno.EBUSY -> "in use or mounted";
            case Errno.ENOENT -> "does not exist";
            case Errno.EEXIST -> "exists already";
            case Errno.EINVAL -> (flags & Linux.O_DIRECT) != 0 ? "the file system does not take O_DIRECT" : "";
            default -> "";
        };
    }

    /** What a path, or an open file, is. */
    record Facts(
            int kind,
            long sizeBytes,
            long allocatedBytes,
            DeviceNumber deviceNumber,
            long inode,
            @Nullable Instant birth,
            int directMemoryAlignmentBytes,
            int directOffsetAlignmentBytes) {
        boolean isBlockDevice() {
            return kind == Linux.S_IFBLK;
        }

        boolean isRegularFile() {
            return kind == Linux.S_IFREG;
        }
    }

    /** Looks before opening: to open a tape or a FIFO is already to do something to it. */
    static Facts factsOf(Path path) throws DeviceException {
        try (Arena arena = Arena.ofConfined()) {
            return facts(
                    path.toString(),
                    Linux.newCapture(arena),
                    arena,
                    Linux.AT_FDCWD,
                    arena.allocateFrom(path.toString()),
                    0);
        }
    }

    Facts facts() throws DeviceException {
        try (Arena scratch = Arena.ofConfined()) {
            return facts(path, capture, scratch, fd, scratch.allocateFrom(""), Linux.AT_EMPTY_PATH);
        }
    }

    private static Facts facts(
            String path, MemorySegment capture, Arena scratch, int dirFd, MemorySegment relativePath, int flags)
            throws DeviceException {
        MemorySegment statx = scratch.allocate(Linux.STATX_BYTES, Long.BYTES);
        int result = Linux.statx(
                capture,
                dirFd,
                relativePath,
                flags,
                Linux.STATX_BASIC_STATS | Linux.STATX_BTIME | Linux.STATX_DIOALIGN,
                statx);
        if (result < 0) {
            throw new DeviceException("statx", path, -result, reasonOfOpen(-result, 0));
        }
        return new Facts(
                Linux.statxKind(statx),
                Linux.statxSizeBytes(statx),
                Linux.statxAllocatedBytes(statx),
                Linux.statxDeviceNumber(statx),
                Linux.statxInode(statx),
                Linux.statxBirth(statx),
                Linux.statxDirectMemoryAlignmentBytes(statx),
                Linux.statxDirectOffsetAlignmentBytes(statx));
    }

    /** Makes names that were added to, or replaced in, a directory survive a power loss. */
    static void syncDirectory(Path directory) throws DeviceException {
        try (LinuxFile file = open(directory, Linux.O_RDONLY | Linux.O_DIRECTORY, 0)) {
            file.fsync();
        }
    }

    static void rename(Path from, Path to) throws DeviceException {
        try (Arena arena = Arena.ofConfined()) {
            int result = Linux.rename(
                    Linux.newCapture(arena), arena.allocateFrom(from.toString()), arena.allocateFrom(to.toString()));
            if (result < 0) {
                throw new DeviceException("rename", from.toString(), -result, "to " + to);
            }
        }
    }

    String path() {
        return path;
    }

    /** Goes on after EINTR and after a short write that made progress; a write of nothing is an error. */
    void writeFully(MemorySegment source, long offsetBytes) throws DeviceException {
        long lengthBytes = source.byteSize();
        long doneBytes = 0;
        while (doneBytes < lengthBytes) {
            MemorySegment rest = doneBytes == 0 ? source : source.asSlice(doneBytes);
            long written = Linux.pwrite(capture, fd, rest, lengthBytes - doneBytes, offsetBytes + doneBytes);
            if (written == -Errno.EINTR) {
                continue;
            }
            if (written <= 0) {
                String detail = written == 0 ? "wrote nothing" : "";
                throw failed("write", offsetBytes + doneBytes, lengthBytes - doneBytes, written, detail);
            }
            doneBytes += written;
        }
    }

    void readFully(MemorySegment target, long offsetBytes) throws DeviceException {
        long lengthBytes = target.byteSize();
        long doneBytes = 0;
        while (doneBytes < lengthBytes) {
            MemorySegment rest = doneBytes == 0 ? target : target.asSlice(doneBytes);
            long read = readOnce(rest, offsetBytes + doneBytes);
            if (read == 0) {
                throw failed("read", offsetBytes + doneBytes, lengthBytes - doneBytes, 0, "end of file");
            }
            doneBytes += read;
        }
    }

    /** One read; fewer bytes than asked for is the end of the file. */
    long readOnce(MemorySegment target, long offsetBytes) throws DeviceException {
        long read;
        do {
            read = Linux.pread(capture, fd, target, target.byteSize(), offsetBytes);
        } while (read == -Errno.EINTR);
        if (read < 0) {
            throw failed("read", offsetBytes, target.byteSize(), read, "");
        }
        return read;
    }

    /** Once. EINTR is an error like any other: what it left on stable storage nobody knows. */
    void fdatasync() throws DeviceException {
        int result = Linux.fdatasync(capture, fd);
        if (result < 0) {
            throw failed("force", 0, 0, result, "");
        }
    }

    /** Once, as {@link #fdatasync}. */
    void fsync() throws DeviceException {
        int result = Linux.fsync(capture, fd);
        if (result < 0) {
            throw failed("fsync", 0, 0, result, "");
        }
    }

    /** Drops what the page cache holds and is not to be written back. */
    void forgetCache() throws DeviceException {
        int result = Linux.fadvise(capture, fd, 0, 0, Linux.POSIX_FADV_DONTNEED);
        if (result < 0) {
            throw failed("forget cache", 0, 0, result, "");
        }
    }

    /** False when someone else holds it. The lock ends with the descriptor. */
    boolean tryLock() throws DeviceException {
        int result = Linux.flock(capture, fd, Linux.LOCK_EX | Linux.LOCK_NB);
        if (result == -Errno.EAGAIN) {
            return false;
        }
        if (result < 0) {
            throw failed("lock", 0, 0, result, "");
        }
        return true;
    }

    void truncate(long sizeBytes) throws DeviceException {
        int result = Linux.ftruncate(capture, fd, sizeBytes);
        if (result < 0) {
            throw failed("truncate", 0, sizeBytes, result, "");
        }
    }

    /**
     * Whether a file has no data at all before this offset, only a hole, so that it reads zero there. False where the file system
     * does not know.
     */
    boolean isHoleUpTo(long endBytes) {
        long firstData = Linux.lseek(capture, fd, 0, Linux.SEEK_DATA);
        return firstData == -Errno.ENXIO || firstData >= endBytes;
    }

    /** Turns O_DIRECT on or off for the calls that follow. */
    void setDirect(boolean direct) throws DeviceException {
        int result = Linux.setStatusFlags(capture, fd, direct ? Linux.O_DIRECT : 0);
        if (result < 0) {
            throw failed("set flags", 0, 0, result, "");
        }
    }

    /** False where the file system cannot do it, and nothing was done. */
    boolean tryAllocate(int mode, long offsetBytes, long lengthBytes) throws DeviceException {
        int result;
        do {
            result = Linux.fallocate(capture, fd, mode, offsetBytes, lengthBytes);
        } while (result == -Errno.EINTR);
        if (result == -Errno.EOPNOTSUPP) {
            return false;
        }
        if (result < 0) {
            throw failed("zero", offsetBytes, lengthBytes, result, "fallocate mode=" + mode);
        }
        return true;
    }

    /** False where the device cannot do it; some of the range may be zero by then. */
    boolean tryZeroOut(long offsetBytes, long lengthBytes) throws DeviceException {
        ioctlArgument.set(ValueLayout.JAVA_LONG, 0, offsetBytes);
        ioctlArgument.set(ValueLayout.JAVA_LONG, Long.BYTES, lengthBytes);
        int result;
        do {
            result = Linux.ioctl(capture, fd, Linux.BLKZEROOUT, ioctlArgument);
        } while (result == -Errno.EINTR);
        if (result == -Errno.EOPNOTSUPP || result == -Errno.EINVAL || result == -Errno.ENOTTY) {
            return false;
        }
        if (result < 0) {
            throw failed("zero", offsetBytes, lengthBytes, result, "BLKZEROOUT");
        }
        return true;
    }

    long blockDeviceSizeBytes() throws DeviceException {
        int result = Linux.ioctl(capture, fd, Linux.BLKGETSIZE64, ioctlArgument);
        if (result < 0) {
            throw failed("size", 0, 0, result, "BLKGETSIZE64");
        }
        return ioctlArgument.get(ValueLayout.JAVA_LONG, 0);
    }

    int logicalBlockBytes() throws DeviceException {
        int result = Linux.ioctl(capture, fd, Linux.BLKSSZGET, ioctlArgument);
        if (result < 0) {
            throw failed("block size", 0, 0, result, "BLKSSZGET");
        }
        return ioctlArgument.get(ValueLayout.JAVA_INT, 0);
    }

    /** The length of an extended attribute's value, or a negative error number. */
    long readAttribute(MemorySegment name, MemorySegment target) {
        return Linux.fgetxattr(capture, fd, name, target);
    }

    /** 0, or a negative error number. */
    int writeAttribute(MemorySegment name, MemorySegment value) {
        return Linux.fsetxattr(capture, fd, name, value);
    }

    /** Never retried, not even after EINTR: on Linux the descriptor is gone then, and its number may be another's. */
    @Override
    public void close() throws DeviceException {
        if (fd == CLOSED) {
            return;
        }
        int result = Linux.close(capture, fd);
        fd = CLOSED;
        arena.close();
        if (result < 0) {
            throw failed("close", 0, 0, result, "");
        }
    }

    /** @param result a negative error number, or 0 where the call made no progress without an error */
    private DeviceException failed(String operation, long offsetBytes, long lengthBytes, long result, String detail) {
        return new DeviceException(
                operation, path, offsetBytes, lengthBytes, (int) -result, isGone() ? DeviceException.GONE : detail);
    }

    /** Whether a block device is not there any more: what the kernel keeps of it while it is open has no bytes. */
    private boolean isGone() {
        return fd != CLOSED
                && Linux.ioctl(capture, fd, Linux.BLKGETSIZE64, ioctlArgument) >= 0
                && ioctlArgument.get(ValueLayout.JAVA_LONG, 0) == 0;
    }
}
