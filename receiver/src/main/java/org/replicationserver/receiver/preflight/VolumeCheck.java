package org.replicationserver.receiver.preflight;

import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.staging.VolumeLocator;
import org.replicationserver.receiver.staging.VolumeLocator.Location;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.OpenOptions;

/**
 * Whether an assigned volume is there, large enough, and free to be opened. Where a server runs that is what it says itself, and nothing is
 * opened here; otherwise it is opened for a moment, as the server would open it, and nothing is written.
 */
final class VolumeCheck implements PreflightCheck {
    private static final Path DEVICES = Path.of("/dev");

    /** What a running server says of a volume; {@code trouble} is null where it has it open. */
    record Told(@Nullable String trouble) {}

    private final String volumeId;
    private final @Nullable VolumeLocator locator;
    private final @Nullable VolumeAssignment volume;
    private final @Nullable Told told;

    private VolumeCheck(
            String volumeId, @Nullable VolumeAssignment volume, @Nullable VolumeLocator locator, @Nullable Told told) {
        this.volumeId = volumeId;
        this.locator = locator;
        this.volume = volume;
        this.told = told;
    }

    static VolumeCheck ofRunningServer(String volumeId, Told told) {
        return new VolumeCheck(volumeId, null, null, told);
    }

    /** @param locator finds a volume that has no path */
    static VolumeCheck byItself(VolumeAssignment volume, VolumeLocator locator) {
        return new VolumeCheck(volume.volumeId(), volume, locator, null);
    }

    @Override
    public String name() {
        return "volume " + volumeId;
    }

    @Override
    public Finding look() {
        VolumeAssignment own = volume;
        if (told != null) {
            String trouble = told.trouble();
            return trouble == null
                    ? Finding.ok("the running server has it open")
                    : Finding.fail(
                            "the running server has not: " + trouble,
                            "Repair or attach the device, then ./run volume reopen " + volumeId + ".");
        }
        VolumeLocator where = locator;
        if (own == null || where == null) {
            return Finding.skip("nothing is known of it");
        }
        Path path = own.path();
        if (path != null && !path.startsWith(DEVICES) && Files.notExists(path)) {
            return Finding.ok(path + " is not there yet; the server makes it");
        }
        return opened(own, where);
    }

    private static Finding opened(VolumeAssignment own, VolumeLocator where) {
        try {
            return opened(own, where.locate(own.volumeId(), own.path()));
        } catch (DeviceException e) {
            return Finding.fail(
                    (own.path() == null ? "" : own.path() + " ") + "of " + own.deviceName() + ": " + e.summary(),
                    "Attach the device or mount its file system, end what uses it, or correct the assignment.");
        }
    }

    /** Not as that volume's: an image file would be marked with its id. */
    private static Finding opened(VolumeAssignment own, Location at) throws DeviceException {
        OpenOptions unmarked = new OpenOptions(own.sizeBytes(), null, null, at.identity());
        try (LinuxBlockDevice device = LinuxBlockDevice.open(at.path(), unmarked)) {
            return Finding.ok(at.path() + " can be opened, " + device.sizeBytes() + " bytes for " + own.sizeBytes()
                    + " of " + own.deviceName());
        }
    }
}
