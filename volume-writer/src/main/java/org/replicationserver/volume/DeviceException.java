package org.replicationserver.volume;

import java.io.IOException;

/** A device did not do what it was asked to. After one of these from a write, zero or force nothing is retried. */
public class DeviceException extends IOException {
    private static final long serialVersionUID = 1L;

    /** The detail of a failure whose error number tells less: the device was detached while it was open. */
    public static final String GONE = "the device is gone";

    private final String operation;
    private final String path;
    private final long offsetBytes;
    private final long lengthBytes;
    private final int errno;
    private final String detail;

    /** @param errno the kernel's error number, or {@link Errno#NONE} where the program itself found the fault */
    public DeviceException(
            String operation, String path, long offsetBytes, long lengthBytes, int errno, String detail) {
        super("device operation failed: operation=" + operation + " path=" + path + " offset=" + offsetBytes
                + " length=" + lengthBytes + " errno=" + errno + " name=" + Errno.nameOf(errno)
                + (detail.isEmpty() ? "" : " detail=\"" + detail + "\""));
        this.operation = operation;
        this.path = path;
        this.offsetBytes = offsetBytes;
        this.lengthBytes = lengthBytes;
        this.errno = errno;
        this.detail = detail;
    }

    /** For an operation on the device as a whole: open, force, close. */
    public DeviceException(String operation, String path, int errno, String detail) {
        this(operation, path, 0, 0, errno, detail);
    }

    public String operation() {
        return operation;
    }

    public String path() {
        return path;
    }

    public long offsetBytes() {
        return offsetBytes;
    }

    public long lengthBytes() {
        return lengthBytes;
    }

    public int errno() {
        return errno;
    }

    public String errnoName() {
        return Errno.nameOf(errno);
    }

    /** What failed and why, without the path: for those who need not know where the volume is. */
    public String summary() {
        if (errno == Errno.NONE) {
            return operation + " failed: " + detail;
        }
        String words = detail.equals(GONE) ? GONE : Errno.wordsOf(errno);
        return operation + " failed: " + errnoName() + (words.isEmpty() ? "" : ", " + words);
    }

    /** What the program adds to the error number, for a person; may be empty. */
    public String detail() {
        return detail;
    }
}
