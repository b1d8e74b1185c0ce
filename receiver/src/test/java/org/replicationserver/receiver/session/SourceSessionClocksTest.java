package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.session.OpenSession.open;
import static org.replicationserver.receiver.session.SessionWorld.KIB;
import static org.replicationserver.receiver.session.SessionWorld.MIB;
import static org.replicationserver.receiver.session.SessionWorld.REGION;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.testing.ForwardingDevice;

/** What a source server has waited for. */
class SourceSessionClocksTest {
    private static final long SECOND_NANOS = 1_000_000_000L;

    private static SourceClocks clocks(SessionWorld world) {
        return Objects.requireNonNull(world.sessions.clocks(SessionWorld.SOURCE));
    }

    @Test
    void waitingForMemoryCountsUntilTheLastConnectionHasIt() {
        SessionSettings tight = SessionWorld.settings(
                SourceMemory.SHARE_BYTES_MIN, SessionSettings.defaults().keyBytesMax());
        OpenSession open = new OpenSession(new SessionWorld(12, tight, UnaryOperator.identity()), 1, 12);
        for (int volume = 0; volume < 9; volume++) {
            open.world.pass(10);
            assertThat(clocks(open.world).memoryPausedNanos()).isZero();
            open.stream(0).data(volume, 0, 256 * KIB, 1, 1);
        }
        open.world.pass(2000);
        assertThat(clocks(open.world).memoryPausedNanos()).as("while it waits").isEqualTo(2 * SECOND_NANOS);
        open.world.write(0);
        open.world.pass(1000);
        assertThat(clocks(open.world).memoryPausedNanos()).isEqualTo(2 * SECOND_NANOS);
        open.stream(0).data(9, 0, 256 * KIB, 1, 1);
        open.world.pass(1000);
        open.stream(0).cut();
        open.world.pass(1000);
        assertThat(clocks(open.world).memoryPausedNanos())
                .as("a connection that has ended waits no more")
                .isEqualTo(3 * SECOND_NANOS);
    }

    @Test
    void blocksUnderWayCountOnceHoweverManyAndAlsoAfterTheirSession() {
        OpenSession open = open(2, 1);
        open.world.pass(1000);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.world.pass(1000);
        open.stream(1).data(0, REGION, 4 * KIB, 1, 1);
        open.stream(1).zero(0, REGION + 4 * KIB, 4 * KIB, 1);
        open.world.pass(1000);
        open.stream(0).cut();
        open.world.pass(1000);
        assertThat(clocks(open.world).blocksUnderWayNanos()).isEqualTo(3 * SECOND_NANOS);
        open.world.writeAll();
        open.world.pass(1000);
        assertThat(clocks(open.world).blocksUnderWayNanos()).isEqualTo(3 * SECOND_NANOS);
    }

    @Test
    void windowIsUsedUpWhileLessThanALargestBlockIsLeftOfIt() {
        OpenSession open = open(1, 2);
        int window = open.stream(0).attached().windowBytes();
        int largest = open.stream(0).attached().rawLenMax();
        assertThat(window).isEqualTo(8 * MIB);
        int sent = 0;
        while (sent <= window - 2 * largest) { // over and over the same place
            open.stream(0).data(0, 0, largest, 1, 1);
            sent += largest;
        }
        open.world.pass(1000);
        assertThat(clocks(open.world).windowUsedUpNanos())
                .as("a largest block fits")
                .isZero();
        open.stream(0).data(0, 0, 512, 1, 1);
        open.world.pass(1000);
        assertThat(clocks(open.world).windowUsedUpNanos()).isEqualTo(SECOND_NANOS);
        open.stream(0).data(1, REGION, largest, 1, 1);
        open.world.write(1);
        open.world.pass(1000);
        assertThat(clocks(open.world).windowUsedUpNanos())
                .as("another volume is no help")
                .isEqualTo(2 * SECOND_NANOS);
        open.world.write(0);
        open.world.pass(1000);
        assertThat(clocks(open.world).windowUsedUpNanos()).isEqualTo(2 * SECOND_NANOS);
    }

    @Test
    void windowOfASessionThatEndedIsNotUsedUp() {
        OpenSession open = open(1, 1);
        for (int i = 0; i < 8; i++) {
            open.stream(0).data(0, 0, MIB, 1, 1);
        }
        open.world.pass(1000);
        open.stream(0).cut();
        open.world.pass(1000);
        open.world.writeAll();
        open.world.pass(1000);
        assertThat(clocks(open.world).windowUsedUpNanos()).isEqualTo(SECOND_NANOS);
    }

    @Test
    void busiestVolumeStandsForTheDevices() {
        AtomicReference<SessionWorld> made = new AtomicReference<>();
        SessionWorld world = new SessionWorld(3, SessionSettings.defaults(), device -> new ForwardingDevice(device) {
            @Override
            public void write(MemorySegment source, long offsetBytes) throws DeviceException {
                super.write(source, offsetBytes);
                made.get().spend(7);
            }
        });
        made.set(world);
        OpenSession open = new OpenSession(world, 1, 3);
        world.pass(1000);
        SourceClocks before = clocks(world);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.stream(0).data(1, 0, 4 * KIB, 1, 1);
        open.stream(0).data(1, 8 * KIB, 4 * KIB, 1, 1);
        world.writeAll();
        assertThat(clocks(world).deviceBusyNanos() - before.deviceBusyNanos())
                .as("two writes of volume 1")
                .isEqualTo(14);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        world.writeAll();
        assertThat(clocks(world).deviceBusyNanos() - before.deviceBusyNanos())
                .as("and one of volume 0, in an interval of its own")
                .isEqualTo(21);
        assertThat(world.sessions.clocks("nobody")).isNull();
    }
}
