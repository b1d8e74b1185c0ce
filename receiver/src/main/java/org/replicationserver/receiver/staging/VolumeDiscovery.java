package org.replicationserver.receiver.staging;

import java.nio.file.Path;

/** Where a volume is that is assigned without a path. */
public enum VolumeDiscovery {
    /** NVMe for ids of EBS volumes on an EC2 instance, image otherwise. */
    AUTO,
    /** A file named after it in the directory of images. */
    IMAGE,
    /** The NVMe device that has its id as serial number. */
    NVME;

    /** What the firmware of Nitro instances names as the maker of the machine. */
    private static final String EC2_VENDOR = "Amazon EC2";

    /**
     * AUTO as what it means on this machine, whatever devices there are at the moment: itself on an EC2 instance, IMAGE elsewhere.
     *
     * @param sys where sysfs is mounted; {@code /sys}
     */
    public VolumeDiscovery on(Path sys) {
        if (this != AUTO) {
            return this;
        }
        String vendor = NvmeScanner.attribute(sys.resolve("class/dmi/id/sys_vendor"));
        return vendor.equals(EC2_VENDOR) ? AUTO : IMAGE;
    }
}
