package org.replicationserver.receiver.staging;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.staging.NvmeDevices.Finding;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.DeviceIdentity;
import org.replicationserver.volume.DeviceNumber;
import org.replicationserver.volume.Errno;

/** Says where a volume is and how its device is known when it is open. Stateless; any thread that may block. */
public final class VolumeLocator {
    /**
     * Where a volume is.
     *
     * @param identity judges the device that was opened at the path
     */
    public record Location(Path path, DeviceIdentity identity) {}

    private final NvmeScanner scanner;

    public VolumeLocator(NvmeScanner scanner) {
        this.scanner = scanner;
    }

    /**
     * Where the volume is now.
     *
     * @param path where it is said to be; null to find it by the serial number of its NVMe device
     * @throws AbsentVolumeException if its device has not appeared
     * @throws DeviceException if what is there must not be taken for it
     */
    public Location locate(String volumeId, @Nullable Path path) throws DeviceException {
        if (path != null) {
            return new Location(path, opened -> opened == null ? null : otherVolume(volumeId, opened));
        }
        return switch (scanner.scan().find(volumeId)) {
            case Finding.Found(NvmeDevice device) ->
                new Location(device.node(), opened -> objection(volumeId, device, opened));
            case Finding.Absent(String reason) -> throw new AbsentVolumeException(volumeId, reason);
            case Finding.Refused(String reason) -> throw new DeviceException("find", volumeId, Errno.NONE, reason);
        };
    }

    /** A device at a path that was given may be anything but the device of another EBS volume. */
    private @Nullable String otherVolume(String volumeId, DeviceNumber opened) {
        String there = scanner.volumeAt(opened);
        return there != null && !there.equals(volumeId) && EbsVolumeId.isOne(volumeId)
                ? "device " + opened + " has the serial number of " + there + ", not of " + volumeId
                : null;
    }

    /** The number of an open device is not given to another one, so what sysfs says of it now is true of what is open. */
    private @Nullable String objection(String volumeId, NvmeDevice device, @Nullable DeviceNumber opened) {
        if (!device.number().equals(opened)) {
            return (opened == null ? "no device" : "device " + opened) + " was opened at " + device.node()
                    + ", and that of the volume is " + device.number();
        }
        return scanner.volumeAt(device.number()) == null
                ? "device " + opened + " has gone while it was opened as " + volumeId
                : otherVolume(volumeId, device.number());
    }
}
