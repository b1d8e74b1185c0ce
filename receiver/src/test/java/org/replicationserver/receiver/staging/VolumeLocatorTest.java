package org.replicationserver.receiver.staging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.staging.VolumeLocator.Location;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.DeviceNumber;

/** Where a volume is, and whether what was opened there is the volume. */
final class VolumeLocatorTest {
    private static final String A = "vol-0aaaaaaaaaaaaaaaa";
    private static final String A_SERIAL = "vol0aaaaaaaaaaaaaaaa";
    private static final String B_SERIAL = "vol0bbbbbbbbbbbbbbbb";
    private static final long GIB = 1L << 30;
    private static final DeviceNumber FIRST = new DeviceNumber(259, 1);
    private static final DeviceNumber SECOND = new DeviceNumber(259, 2);

    @TempDir
    Path directory;

    private SysfsFolder machine;
    private VolumeLocator locator;

    @BeforeEach
    void makeFolder() {
        machine = new SysfsFolder(directory);
        locator = new VolumeLocator(machine.scanner());
    }

    @Test
    void volumeIsAtTheNameThatItsSerialNumberHasToday() throws DeviceException {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB).attach("nvme2", B_SERIAL, "259:2", GIB);
        Location location = locator.locate(A, null);
        assertThat(location.path()).isEqualTo(machine.dev.resolve("nvme1n1"));
        assertThat(location.identity().objection(FIRST)).isNull();
    }

    @Test
    void volumeThatHasNotAppearedIsAbsentAndNotRefused() {
        assertThatThrownBy(() -> locator.locate(A, null))
                .isInstanceOfSatisfying(
                        AbsentVolumeException.class,
                        e -> assertThat(e.summary()).contains("EBS volumes seen: none"));
    }

    @Test
    void ambiguousVolumeIsRefused() {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB).attach("nvme2", A_SERIAL, "259:2", GIB);
        assertThatThrownBy(() -> locator.locate(A, null))
                .isInstanceOf(DeviceException.class)
                .isNotInstanceOf(AbsentVolumeException.class)
                .hasMessageContaining("nobody can tell");
    }

    // --- between the look and the open

    @Test
    void deviceFileThatLeadsToAnotherDeviceIsRefused() throws DeviceException {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB).attach("nvme2", B_SERIAL, "259:2", GIB);
        assertThat(locator.locate(A, null).identity().objection(SECOND))
                .contains("device 259:2 was opened")
                .contains("that of the volume is 259:1");
    }

    /** Somebody may have copied to a name that was not there, and made a file in the memory of the machine. */
    @Test
    void ordinaryFileInTheDevicesPlaceIsRefused() throws DeviceException {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB);
        assertThat(locator.locate(A, null).identity().objection(null)).contains("no device was opened at");
        assertThat(locator.locate("vol-1", Path.of("vol-1.img")).identity().objection(null))
                .isNull();
    }

    /** The kernel gives names and numbers of what has gone to what comes next. */
    @Test
    void volumeThatTookNameAndNumberOfAnotherBeforeTheOpenIsRefused() throws DeviceException {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB);
        Location location = locator.locate(A, null);
        machine.detach("nvme1", "259:1").attach("nvme1", B_SERIAL, "259:1", GIB);
        assertThat(location.identity().objection(FIRST))
                .isEqualTo("device 259:1 has the serial number of vol-0bbbbbbbbbbbbbbbb, not of " + A);
    }

    @Test
    void deviceThatHasGoneBeforeTheOpenIsRefused() throws DeviceException {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB);
        Location location = locator.locate(A, null);
        machine.detach("nvme1", "259:1");
        assertThat(location.identity().objection(FIRST)).contains("has gone while it was opened");
    }

    // --- a path that was given

    @Test
    void pathThatWasGivenWins() throws DeviceException {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB);
        Path path = Path.of("/dev/xvdf");
        Location location = locator.locate(A, path);
        assertThat(location.path()).isEqualTo(path);
        assertThat(location.identity().objection(new DeviceNumber(202, 80)))
                .as("it shows no serial number")
                .isNull();
    }

    @Test
    void pathOfAnotherVolumesDeviceIsRefusedWithBothIds() throws DeviceException {
        machine.attach("nvme1", B_SERIAL, "259:1", GIB);
        assertThat(locator.locate(A, Path.of("/dev/nvme1n1")).identity().objection(FIRST))
                .contains("vol-0bbbbbbbbbbbbbbbb")
                .contains(A);
    }

    @Test
    void idThatIsNoEbsVolumesMayHaveAnyDevice() throws DeviceException {
        machine.attach("nvme1", B_SERIAL, "259:1", GIB);
        assertThat(locator.locate("vol-1", Path.of("/dev/nvme1n1")).identity().objection(FIRST))
                .isNull();
    }
}
