package org.replicationserver.volume;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Every foreign function of the product, and nothing but thin calls of them. Stateless; any thread, but each call has
 * a capture segment of its own caller.
 *
 * <p>A call gives back its result, or the negative error number as the kernel itself does, so that nothing has to be
 * allocated to tell of an error. Retrying is the caller's business: EINTR of a pwrite may be, an fdatasync never is.
 *
 * <p>None of them is linked as critical: a critical call would hold up every garbage collection while the disk works.
 */
final class Linux {
    static final int O_RDONLY = 0;
    static final int O_RDWR = 2;
    static final int O_WRONLY = 1;
    static final int O_CREAT = 0100;
    static final int O_EXCL = 0200;
    static final int O_TRUNC = 01000;
    static final int O_CLOEXEC = 02000000;
    /** These two are not the same number everywhere, unlike the rest. */
    static final int O_DIRECT;

    static final int O_DIRECTORY;

    static {
        switch (System.getProperty("os.arch")) {
            case "amd64" -> {
                O_DIRECT = 040000;
                O_DIRECTORY = 0200000;
            }
            case "aarch64" -> {
                O_DIRECT = 0200000;
                O_DIRECTORY = 040000;
            }
            default ->
                throw new ExceptionInInitializerError(
                        "neither amd64 nor aarch64: os.arch=" + System.getProperty("os.arch"));
        }
    }

    static final int F_SETFL = 4;
    static final int LOCK_EX = 2;
    static final int LOCK_NB = 4;
    static final int SEEK_DATA = 3;
    static final int FALLOC_FL_KEEP_SIZE = 0x01;
    static final int FALLOC_FL_PUNCH_HOLE = 0x02;
    static final int FALLOC_FL_ZERO_RANGE = 0x10;
    static final long BLKSSZGET = 0x1268;
    static final long BLKZEROOUT = 0x127f;
    static final long BLKGETSIZE64 = 0x80081272L;
    static final int POSIX_FADV_DONTNEED = 4;
    static final int PRIO_PROCESS = 0;
    static final int AT_FDCWD = -100;
    static final int AT_EMPTY_PATH = 0x1000;
    static final int STATX_BASIC_STATS = 0x7ff;
    static final int STATX_BTIME = 0x800;
    static final int STATX_DIOALIGN = 0x2000;
    static final int S_IFMT = 0170000;
    static final int S_IFBLK = 0060000;
    static final int S_IFREG = 0100000;

    static final long STATX_BYTES = 256;
    private static final long STATX_MASK_OFFSET = 0;
    private static final long STATX_MODE_OFFSET = 28;
    private static final long STATX_INODE_OFFSET = 32;
    private static final long STATX_SIZE_OFFSET = 40;
    private static final long STATX_BLOCKS_OFFSET = 48;
    private static final long STATX_BLOCK_BYTES = 512;
    private static final long STATX_BTIME_SECONDS_OFFSET = 80;
    private static final long STATX_BTIME_NANOS_OFFSET = 88;
    private static final long STATX_RDEV_MAJOR_OFFSET = 128;
    private static final long STATX_RDEV_MINOR_OFFSET = 132;
    private static final long STATX_DIO_MEM_ALIGN_OFFSET = 152;
    private static final long STATX_DIO_OFFSET_ALIGN_OFFSET = 156;

    private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
    private static final VarHandle CAPTURED_ERRNO = CAPTURE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private static final MethodHandle OPEN = variadic("open", 2, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
    private static final MethodHandle CLOSE = function("close", JAVA_INT, JAVA_INT);
    private static final MethodHandle PREAD = function("pread", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle PWRITE = function("pwrite", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle FDATASYNC = function("fdatasync", JAVA_INT, JAVA_INT);
    private static final MethodHandle FSYNC = function("fsync", JAVA_INT, JAVA_INT);
    private static final MethodHandle POSIX_FADVISE =
            function("posix_fadvise", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle FALLOCATE =
            function("fallocate", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle IOCTL = variadic("ioctl", 2, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS);
    private static final MethodHandle FCNTL = variadic("fcntl", 2, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle FLOCK = function("flock", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle STATX =
            function("statx", JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS);
    private static final MethodHandle FTRUNCATE = function("ftruncate", JAVA_INT, JAVA_INT, JAVA_LONG);
    private static final MethodHandle LSEEK = function("lseek", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle SETPRIORITY = function("setpriority", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle FGETXATTR =
            function("fgetxattr", JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG);
    private static final MethodHandle FSETXATTR =
            function("fsetxattr", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle RENAME = function("rename", JAVA_INT, ADDRESS, ADDRESS);

    private Linux() {}

    /** What every call needs to bring its error number home. */
    static MemorySegment newCapture(Arena arena) {
        return arena.allocate(CAPTURE);
    }

    static int open(MemorySegment capture, MemorySegment path, int flags, int mode) {
        try {
            return result(capture, (int) OPEN.invokeExact(capture, path, flags, mode));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int close(MemorySegment capture, int fd) {
        try {
            return result(capture, (int) CLOSE.invokeExact(capture, fd));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static long pread(MemorySegment capture, int fd, MemorySegment target, long lengthBytes, long offsetBytes) {
        try {
            return result(capture, (long) PREAD.invokeExact(capture, fd, target, lengthBytes, offsetBytes));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static long pwrite(MemorySegment capture, int fd, MemorySegment source, long lengthBytes, long offsetBytes) {
        try {
            return result(capture, (long) PWRITE.invokeExact(capture, fd, source, lengthBytes, offsetBytes));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int fdatasync(MemorySegment capture, int fd) {
        try {
            return result(capture, (int) FDATASYNC.invokeExact(capture, fd));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int fsync(MemorySegment capture, int fd) {
        try {
            return result(capture, (int) FSYNC.invokeExact(capture, fd));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int fadvise(MemorySegment capture, int fd, long offsetBytes, long lengthBytes, int advice) {
        try { // it gives back the error number itself
            return -(int) POSIX_FADVISE.invokeExact(capture, fd, offsetBytes, lengthBytes, advice);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int fallocate(MemorySegment capture, int fd, int mode, long offsetBytes, long lengthBytes) {
        try {
            return result(capture, (int) FALLOCATE.invokeExact(capture, fd, mode, offsetBytes, lengthBytes));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int ioctl(MemorySegment capture, int fd, long request, MemorySegment argument) {
        try {
            return result(capture, (int) IOCTL.invokeExact(capture, fd, request, argument));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int setStatusFlags(MemorySegment capture, int fd, int flags) {
        try {
            return result(capture, (int) FCNTL.invokeExact(capture, fd, F_SETFL, flags));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int flock(MemorySegment capture, int fd, int operation) {
        try {
            return result(capture, (int) FLOCK.invokeExact(capture, fd, operation));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int statx(MemorySegment capture, int dirFd, MemorySegment path, int flags, int mask, MemorySegment target) {
        try {
            return result(capture, (int) STATX.invokeExact(capture, dirFd, path, flags, mask, target));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int ftruncate(MemorySegment capture, int fd, long sizeBytes) {
        try {
            return result(capture, (int) FTRUNCATE.invokeExact(capture, fd, sizeBytes));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static long lseek(MemorySegment capture, int fd, long offsetBytes, int whence) {
        try {
            return result(capture, (long) LSEEK.invokeExact(capture, fd, offsetBytes, whence));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int rename(MemorySegment capture, MemorySegment from, MemorySegment to) {
        try {
            return result(capture, (int) RENAME.invokeExact(capture, from, to));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Of the calling thread only: Linux keeps the nice value by thread, whatever POSIX says. */
    static int setNiceOfThread(MemorySegment capture, int nice) {
        try {
            return result(capture, (int) SETPRIORITY.invokeExact(capture, PRIO_PROCESS, 0, nice));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static long fgetxattr(MemorySegment capture, int fd, MemorySegment name, MemorySegment target) {
        try {
            return result(capture, (long) FGETXATTR.invokeExact(capture, fd, name, target, target.byteSize()));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int fsetxattr(MemorySegment capture, int fd, MemorySegment name, MemorySegment value) {
        try {
            return result(capture, (int) FSETXATTR.invokeExact(capture, fd, name, value, value.byteSize(), 0));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static int statxKind(MemorySegment statx) {
        return statx.get(ValueLayout.JAVA_SHORT, STATX_MODE_OFFSET) & S_IFMT;
    }

    static long statxSizeBytes(MemorySegment statx) {
        return statx.get(JAVA_LONG, STATX_SIZE_OFFSET);
    }

    static long statxAllocatedBytes(MemorySegment statx) {
        return statx.get(JAVA_LONG, STATX_BLOCKS_OFFSET) * STATX_BLOCK_BYTES;
    }

    /** Of the device that a device file stands for. */
    static DeviceNumber statxDeviceNumber(MemorySegment statx) {
        return new DeviceNumber(
                statx.get(JAVA_INT, STATX_RDEV_MAJOR_OFFSET), statx.get(JAVA_INT, STATX_RDEV_MINOR_OFFSET));
    }

    /** 0 where the kernel (before 6.1) or the file system does not tell, or does not take O_DIRECT. */
    static int statxDirectMemoryAlignmentBytes(MemorySegment statx) {
        return tellsDirectAlignment(statx) ? statx.get(JAVA_INT, STATX_DIO_MEM_ALIGN_OFFSET) : 0;
    }

    /** 0 where the kernel (before 6.1) or the file system does not tell, or does not take O_DIRECT. */
    static int statxDirectOffsetAlignmentBytes(MemorySegment statx) {
        return tellsDirectAlignment(statx) ? statx.get(JAVA_INT, STATX_DIO_OFFSET_ALIGN_OFFSET) : 0;
    }

    static long statxInode(MemorySegment statx) {
        return statx.get(JAVA_LONG, STATX_INODE_OFFSET);
    }

    /** Null where the file system does not tell. */
    static @Nullable Instant statxBirth(MemorySegment statx) {
        return (statx.get(JAVA_INT, STATX_MASK_OFFSET) & STATX_BTIME) == 0
                ? null
                : Instant.ofEpochSecond(
                        statx.get(JAVA_LONG, STATX_BTIME_SECONDS_OFFSET),
                        statx.get(JAVA_INT, STATX_BTIME_NANOS_OFFSET));
    }

    private static boolean tellsDirectAlignment(MemorySegment statx) {
        return (statx.get(JAVA_INT, STATX_MASK_OFFSET) & STATX_DIOALIGN) != 0;
    }

    private static int result(MemorySegment capture, int returned) {
        return returned >= 0 ? returned : -errno(capture);
    }

    private static long result(MemorySegment capture, long returned) {
        return returned >= 0 ? returned : -errno(capture);
    }

    private static int errno(MemorySegment capture) {
        return (int) CAPTURED_ERRNO.get(capture, 0L);
    }

    private static MethodHandle function(String name, MemoryLayout returned, MemoryLayout... arguments) {
        return link(name, FunctionDescriptor.of(returned, arguments), Linker.Option.captureCallState("errno"));
    }

    private static MethodHandle variadic(
            String name, int firstVariadic, MemoryLayout returned, MemoryLayout... arguments) {
        return link(
                name,
                FunctionDescriptor.of(returned, arguments),
                Linker.Option.captureCallState("errno"),
                Linker.Option.firstVariadicArg(firstVariadic));
    }

    private static MethodHandle link(String name, FunctionDescriptor descriptor, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor, options);
    }

    /** The handles declare Throwable; the calls themselves throw nothing but what is wrong with an argument. */
    private static RuntimeException unexpected(Throwable thrown) {
        if (thrown instanceof RuntimeException e) {
            throw e;
        }
        if (thrown instanceof Error e) {
            throw e;
        }
        throw new AssertionError("a foreign call threw a checked exception", thrown);
    }
}
