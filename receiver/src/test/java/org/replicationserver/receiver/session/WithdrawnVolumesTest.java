package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.testing.FailingDevice;

/** Volumes that are not assigned any more and not closed yet: they fail, are being reopened, or their source server goes in a tick. */
final class WithdrawnVolumesTest {
    private static SourceAssignment assigned(String sourceServerId, String... volumeIds) {
        return new SourceAssignment(
                sourceServerId,
                Stream.of(volumeIds)
                        .map(id -> new VolumeAssignment(
                                id, "/dev/sd" + id.substring(4), Path.of(id), SessionWorld.VOLUME_BYTES, false))
                        .toList());
    }

    private static SessionWorld withFailingDevice(int volumes) {
        return SessionWorld.withFirstDevice(volumes, device -> new FailingDevice(device).failWrite(1, Errno.EIO));
    }

    private static String failedCause(SessionWorld world, String sourceServerId) {
        SourceRecord record = Objects.requireNonNull(world.stored.get(sourceServerId), sourceServerId);
        return String.valueOf(record.failedCause("vol-0"));
    }

    // --- they fail

    @Test
    void failureOfAVolumeThatIsWithdrawnIsToldAndStoredAndItsCommitAnswered() {
        SessionWorld world = withFailingDevice(2);
        OpenSession open = new OpenSession(world, 1, 2);
        open.stream(0).data(0, 0, 512, 7, 1);
        CompletableFuture<Void> changed = world.assign(assigned(SessionWorld.SOURCE, "vol-1"), null);
        open.control.commit(1, open.stream(0).fence(1));
        world.write(0);

        assertThat(world.told).contains("volume failed vol-0");
        assertThat(failedCause(world, SessionWorld.SOURCE)).contains("EIO");
        assertThat(world.needed).as("that a rescan is needed").containsExactly(world.record());
        assertThat(open.control.errors())
                .as("of the volume, and in answer to the commit")
                .containsExactly(ErrorCode.VOLUME_FAILED, ErrorCode.VOLUME_FAILED);
        assertThat(changed).isNotDone();
        open.control.cut();
        world.writeAll();
        assertThat(changed).isCompleted();
        assertThat(world.told).contains("closed vol-0");
    }

    @Test
    void failureOfAVolumeOfASourceServerThatIsTakenAwayIsToldAndStored() {
        SessionWorld world = withFailingDevice(1);
        OpenSession open = new OpenSession(world, 1, 1);
        open.stream(0).data(0, 0, 512, 7, 1);
        CompletableFuture<Void> gone =
                world.sessions.unassign(SessionWorld.SOURCE).toCompletableFuture();
        world.write(0);
        assertThat(world.told).contains("volume failed vol-0");
        assertThat(failedCause(world, SessionWorld.SOURCE)).contains("EIO");
        assertThat(open.control.errors()).containsExactly(ErrorCode.VOLUME_FAILED);
        open.control.cut();
        world.writeAll();
        assertThat(gone).isCompleted();
    }

    @Test
    void failureOfAVolumeThatGoesToAnotherSourceServerIsOfTheFormer() {
        SessionWorld world =
                SessionWorld.withFirstDevice(1, device -> new FailingDevice(device).failForce(1, Errno.EIO));
        OpenSession open = new OpenSession(world, 1, 1);
        world.assign(assigned(SessionWorld.SOURCE), null);
        CompletableFuture<Void> came = world.assign(assigned("s-2", "vol-0"), null);
        open.stream(0).data(0, 0, 512, 7, 1);
        world.write(0);
        assertThat(open.control.errors()).containsExactly(ErrorCode.VOLUME_FAILED);
        open.control.cut();
        world.writeAll();
        assertThat(came).isCompleted();
        assertThat(world.told).containsSubsequence("volume failed vol-0", "close vol-0", "volume opened vol-0");
        assertThat(failedCause(world, SessionWorld.SOURCE)).contains("EIO");
        Welcome.Volume ofTheNext = world.connect("s-2")
                .helloOf("s-2", "/dev/sd0", "none")
                .welcome()
                .volumes()
                .getFirst();
        assertThat(ofTheNext.action()).isNotEqualTo(Welcome.Action.FAILED);
        assertThat(failedCause(world, "s-2")).isEqualTo("null");
    }

    /** The agent is told also where nothing of it can be stored. */
    @Test
    void failureOfAWithdrawnVolumeWhoseRecordWasForgottenIsTold() {
        SessionWorld world = new SessionWorld(0);
        world.sessions.unassign(SessionWorld.SOURCE);
        world.settle();
        SourceRecord full = SourceRecord.initial();
        for (int i = 0; i < SourceRecord.VOLUMES_KEPT_MAX; i++) {
            full = full.withVolume("other-" + i, new VolumeRecord("a".repeat(32), Origin.NEW_VOLUME, null));
        }
        world.stored.put(SessionWorld.SOURCE, full);
        world.wrapNext(device -> new FailingDevice(device).failWrite(1, Errno.EIO));
        world.assign(assigned(SessionWorld.SOURCE, "vol-0"), null);
        OpenSession open = new OpenSession(world, 1, 1);
        open.stream(0).data(0, 0, 512, 7, 1);
        world.assign(assigned(SessionWorld.SOURCE), null);
        open.control.commit(1, open.stream(0).fence(1));
        world.write(0);
        assertThat(open.control.errors()).containsExactly(ErrorCode.VOLUME_FAILED, ErrorCode.VOLUME_FAILED);
        assertThat(world.needed).isEmpty();
    }

    // --- they are being reopened

    /** A volume that has failed, and whose device does not answer while it is being reopened. */
    private static CompletableFuture<Availability> reopening(SessionWorld world) {
        OpenSession open = new OpenSession(world, 1, 1);
        open.stream(0).data(0, 0, 512, 7, 1);
        world.writeAll();
        assertThat(world.told).contains("volume failed vol-0");
        open.control.cut();
        world.writeAll();
        world.holdOpens();
        CompletableFuture<Availability> reopened =
                Objects.requireNonNull(world.sessions.reopen("vol-0")).toCompletableFuture();
        world.settle();
        assertThat(world.told).contains("reopen vol-0");
        return reopened;
    }

    @Test
    void volumeThatIsWithdrawnWhileItIsReopenedIsClosedAfterwards() {
        SessionWorld world = withFailingDevice(1);
        CompletableFuture<Availability> reopened = reopening(world);
        CompletableFuture<Void> changed = world.assign(assigned(SessionWorld.SOURCE), null);
        assertThat(changed).as("its device has not answered").isNotDone();
        assertThat(world.told).doesNotContain("close vol-0");
        world.openDevices();
        world.writeAll();
        assertThat(reopened).isCompleted();
        assertThat(changed).isCompleted();
        assertThat(world.told).containsSubsequence("volume opened vol-0", "close vol-0", "closed vol-0");
        assertThat(world.writers).doesNotContainKey("vol-0");
    }

    @Test
    void sourceServerThatGoesAndComesBackWaitsForTheReopeningOfItsVolume() {
        SessionWorld world = withFailingDevice(1);
        reopening(world);
        world.sessions.unassign(SessionWorld.SOURCE);
        CompletableFuture<Void> back = world.assign(assigned(SessionWorld.SOURCE, "vol-0"), null);
        assertThat(back).isNotDone();
        world.openDevices();
        world.writeAll();
        assertThat(back).isCompleted();
        assertThat(world.told)
                .containsSubsequence("reopen vol-0", "volume opened vol-0", "closed vol-0", "volume opened vol-0");
        assertThat(world.connect().hello(1, 1).welcome().volumes().getFirst().reason())
                .isEqualTo("VOLUME_REOPENED");
    }

    @Test
    void volumeThatIsBeingClosedAndHasComeBackIsReopenedOnlyWhenItIsClosed() {
        SessionWorld world = withFailingDevice(1);
        OpenSession open = new OpenSession(world, 1, 1);
        open.stream(0).data(0, 0, 512, 7, 1);
        world.writeAll();
        world.assign(assigned(SessionWorld.SOURCE), null);
        world.assign(assigned(SessionWorld.SOURCE, "vol-0"), null);
        CompletableFuture<Availability> reopened =
                Objects.requireNonNull(world.sessions.reopen("vol-0")).toCompletableFuture();
        world.settle();
        assertThat(world.told).as("its session goes on").doesNotContain("reopen vol-0");
        open.control.cut();
        world.writeAll();
        assertThat(reopened).isCompleted();
        assertThat(world.told).containsSubsequence("closed vol-0", "left closed vol-0", "reopen vol-0");
    }

    @Test
    void volumeThatIsWithdrawnBeforeItsTurnIsNotReopened() {
        SessionWorld world = new SessionWorld(1);
        world.closed.put("vol-1", new Availability.Unavailable("not there", true));
        world.holdOpens();
        world.assign(assigned(SessionWorld.SOURCE, "vol-0", "vol-1"), null);
        CompletableFuture<Availability> reopened =
                Objects.requireNonNull(world.sessions.reopen("vol-1")).toCompletableFuture();
        CompletableFuture<Void> changed = world.assign(assigned(SessionWorld.SOURCE, "vol-0"), null);
        assertThat(world.sessions.reopen("vol-1")).isNull();
        world.openDevices();
        assertThat(reopened).isCompletedWithValue(new Availability.Unavailable("it is not assigned any more"));
        assertThat(changed).isCompleted();
        assertThat(world.told).noneMatch(line -> line.startsWith("reopen vol-1"));
    }

    // --- their source server goes

    /** A volume that is not open has nothing to wait for when it is closed. */
    private static SessionWorld withoutDevice() {
        SessionWorld world = new SessionWorld(0);
        world.closed.put("vol-0", new Availability.Unavailable("not there", true));
        world.assign(assigned(SessionWorld.SOURCE, "vol-0"), null);
        return world;
    }

    @Test
    void sourceServerThatGoesInATickDisturbsNoOther() {
        SessionWorld world = withoutDevice();
        TestAgent control = world.connect().hello(1, 1);
        control.welcome();
        TestAgent other = world.connect("s-2").helloOf("s-2", "/dev/sda", "none");
        world.connect("s-2").attach(other.welcome().generation(), 0);
        CompletableFuture<Void> gone =
                world.sessions.unassign(SessionWorld.SOURCE).toCompletableFuture();
        world.settle();
        assertThat(gone).isNotDone();
        world.pass(11_000); // the deadline of GOAWAY
        assertThat(gone).isCompleted();
        assertThat(control.ended).isTrue();
        assertThat(other.ended).isFalse();
    }

    @Test
    void allSessionsFinishAlthoughTheSourceServerOfOneGoesWithIt() {
        SessionWorld world = withoutDevice();
        TestAgent control = world.connect().hello(1, 1);
        control.welcome();
        TestAgent other = world.connect("s-2").helloOf("s-2", "/dev/sda", "none");
        other.welcome();
        CompletableFuture<Void> gone =
                world.sessions.unassign(SessionWorld.SOURCE).toCompletableFuture();
        world.settle();
        world.sessions.finishAll();
        world.settle();
        assertThat(gone).isCompleted();
        assertThat(List.of(control.ended, other.ended)).containsOnly(true);
        assertThat(control.has(FrameType.GOAWAY)).isTrue();
    }
}
