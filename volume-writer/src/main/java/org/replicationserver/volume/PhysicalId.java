package org.replicationserver.volume;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What tells a file or device from another one that takes its place under the same name: of an image file its inode and the time of its
 * birth, of a block device the identifier by which the kernel shows it in sysfs, and the number of a partition. Null where the system
 * tells neither, as for a file system without birth times, or a loop device.
 *
 * <p>It does not see other content in the same file or device.
 */
final class PhysicalId {
    private static final Path DEVICES = Path.of("/sys/dev/block");

    /** NVMe and SCSI, the device mapper, software RAID, virtio; in this order. */
    private static final List<String> ATTRIBUTES = List.of("wwid", "device/wwid", "dm/uuid", "md/uuid", "serial");

    private static final int CHARS_MAX = 200;

    private PhysicalId() {}

    static @Nullable String of(LinuxFile.Facts opened) {
        if (!opened.isBlockDevice()) {
            return opened.birth() == null ? null : "inode=" + opened.inode() + " birth=" + opened.birth();
        }
        return of(DEVICES.resolve(opened.deviceNumber().toString()));
    }

    /**
     * A partition has none of the attributes; it is the part with its number of the device in whose directory its own is.
     *
     * @param device its directory in sysfs, or a link to it
     */
    static @Nullable String of(Path device) {
        String partition = valueOf(device.resolve("partition"));
        if (partition.isEmpty()) {
            return ofWhole(device);
        }
        String whole = ofWhole(device.resolve("..")); // the kernel follows the link first
        return whole == null ? null : whole + " partition=" + partition;
    }

    private static @Nullable String ofWhole(Path device) {
        for (String attribute : ATTRIBUTES) {
            String value = valueOf(device.resolve(attribute));
            if (!value.isEmpty()) {
                String told = attribute + "=" + value;
                return told.substring(0, Math.min(CHARS_MAX, told.length()));
            }
        }
        return null;
    }

    /** Empty if this kind of device has no such attribute. */
    private static String valueOf(Path attribute) {
        try {
            return Files.readString(attribute).strip();
        } catch (IOException e) {
            return "";
        }
    }
}
