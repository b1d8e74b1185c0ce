package org.replicationserver.receiver.config;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Locale;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;

/** Why a file or directory cannot be used, in words: many exceptions have the path alone as their message. */
public final class IoReason {
    static final String NO_DIRECTORY = "exists and is no directory";

    private static final String NO_SUCH_FILE = "no such file or directory";
    private static final String PERMISSION_DENIED = "permission denied";

    private IoReason() {}

    /** The reason, with the path unless it is the one that the reader was told already. */
    public static String of(IOException e, String toldPath) {
        return switch (e) {
            case FileSystemException file -> words(file) + at(file.getFile(), toldPath);
            case DeviceException device -> words(device) + at(device.path(), toldPath);
            case CertificateStoreException store
            when store.getCause() instanceof IOException cause ->
                store.getMessage() + "; " + of(cause, store.path().toString());
            default -> String.valueOf(e.getMessage());
        };
    }

    private static String words(FileSystemException e) {
        return switch (e) {
            case NoSuchFileException _ -> NO_SUCH_FILE;
            case AccessDeniedException _ -> PERMISSION_DENIED;
            case FileAlreadyExistsException _ -> NO_DIRECTORY;
            case DirectoryNotEmptyException _ -> "a directory that is not empty";
            default -> e.getReason() == null ? "cannot be read or written" : inSentence(e.getReason());
        };
    }

    private static String inSentence(String reason) {
        return reason.substring(0, 1).toLowerCase(Locale.ROOT) + reason.substring(1);
    }

    private static String words(DeviceException e) {
        return switch (e.errno()) {
            case Errno.ENOENT -> NO_SUCH_FILE;
            case Errno.EACCES -> PERMISSION_DENIED;
            case Errno.EPERM -> "operation not permitted";
            case Errno.EISDIR -> "is a directory";
            case Errno.ENOTDIR -> "not a directory";
            case Errno.EROFS -> "read-only file system";
            case Errno.ENOSPC -> "no space left on device";
            case Errno.EDQUOT -> "disk quota exceeded";
            default -> e.summary();
        };
    }

    private static String at(String path, String toldPath) {
        return path == null || path.equals(toldPath) ? "" : ": " + path;
    }
}
