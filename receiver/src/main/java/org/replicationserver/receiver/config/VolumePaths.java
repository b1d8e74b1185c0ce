package org.replicationserver.receiver.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where volumes may be: block devices below {@code /dev}, and image files in one directory. Immutable, any thread. */
public final class VolumePaths {
    private static final Path DEVICES = Path.of("/dev");

    /** What is allowed, for messages. */
    public static final String ALLOWED = "a path inside image.directory, or a block device below " + DEVICES;

    private final Path imageDirectory;

    public VolumePaths(Path imageDirectory) {
        this.imageDirectory = imageDirectory.toAbsolutePath().normalize();
    }

    /** The path of a volume; a relative one begins in the image directory. Null if it leads elsewhere. */
    public @Nullable Path resolve(String text) {
        try {
            Path path = imageDirectory.resolve(text).normalize();
            boolean inside = isStrictlyBelow(path, imageDirectory) || isStrictlyBelow(path, DEVICES);
            return inside ? path : null;
        } catch (InvalidPathException e) {
            return null;
        }
    }

    private static boolean isStrictlyBelow(Path path, Path directory) {
        return path.startsWith(directory) && !path.equals(directory);
    }
}
