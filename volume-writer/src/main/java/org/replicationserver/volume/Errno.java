package org.replicationserver.volume;

/** Error numbers of Linux (the same on x86-64 and aarch64) that this package names in its messages or acts upon. */
public final class Errno {
    /** No error number: the failure was found by the program, not told by the kernel. */
    public static final int NONE = 0;

    public static final int EPERM = 1;
    public static final int ENOENT = 2;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int ENXIO = 6;
    public static final int EBADF = 9;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int ENODEV = 19;
    public static final int ENOTDIR = 20;
    public static final int EISDIR = 21;
    public static final int EINVAL = 22;
    public static final int EMFILE = 24;
    public static final int ENOTTY = 25;
    public static final int EFBIG = 27;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int ERANGE = 34;
    public static final int EREMOTEIO = 121;
    public static final int EDQUOT = 122;
    public static final int ENODATA = 61;
    public static final int ETIMEDOUT = 110;
    public static final int EOPNOTSUPP = 95;

    private Errno() {}

    /** What it says of a volume, for people; empty where the name says as much. */
    static String wordsOf(int errno) {
        return switch (errno) {
            case ENOENT -> "it is not there";
            case EAGAIN, EBUSY -> "another process has it, maybe another server";
            case EACCES, EPERM -> "it is not permitted";
            case EROFS -> "its file system is read-only";
            case ENOSPC, EDQUOT -> "its file system is full";
            case EIO, EREMOTEIO -> "the device reported an error";
            default -> "";
        };
    }

    /** The symbolic name, {@code NONE} for 0, or the number where the name is not known here. */
    public static String nameOf(int errno) {
        return switch (errno) {
            case NONE -> "NONE";
            case EPERM -> "EPERM";
            case ENOENT -> "ENOENT";
            case EINTR -> "EINTR";
            case EIO -> "EIO";
            case ENXIO -> "ENXIO";
            case EBADF -> "EBADF";
            case EAGAIN -> "EAGAIN";
            case ENOMEM -> "ENOMEM";
            case EACCES -> "EACCES";
            case EBUSY -> "EBUSY";
            case EEXIST -> "EEXIST";
            case ENODEV -> "ENODEV";
            case ENOTDIR -> "ENOTDIR";
            case EISDIR -> "EISDIR";
            case EINVAL -> "EINVAL";
            case EMFILE -> "EMFILE";
            case ENOTTY -> "ENOTTY";
            case EFBIG -> "EFBIG";
            case ENOSPC -> "ENOSPC";
            case EROFS -> "EROFS";
            case ERANGE -> "ERANGE";
            case EREMOTEIO -> "EREMOTEIO";
            case EDQUOT -> "EDQUOT";
            case ENODATA -> "ENODATA";
            case ETIMEDOUT -> "ETIMEDOUT";
            case EOPNOTSUPP -> "EOPNOTSUPP";
            default -> Integer.toString(errno);
        };
    }
}
