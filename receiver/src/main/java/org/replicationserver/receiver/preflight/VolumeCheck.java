package org.replicationserver.receiver.preflight;

import java.nio.file.Files;
import java.nio.file.Path;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.staging.VolumeLocator;
import org.replicationserver.receiver.staging.VolumeLocator.Location;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.OpenOptions;

/**
 * Whether an assigned volume is there, large enough, and free to be opened: it is opened for a moment, as a server would open it, and
 * nothing is written. Not for a volume of a server that runs.
 */
final class VolumeCheck implements PreflightCheck {
    private final VolumeAssignment volume;
    private final VolumeLocator locator;

    /** @param locator finds a volume that has no path */
    VolumeCheck(VolumeAssignment volume, VolumeLocator locator) {
        this.volume = volume;
        this.locator = locator;
    }

    static String nameOf(String volumeId) {
        return "volume " + volumeId;
    }

    @Override
    public String name() {
        return nameOf(volume.volumeId());
    }

    @Override
    public Finding look() {
        Path path = volume.path();
        if (path != null && volume.isImageFile() && Files.notExists(path)) {
            return Finding.ok(path + " is not there yet; the server makes it, unless sessions have known it");
        }
        try {
            return opened(locator.locate(volume.volumeId(), path));
        } catch (DeviceException e) {
            return Finding.fail(
                    (path == null ? "" : path + " ") + "of " + volume.deviceName() + ": " + e.summary(),
                    "Attach the device or mount its file system, end what uses it, or correct the assignment.");
        }
    }

    /** Not as that volume's: an image file would be marked with its id. */
    private Finding opened(Location at) throws DeviceException {
        OpenOptions unmarked = new OpenOptions(volume.sizeBytes(), null, null, at.identity());
        try (LinuxBlockDevice device = LinuxBlockDevice.open(at.path(), unmarked)) {
            return Finding.ok(at.path() + " can be opened, " + device.sizeBytes() + " bytes for " + volume.sizeBytes()
                    + " of " + volume.deviceName());
        }
    }
}
