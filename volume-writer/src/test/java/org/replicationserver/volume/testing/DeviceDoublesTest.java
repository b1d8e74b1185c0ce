package org.replicationserver.volume.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;

/** The doubles have to be right before anything they show is. */
final class DeviceDoublesTest {
    private static final int SECTOR_BYTES = 512;

    private final MemoryDevice memory = new MemoryDevice(16 * SECTOR_BYTES);
    private final NonDurableDevice nonDurable = new NonDurableDevice(memory);

    private static MemorySegment sectors(int count, int fill) {
        byte[] content = new byte[count * SECTOR_BYTES];
        Arrays.fill(content, (byte) fill);
        return MemorySegment.ofArray(content);
    }

    @Test
    void powerLossTakesWhatWasNotForcedAndNothingElse() throws DeviceException {
        nonDurable.write(sectors(2, 1), 0);
        nonDurable.force();
        nonDurable.write(sectors(1, 2), 0);
        nonDurable.write(sectors(1, 3), 0);
        nonDurable.zero(SECTOR_BYTES, SECTOR_BYTES, true);
        assertThat(memory.bytes()[0]).isEqualTo((byte) 3);
        assertThat(nonDurable.unforcedSectors()).isEqualTo(2);
        nonDurable.losePower();
        assertThat(Arrays.copyOf(memory.bytes(), 2 * SECTOR_BYTES)).containsOnly(1);
    }

    @Test
    void randomPowerLossKeepsLosesAndTearsSectors() throws DeviceException {
        boolean kept = false;
        boolean lost = false;
        boolean between = false;
        boolean torn = false;
        Random random = new Random(1);
        for (int i = 0; i < 200; i++) {
            nonDurable.write(sectors(1, 1), 0);
            nonDurable.force();
            nonDurable.write(sectors(1, 2), 0);
            nonDurable.write(sectors(1, 3), 0);
            nonDurable.losePower(random);
            byte first = memory.bytes()[0];
            byte last = memory.bytes()[SECTOR_BYTES - 1];
            torn |= first != last;
            lost |= first == 1 && last == 1;
            between |= first == 2 && last == 2;
            kept |= first == 3 && last == 3;
        }
        assertThat(kept && lost && between && torn).isTrue();
    }

    @Test
    void forgottenForceFailsOnceAndThenClaimsSuccess() throws DeviceException {
        nonDurable.write(sectors(1, 1), 0);
        nonDurable.failNextForceAndForget();
        assertThatThrownBy(nonDurable::force)
                .isInstanceOfSatisfying(
                        DeviceException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO));
        nonDurable.force();
        assertThat(memory.bytes()[0]).isZero();
    }

    @Test
    void failingDeviceFailsTheOneItWasToldTo() throws DeviceException {
        FailingDevice failing =
                new FailingDevice(memory).failWrite(2, Errno.ENOSPC).tearFailingWrites();
        failing.write(sectors(2, 1), 0);
        assertThatThrownBy(() -> failing.write(sectors(2, 2), 0)).hasMessageContaining("ENOSPC");
        assertThat(memory.bytes()[0]).isEqualTo((byte) 2);
        assertThat(memory.bytes()[SECTOR_BYTES]).isEqualTo((byte) 1);
        failing.write(sectors(2, 3), 0);
        assertThat(failing.writes()).isEqualTo(3);
    }
}
