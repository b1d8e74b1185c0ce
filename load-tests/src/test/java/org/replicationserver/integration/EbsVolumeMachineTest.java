package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The server on NVMe devices whose serial numbers are ids of EBS volumes, in a virtual machine with a kernel of the distribution, where
 * devices have no order, come and go. Skipped, with the reason, where qemu (Debian: {@code qemu-system-x86}), the packages of kernel and
 * busybox, or jlink are not to be had.
 */
@Tag("long")
@Timeout(240)
final class EbsVolumeMachineTest {
    private static final Duration BOOT = Duration.ofMinutes(2);
    private static final Duration STEP = Duration.ofMinutes(1);
    private static final int TAIL_BYTES = 1 << 20;

    private static final String INIT = """
            #!/bin/busybox sh
            for name in mount ip chmod mkdir poweroff cat ls; do /bin/busybox ln -s busybox /bin/$name; done
            export PATH=/bin
            mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmp /tmp
            ip link set lo up
            mkdir /run/statistics
            /usr/bin/python3 -ISE /replication-volume-statistics /run/statistics once
            for file in $(ls /run/statistics); do echo "GUEST STORED $file"; done
            /jre/bin/java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx300m --enable-native-access=ALL-UNNAMED \\
                --sun-misc-unsafe-memory-access=allow -cp '@CLASS_PATH@' org.replicationserver.integration.EbsGuest
            poweroff -f
            """;

    @TempDir
    Path directory;

    private VirtualMachine.Disk disk(int volume, int slot) throws IOException {
        Path image = directory.resolve("disk" + volume);
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(EbsGuest.DISK_BYTES + TAIL_BYTES);
        }
        String serial = EbsGuest.VOLUMES.get(volume).replace("vol-", "vol");
        return new VirtualMachine.Disk("d" + volume, image, serial, slot);
    }

    @Test
    void volumesAreOpenedByTheirSerialNumbersInWhateverOrderAndWheneverTheyCome() throws Exception {
        Commands.assumeInstalled("qemu-system-x86_64");
        GuestFolder folder = GuestFolder.make(directory);
        folder.addPython();
        folder.copy(VolumeStatisticsUnitTest.PROGRAM, "/replication-volume-statistics");
        Path kernel = folder.kernel();
        Path initramfs = folder.pack(INIT.replace("@CLASS_PATH@", GuestFolder.CLASS_PATH));
        // The first volume is in the last slot, so that names follow the slots and not the volumes.
        VirtualMachine.Disk first = disk(0, 2);
        VirtualMachine.Disk second = disk(1, 0);
        VirtualMachine.Disk third = disk(EbsGuest.LATER, 1);
        try (VirtualMachine machine =
                VirtualMachine.start(directory, kernel, initramfs, List.of(second, first), List.of(third))) {
            String waits = machine.awaitLine("GUEST WAITS", BOOT);
            assertThat(waits)
                    .startsWith("volume " + EbsGuest.VOLUMES.get(EbsGuest.LATER)
                            + " of disk /dev/disk2 has been waited for")
                    .contains("EBS volumes seen: " + EbsGuest.VOLUMES.get(1) + " (nvme0n1), " + EbsGuest.VOLUMES.get(0)
                            + " (nvme1n1)");
            machine.attach(third);
            machine.awaitLine("GUEST WROTE " + EbsGuest.VOLUMES.get(EbsGuest.LATER), STEP);
            machine.awaitLine("GUEST DETACH", STEP);
            machine.detach(first);
            assertThat(machine.awaitLine("GUEST FAILED", STEP)).contains("the device is gone");
            machine.awaitLine("GUEST DONE", STEP);
            assertThat(machine.awaitEnd(STEP))
                    .as("the machine switches itself off")
                    .isTrue();
            assertThat(machine.console())
                    .as("what the unit without Amazon's page stores")
                    .contains("GUEST STORED nvme0n1", "GUEST STORED nvme1n1")
                    .containsPattern(
                            "GUEST LIST vol-01234567890abcdef +unknown +3.0 MiB +/dev/nvme0n1 +open for /dev/disk1 of s-1")
                    .containsPattern(
                            "GUEST LIST vol-00aaaaaaaaaaaaaaa +unknown +3.0 MiB +/dev/nvme2n1 +open for /dev/disk2 of s-1");
        }
        for (VirtualMachine.Disk disk : List.of(first, second, third)) {
            byte[] content = Files.readAllBytes(disk.image());
            byte[] expected = EbsGuest.image(Integer.parseInt(disk.id().substring(1)));
            assertThat(Arrays.mismatch(Arrays.copyOf(content, EbsGuest.DISK_BYTES), expected))
                    .as("first byte of %s that differs", disk)
                    .isEqualTo(-1);
            assertThat(Arrays.copyOfRange(content, EbsGuest.DISK_BYTES, content.length))
                    .as("what is behind the assigned size")
                    .containsOnly(0);
        }
    }
}
