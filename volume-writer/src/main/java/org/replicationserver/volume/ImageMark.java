package org.replicationserver.volume;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Binds an image file to its volume by the extended attribute {@value #ATTRIBUTE}, the volume's id in UTF-8: a volume holds no metadata
 * in its bytes, and a path says nothing of what lies there today. A file that has no mark gets one when it is opened and fits. Where the file
 * system keeps no such attributes, or cannot take one more, nothing is bound and nothing is refused; only a file that could have a mark and
 * has none is not extended.
 */
final class ImageMark {
    static final String ATTRIBUTE = "user.replication.volume-id";

    /** Longer than any volume id. */
    private static final long VALUE_BYTES_MAX = 256;

    private ImageMark() {}

    /**
     * Whether the file has the mark of this volume, or none.
     *
     * @throws DeviceException if it has another one's
     */
    static Mark on(LinuxFile file, VolumeId volumeId) throws DeviceException {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment found = scratch.allocate(VALUE_BYTES_MAX);
            long length = file.readAttribute(scratch.allocateFrom(ATTRIBUTE), found);
            if (length < 0 && length != -Errno.ERANGE) {
                return length == -Errno.ENODATA ? Mark.ABSENT : Mark.NOT_KEPT;
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
            return Mark.PRESENT;
        }
    }

    /** Marks the file, where its file system keeps marks. */
    static void put(LinuxFile file, VolumeId volumeId) throws DeviceException {
        try (Arena scratch = Arena.ofConfined()) {
            byte[] value = volumeId.value().getBytes(StandardCharsets.UTF_8);
            MemorySegment name = scratch.allocateFrom(ATTRIBUTE);
            if (file.writeAttribute(name, scratch.allocateFrom(ValueLayout.JAVA_BYTE, value)) == 0) {
                file.fsync();
            }
        }
    }
}
