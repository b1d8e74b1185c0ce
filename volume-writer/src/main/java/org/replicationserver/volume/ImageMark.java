package org.replicationserver.volume;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Binds an image file to its volume by the extended attribute {@value #ATTRIBUTE}, the volume's id in UTF-8: a volume holds no metadata
 * in its bytes, and a path says nothing of what lies there today. A file that has no mark gets one when it is opened. Where the file
 * system keeps no such attributes, or cannot take one more, nothing is bound and nothing is refused.
 */
final class ImageMark {
    static final String ATTRIBUTE = "user.replication.volume-id";

    /** Longer than any volume id. */
    private static final long VALUE_BYTES_MAX = 256;

    private ImageMark() {}

    /**
     * Marks a file that has no mark.
     *
     * @return whether it had the mark of this volume already
     * @throws DeviceException if the file is marked as another volume's
     */
    static boolean require(LinuxFile file, VolumeId volumeId) throws DeviceException {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment name = scratch.allocateFrom(ATTRIBUTE);
            MemorySegment found = scratch.allocate(VALUE_BYTES_MAX);
            long length = file.readAttribute(name, found);
            byte[] own = volumeId.value().getBytes(StandardCharsets.UTF_8);
            if (length == -Errno.ENODATA) {
                mark(file, name, scratch.allocateFrom(ValueLayout.JAVA_BYTE, own));
                return false;
            }
            if (length < 0 && length != -Errno.ERANGE) {
                return false; // the file system keeps none, or does not show them
            }
            String marked = length < 0
                    ? "something longer than any volume"
                    : StandardCharsets.UTF_8
                            .decode(found.asSlice(0, length).asByteBuffer())
                            .toString();
            if (!marked.equals(volumeId.value())) {
                throw new DeviceException(
                        "open",
                        file.path(),
                        Errno.NONE,
                        "the image file is marked as that of " + marked + ", not of " + volumeId
                                + "; give the volume its own path, or remove the mark: setfattr -x " + ATTRIBUTE
                                + " FILE");
            }
            return true;
        }
    }

    private static void mark(LinuxFile file, MemorySegment name, MemorySegment value) throws DeviceException {
        if (file.writeAttribute(name, value) == 0) {
            file.fsync();
        }
    }
}
