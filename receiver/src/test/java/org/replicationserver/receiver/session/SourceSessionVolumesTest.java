package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.session.OpenSession.open;
import static org.replicationserver.receiver.session.SessionWorld.KIB;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.testing.FailingDevice;

/** Volumes that fail and are opened again. */
class SourceSessionVolumesTest {
    private static final int EIO = 5;

    @Test
    void failedVolumeHoldsBackItsOwnAcknowledgementOnly() {
        SessionWorld world = SessionWorld.withFirstDevice(2, device -> new FailingDevice(device).failWrite(1, EIO));
        OpenSession open = new OpenSession(world, 1, 2);
        long lost = open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        long kept = open.stream(0).data(1, 0, 4 * KIB, 2, 1);
        open.world.holdStores();
        open.world.write(0);
        open.world.write(1);
        assertThat(open.control.errors())
                .as("the failure is stored before it is told")
                .isEmpty();
        open.world.storeRecords();

        assertThat(open.control.errors()).containsExactly(ErrorCode.VOLUME_FAILED);
        assertThat(open.stream(0).durable(0)).isLessThan(lost);
        assertThat(open.stream(0).durable(1)).isGreaterThanOrEqualTo(kept);
        assertThat(open.control.ended).isFalse();

        open.control.commit(1, open.stream(0).fence(1));
        assertThat(open.control.errors()).containsExactly(ErrorCode.VOLUME_FAILED, ErrorCode.VOLUME_FAILED);
        assertThat(open.world.record().commit().epoch()).isZero();
        assertThat(open.world.record().volumes())
                .hasEntrySatisfying(
                        "vol-0", volume -> assertThat(volume.failedCause()).contains("EIO"));
    }

    @Test
    void volumeThatHasFailedIsNotOpenUntilItIsOpenedAnew() {
        SessionWorld world = SessionWorld.withFirstDevice(2, device -> new FailingDevice(device).failWrite(1, EIO));
        OpenSession open = new OpenSession(world, 1, 2);
        assertThat(world.sessions.notOpen(SessionWorld.SOURCE)).isNull();
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        world.holdStores();
        while (world.writer(0).runBatch()) {
            // the event loop has not heard of it yet
        }
        String why = "volume vol-0 of disk /dev/sd0 is not open: write failed: EIO";
        assertThat(world.sessions.notOpen(SessionWorld.SOURCE)).startsWith(why);
        world.settle();
        assertThat(world.sessions.notOpen(SessionWorld.SOURCE)).startsWith(why);
        world.storeRecords();
        assertThat(world.sessions.notOpen(SessionWorld.SOURCE)).startsWith(why);
        world.sessions.reopen("vol-0");
        world.settle();
        assertThat(world.sessions.notOpen(SessionWorld.SOURCE)).isNull();
    }

    @Test
    void reopenedVolumeHasANewDataGenerationAndTheSessionBeginsAgain() {
        SessionWorld world = SessionWorld.withFirstDevice(1, device -> new FailingDevice(device).failWrite(1, EIO));
        OpenSession open = new OpenSession(world, 1, 1);
        String before = open.control.welcome().volumes().getFirst().dataGen();
        open.stream(0).data(0, 0, 512, 1, 1);
        world.write(0);
        assertThat(open.control.errors()).containsExactly(ErrorCode.VOLUME_FAILED);
        assertThat(world.needed).as("that a rescan is needed").containsExactly(world.record());
        world.sessions.reopen("vol-0");
        world.settle();
        assertThat(world.needed)
                .hasSize(2)
                .last()
                .satisfies(record -> assertThat(dataGen(record))
                        .isEqualTo(dataGen(world.record()))
                        .isNotEqualTo(before));
        assertThat(open.control.has(FrameType.GOAWAY)).isTrue();

        Hello.Remembered remembered = new Hello.Remembered(1, List.of(new Hello.RememberedDisk("/dev/sd0", before, 0)));
        TestAgent again = world.connect().hello(1, 1, "0".repeat(32), remembered);
        Welcome.Volume volume = again.welcome().volumes().getFirst();
        assertThat(volume.dataGen()).isNotEqualTo(before);
        assertThat(volume.action()).isEqualTo(Welcome.Action.RESCAN);
        assertThat(volume.reason()).isEqualTo("VOLUME_REOPENED");
        assertThat(world.record().volumes())
                .hasEntrySatisfying(
                        "vol-0", known -> assertThat(known.failedCause()).isNull());
    }

    private static String dataGen(SourceRecord record) {
        return Objects.requireNonNull(record.volumes().get("vol-0")).dataGen();
    }

    @Test
    void volumeThatHasNotFailedIsNotReopened() {
        OpenSession open = open(1, 1);
        String before = open.control.welcome().volumes().getFirst().dataGen();
        open.world.sessions.reopen("vol-0");
        open.world.settle();
        assertThat(open.control.has(FrameType.GOAWAY)).isFalse();
        assertThat(open.world.record().volumes())
                .hasEntrySatisfying(
                        "vol-0", known -> assertThat(known.dataGen()).isEqualTo(before));
    }

    @Test
    void volumeThatAnAttemptOpensWhileItsReopeningWaitsIsNotOpenedOnceMore() {
        SessionWorld world = new SessionWorld(0);
        world.closed.put("vol-0", new Availability.Unavailable("not there", true));
        world.assign(
                new SourceAssignment(
                        SessionWorld.SOURCE,
                        List.of(new VolumeAssignment(
                                "vol-0", "/dev/sd0", Path.of("vol-0"), SessionWorld.VOLUME_BYTES, false))),
                null);
        world.closed.clear();
        world.holdOpens();
        world.pass(5_100);
        CompletableFuture<Availability> reopened =
                Objects.requireNonNull(world.sessions.reopen("vol-0")).toCompletableFuture();
        world.openDevices();
        assertThat(reopened).isCompletedWithValueMatching(Availability.Open.class::isInstance);
        assertThat(world.told).contains("volume opened vol-0").noneMatch(line -> line.startsWith("reopen"));
    }
}
