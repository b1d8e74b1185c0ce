package org.replicationserver.receiver.staging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.staging.NvmeDevices.Finding;
import org.replicationserver.volume.DeviceNumber;

/** Which EBS volumes are seen, and what is not taken for one. */
final class NvmeScannerTest {
    private static final String A = "vol-0aaaaaaaaaaaaaaaa";
    private static final String A_SERIAL = "vol0aaaaaaaaaaaaaaaa";
    private static final String B = "vol-0bbbbbbbbbbbbbbbb";
    private static final String B_SERIAL = "vol0bbbbbbbbbbbbbbbb";
    private static final long GIB = 1L << 30;

    /** Of amazon-ec2-utils' rule. */
    private static final String EC2_LINK = "nvme-Amazon_Elastic_Block_Store_%s-ns-1";

    @TempDir
    Path directory;

    private SysfsFolder machine;

    @BeforeEach
    void makeFolder() {
        machine = new SysfsFolder(directory);
    }

    private NvmeDevices scan() {
        return machine.scanner().scan();
    }

    private NvmeDevice found(String volumeId) {
        assertThat(scan().find(volumeId)).isInstanceOf(Finding.Found.class);
        return ((Finding.Found) scan().find(volumeId)).device();
    }

    private String absent(String volumeId) {
        assertThat(scan().find(volumeId)).isInstanceOf(Finding.Absent.class);
        return ((Finding.Absent) scan().find(volumeId)).reason();
    }

    private String refused(String volumeId) {
        assertThat(scan().find(volumeId)).isInstanceOf(Finding.Refused.class);
        return ((Finding.Refused) scan().find(volumeId)).reason();
    }

    // --- the serial number

    @Test
    void volumesAreFoundByTheirSerialNumberWhateverTheirNamesAre() {
        machine.attach("nvme2", A_SERIAL, "259:0", 8 * GIB).attach("nvme1", B_SERIAL, "259:7", GIB);
        assertThat(found(A))
                .isEqualTo(new NvmeDevice(
                        A,
                        "nvme2n1",
                        "Amazon Elastic Block Store",
                        new DeviceNumber(259, 0),
                        8 * GIB,
                        machine.dev.resolve("nvme2n1")));
        assertThat(found(B).name()).isEqualTo("nvme1n1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"vol0aaaaaaaaaaaaaaaa   ", "vol-0aaaaaaaaaaaaaaaa", "vol-0aaaaaaaaaaaaaaaa  "})
    void serialNumberMayHaveTheDashAndTrailingBlanks(String serial) {
        machine.attach("nvme1", serial, "259:1", GIB);
        assertThat(found(A).name()).isEqualTo("nvme1n1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "AWS1234567890ABCDEF0",
                "vol",
                "vol-",
                " vol0aaaaaaaaaaaaaaaa",
                "vol0AAAAAAAAAAAAAAAA",
                "vol0aaaaaaaaaaaaaaa",
                "vol0aaaaaaaaaaaaaaaa0",
                "xvol0aaaaaaaaaaaaaaaa",
                "vol--0aaaaaaaaaaaaaaaa"
            })
    void otherSerialNumbersAreNoVolumes(String serial) {
        machine.attach("nvme1", serial, "259:1", GIB);
        assertThat(scan().devices()).isEmpty();
    }

    @Test
    void olderVolumeHasEightDigits() {
        machine.attach("nvme1", "vol1234abcd", "259:1", GIB);
        assertThat(found("vol-1234abcd").name()).isEqualTo("nvme1n1");
    }

    @Test
    void serialNumberDecidesAndNotTheModel() {
        machine.attach("nvme1", A_SERIAL, SysfsFolder.QEMU, "259:1", GIB);
        assertThat(found(A).model()).isEqualTo("QEMU NVMe Ctrl");
    }

    @Test
    void instanceStoreIsNeverTakenEvenWithTheSerialNumberOfAVolume() {
        machine.attach("nvme1", A_SERIAL, "Amazon EC2 NVMe Instance Storage        \n", "259:1", GIB);
        assertThat(absent(A)).contains("EBS volumes seen: none");
        assertThat(machine.scanner().volumeAt(new DeviceNumber(259, 1))).isNull();
    }

    @Test
    void partitionsAndHiddenPathsAreNoVolumes() {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB)
                .partition("nvme1", "nvme1n1p1", "259:2")
                .namespace("nvme1", "nvme1c1n1", "0:0", "2097152\n");
        assertThat(scan().devices()).extracting(NvmeDevice::name).containsExactly("nvme1n1");
        assertThat(machine.scanner().volumeAt(new DeviceNumber(259, 2))).isNull();
    }

    @Test
    void namesAreInTheOrderOfPeople() {
        machine.attach("nvme10", A_SERIAL, "259:1", GIB).attach("nvme2", B_SERIAL, "259:2", GIB);
        assertThat(scan().devices()).extracting(NvmeDevice::name).containsExactly("nvme2n1", "nvme10n1");
    }

    // --- what nobody can tell apart

    @Test
    void twoDevicesWithOneSerialNumberAreRefusedWithBothNames() {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB).attach("nvme2", A_SERIAL, "259:2", GIB);
        assertThat(refused(A)).contains(A).contains("nvme1n1 and of nvme2n1");
    }

    @Test
    void twoNamespacesOfOneControllerAreRefusedWithBothNames() {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB).namespace("nvme1", "nvme1n2", "259:2", "2097152\n");
        assertThat(refused(A)).contains("nvme1n1 and of nvme1n2");
    }

    // --- what is not there

    @Test
    void volumeThatIsNotThereIsToldWithThoseThatAre() {
        machine.attach("nvme1", B_SERIAL, "259:1", GIB);
        assertThat(absent(A)).endsWith("EBS volumes seen: " + B + " (nvme1n1)");
    }

    @Test
    void listOfSeenVolumesIsBounded() {
        for (int i = 0; i < 40; i++) {
            machine.attach("nvme" + i, "vol0%016x".formatted(i), "259:" + i, GIB);
        }
        assertThat(absent(A)).endsWith("(nvme29n1) and 10 more");
    }

    @Test
    void machineWithoutNvmeHasNoVolumes() {
        assertThat(scan()).isEqualTo(NvmeDevices.NONE);
        assertThat(new NvmeScanner(directory.resolve("no"), directory.resolve("no")).scan())
                .isEqualTo(NvmeDevices.NONE);
    }

    @Test
    void controllerWhoseNamespaceHasNotComeIsTold() {
        machine.controller("nvme1", A_SERIAL, SysfsFolder.EBS);
        assertThat(absent(A)).isEqualTo("its NVMe controller has appeared and no namespace of it yet");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-8\n", "x\n", "99999999999999999999\n", "36028797018963968\n"})
    void deviceWithoutASoundSizeIsNotThereYet(String sectors) {
        machine.controller("nvme1", A_SERIAL, SysfsFolder.EBS).namespace("nvme1", "nvme1n1", "259:1", sectors);
        assertThat(scan().devices()).isEmpty();
    }

    @Test
    void deviceThatGoesWhileItIsLookedAtIsLeftOut() throws IOException {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB).attach("nvme2", B_SERIAL, "259:2", GIB);
        Files.delete(machine.sys.resolve("devices/pci0000:00/nvme1/serial"));
        assertThat(scan().devices()).extracting(NvmeDevice::volumeId).containsExactly(B);
    }

    // --- links of udev

    @ParameterizedTest
    @ValueSource(
            strings = {
                EC2_LINK,
                "nvme-Amazon_Elastic_Block_Store_%s",
                "nvme-Amazon_Elastic_Block_Store_%s_1",
                "nvme-QEMU_NVMe_Ctrl_%s"
            })
    void linkThatAgreesChangesNothingAndOneThatContradictsRefusesItsVolume(String form) {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB).attach("nvme2", B_SERIAL, "259:2", GIB);
        machine.udevLink(form.formatted(A_SERIAL), "nvme1n1");
        assertThat(found(A).name()).isEqualTo("nvme1n1");

        machine.udevLink(form.formatted(A_SERIAL), "nvme2n1");
        assertThat(refused(A))
                .contains("disk/by-id/" + form.formatted(A_SERIAL))
                .endsWith("leads to nvme2n1, whose serial number is that of " + B);
        assertThat(found(B).name()).as("its own serial number tells it").isEqualTo("nvme2n1");
    }

    @Test
    void linkToADeviceThatIsNoVolumeContradicts() {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB).attach("nvme2", "AWS1", "259:2", GIB);
        machine.udevLink(EC2_LINK.formatted(A_SERIAL), "nvme2n1");
        assertThat(refused(A)).endsWith("leads to nvme2n1, whose serial number is no volume's");
    }

    /** It removes links a moment after the device. */
    @Test
    void linkThatUdevHasLeftBehindContradictsNothing() {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB).udevLink(EC2_LINK.formatted(A_SERIAL), "nvme7n1");
        assertThat(found(A).name()).isEqualTo("nvme1n1");
        machine.udevLink(EC2_LINK.formatted(B_SERIAL), "nvme8n1");
        assertThat(absent(B)).contains("EBS volumes seen");
    }

    /** Its serial number is there before its size, and with it the link. */
    @Test
    void linkToADeviceThatIsJustComingContradictsNothing() {
        machine.controller("nvme1", A_SERIAL, SysfsFolder.EBS)
                .namespace("nvme1", "nvme1n1", "259:1", "")
                .udevLink(EC2_LINK.formatted(A_SERIAL), "nvme1n1");
        assertThat(absent(A)).contains("no namespace of it yet");
    }

    @Test
    void linkToADeviceThatIsJustGoingContradictsNothing() throws IOException {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB).udevLink(EC2_LINK.formatted(A_SERIAL), "nvme1n1");
        Files.delete(machine.sys.resolve("devices/pci0000:00/nvme1/serial"));
        assertThat(absent(A)).contains("EBS volumes seen: none");
    }

    @Test
    void linksOfPartitionsAndWhatIsNoLinkAreNotLookedAt() throws IOException {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB)
                .attach("nvme2", B_SERIAL, "259:2", GIB)
                .udevLink("nvme-Amazon_Elastic_Block_Store_" + A_SERIAL + "-ns-1-part1", "nvme2n1p1")
                .udevLink("nvme-Amazon_Elastic_Block_Store_" + A_SERIAL + "-part1", "nvme2n1")
                .udevLink("virtio-" + A_SERIAL, "nvme2n1");
        Files.createFile(machine.dev.resolve("disk/by-id").resolve(EC2_LINK.formatted(A_SERIAL)));
        assertThat(found(A).name()).isEqualTo("nvme1n1");
    }

    // --- devices that are open

    @Test
    void volumeIsToldOfTheNumberOfAnOpenDevice() {
        machine.attach("nvme1", A_SERIAL, "259:1", GIB);
        assertThat(machine.scanner().volumeAt(new DeviceNumber(259, 1))).isEqualTo(A);
        assertThat(machine.scanner().volumeAt(new DeviceNumber(259, 9))).isNull();
    }

    @Test
    void ec2IsKnownByItsFirmwareAndNotByItsDevices() throws IOException {
        Path vendor = machine.sys.resolve("class/dmi/id/sys_vendor");
        machine.attach("nvme1", A_SERIAL, "259:1", GIB);
        assertThat(VolumeDiscovery.AUTO.on(machine.sys)).isEqualTo(VolumeDiscovery.IMAGE);
        Files.createDirectories(vendor.getParent());
        Files.writeString(vendor, "Amazon EC2\n");
        assertThat(VolumeDiscovery.AUTO.on(machine.sys)).isEqualTo(VolumeDiscovery.AUTO);
        assertThat(VolumeDiscovery.IMAGE.on(machine.sys)).isEqualTo(VolumeDiscovery.IMAGE);
        assertThat(VolumeDiscovery.NVME.on(directory)).isEqualTo(VolumeDiscovery.NVME);
    }
}
