package org.replicationserver.receiver.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.staging.EbsVolumeId;
import org.replicationserver.receiver.staging.VolumeDiscovery;

/**
 * Where volumes may be: block devices below {@code /dev}, image files in one directory, and devices that are found by their serial number.
 * Immutable, any thread.
 */
public final class VolumePaths {
    private static final Path DEVICES = Path.of("/dev");
    private static final String IMAGE_SUFFIX = ".img";

    /** What is allowed, for messages. */
    public static final String ALLOWED = "a path inside image.directory, or a block device below " + DEVICES;

    /** What is allowed where devices are found by their serial number and a volume has no path. */
    public static final String ALLOWED_WITHOUT_PATH =
            "a path, or the id of an EBS volume, " + EbsVolumeId.ALLOWED + ", since volume.discovery=nvme";

    /** Why an EBS volume's id may have been taken for the name of an image file, and what to do if it should not have been. */
    public static final String JUDGED_IMAGE =
            "taken for an image file, though its id is that of an EBS volume: this machine is no EC2"
                    + " instance by /sys/class/dmi/id/sys_vendor. If the device is meant, set volume.discovery to nvme and assign the volume"
                    + " again; if the file is meant, set it to image";

    private final Path imageDirectory;
    private final VolumeDiscovery discovery;
    private final boolean judgesImages;

    /** @param discovery of volumes without a path, which AUTO leaves to their ids */
    public VolumePaths(Path imageDirectory, VolumeDiscovery discovery) {
        this(imageDirectory, discovery, false);
    }

    private VolumePaths(Path imageDirectory, VolumeDiscovery discovery, boolean judgesImages) {
        this.imageDirectory = imageDirectory.toAbsolutePath().normalize();
        this.discovery = discovery;
        this.judgesImages = judgesImages;
    }

    /**
     * With the discovery that is set, as what it means on a machine. May block.
     *
     * @param sys where sysfs is mounted; {@code /sys}
     */
    public static VolumePaths on(Path sys, Path imageDirectory, VolumeDiscovery set) {
        VolumeDiscovery discovery = set.on(sys);
        return new VolumePaths(imageDirectory, discovery, set != discovery);
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
        return found ? null : imageDirectory.resolve(volumeId + IMAGE_SUFFIX);
    }

    /** Whether a volume is an image file only because the machine was judged, although its id is an EBS volume's. */
    public boolean isJudgedImage(VolumeAssignment volume) {
        String id = volume.volumeId();
        return judgesImages
                && EbsVolumeId.isOne(id)
                && imageDirectory.resolve(id + IMAGE_SUFFIX).equals(volume.path());
    }

    /** A path inside the image directory as relative to it, another as it is. */
    Path relative(Path path) {
        return path.startsWith(imageDirectory) ? imageDirectory.relativize(path) : path;
    }

    private static boolean isStrictlyBelow(Path path, Path directory) {
        return path.startsWith(directory) && !path.equals(directory);
    }
}
