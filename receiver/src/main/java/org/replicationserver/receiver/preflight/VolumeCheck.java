package org.replicationserver.receiver.preflight;

import java.nio.file.Files;
import java.nio.file.Path;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.staging.VolumeLocator;
import org.replicationserver.receiver.staging.VolumeLocator.Location;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.OpenOptions;
import org.replicationserver.volume.VolumeId;

/**
 * Whether a server that is started would open an assigned volume, and what it would do to it: the volume is held for a moment, and nothing
 * is written. Not for a volume of a server that runs.
 */
final class VolumeCheck implements PreflightCheck {
    private final VolumeAssignment volume;
    private final SourceRecord record;
    private final VolumeLocator locator;

    /**
     * @param record what the server would know of the volume's source server
     * @param locator finds a volume that has no path
     */
    VolumeCheck(VolumeAssignment volume, SourceRecord record, VolumeLocator locator) {
        this.volume = volume;
        this.record = record;
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
        String cause = record.failedCause(volume.volumeId());
        if (cause != null) {
            return Finding.fail(
                    "of " + volume.deviceName() + " has failed, and the server leaves it closed: " + cause,
                    "Mend its device, start the server, and have it reopened: ./run volume reopen "
                            + volume.volumeId());
        }
        if (path != null && volume.isImageFile() && Files.notExists(path)) {
            return missing(path);
        }
        try {
            return opened(locator.locate(volume.volumeId(), path));
        } catch (DeviceException e) {
            return Finding.fail(
                    (path == null ? "" : path + " ") + "of " + volume.deviceName() + ": " + e.summary(),
                    "Attach the device or mount its file system, end what uses it, or correct the assignment.");
        }
    }

    private Finding missing(Path image) {
        if (record.mayMake(volume)) {
            return Finding.ok(image + " is not there yet; the server makes it");
        }
        return Finding.fail(
                image + " of " + volume.deviceName() + " is not there, though sessions have known it",
                "Mount its file system; or start the server and have it made anew: ./run volume reopen "
                        + volume.volumeId());
    }

    private Finding opened(Location at) throws DeviceException {
        OpenOptions asServer = new OpenOptions(
                volume.sizeBytes(),
                null,
                new VolumeId(volume.volumeId()),
                at.identity(),
                record.heldBytes(volume.volumeId()));
        LinuxBlockDevice.Outlook found = LinuxBlockDevice.look(at.path(), asServer);
        return Finding.ok(at.path() + " can be opened, " + found.sizeBytes() + " bytes for " + volume.sizeBytes()
                + " of " + volume.deviceName() + (found.isExtended() ? "; the server extends it" : ""));
    }
}
