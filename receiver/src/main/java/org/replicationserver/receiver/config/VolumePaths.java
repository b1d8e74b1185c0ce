package org.replicationserver.receiver.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.staging.EbsVolumeId;
import org.replicationserver.receiver.staging.VolumeDiscovery;

/**
 * Where volumes may be: block devices below {@code /dev}, image files in one directory, and devices that are found by their serial number.
 * Immutable, any thread.
 */
public final class VolumePaths {
    private static final Path DEVICES = Path.of("/dev");

    /** What is allowed, for messages. */
    public static final String ALLOWED = "a path inside image.directory, or a block device below " + DEVICES;

    /** What is allowed where devices are found by their serial number and a volume has no path. */
    public static final String ALLOWED_WITHOUT_PATH =
            "a path, or the id of an EBS volume, " + EbsVolumeId.ALLOWED + ", since volume.discovery=nvme";

    private final Path imageDirectory;
    private final VolumeDiscovery discovery;

    /** @param discovery of volumes without a path, on this machine */
    public VolumePaths(Path imageDirectory, VolumeDiscovery discovery) {
        this.imageDirectory = imageDirectory.toAbsolutePath().normalize();
        this.discovery = discovery;
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

    /** Whether a volume without a path cannot be: neither an image file nor the serial number of a device may be meant by its id. */
    public boolean needsPath(String volumeId) {
        return discovery == VolumeDiscovery.NVME && !EbsVolumeId.isOne(volumeId);
    }

    /** The path of a volume for which none is given; null if it is found by its serial number. */
    public @Nullable Path defaultOf(String volumeId) {
        boolean found = discovery != VolumeDiscovery.IMAGE && EbsVolumeId.isOne(volumeId);
        return found ? null : imageDirectory.resolve(volumeId + ".img");
    }

    /** A path inside the image directory as relative to it, another as it is. */
    Path relative(Path path) {
        return path.startsWith(imageDirectory) ? imageDirectory.relativize(path) : path;
    }

    private static boolean isStrictlyBelow(Path path, Path directory) {
        return path.startsWith(directory) && !path.equals(directory);
    }
}
