package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.testing.FailingDevice;

/** A fault of the program while volumes come, go or are opened again: it is told, and what comes after it goes on as if it had not been. */
final class AssignmentFaultTest {
    static final String FAULT = "fault java.util.concurrent.CompletionException: " + "java.lang.IllegalStateException: "
            + SessionWorld.MISTAKE;

    private final SessionWorld world = new SessionWorld(1);

    private CompletableFuture<Void> assign(int volumes) {
        return world.assign(assignment(volumes), null);
    }

    private static SourceAssignment assignment(int volumes) {
        List<VolumeAssignment> assigned = new ArrayList<>();
        for (int i = 0; i < volumes; i++) {
            assigned.add(new VolumeAssignment(
                    "vol-" + i, "/dev/sd" + i, Path.of("vol-" + i), SessionWorld.VOLUME_BYTES, false));
        }
        return new SourceAssignment(SessionWorld.SOURCE, assigned);
    }

    private static CompletableFuture<Availability> reopen(SessionWorld world, String volumeId) {
        CompletableFuture<Availability> reopened =
                Objects.requireNonNull(world.sessions.reopen(volumeId)).toCompletableFuture();
        world.settle();
        return reopened;
    }

    @Test
    void faultInAnOpeningIsToldOnceAndHoldsUpNoHello() {
        world.mistakes.add("volume opened vol-1");
        assertThat(assign(2)).isCompletedExceptionally();
        assertThat(world.told).containsOnlyOnce(FAULT);
        TestAgent control = world.connect().hello(1, 2);
        assertThat(control.has(FrameType.WELCOME)).as("without a wait").isTrue();
    }

    @Test
    void volumeThatAFaultHasKeptFromBeingOpenedIsClosedAndOpenedByLaterChanges() {
        world.mistakes.add("open vol-1 untouched");
        assertThat(assign(2)).isCompletedExceptionally();
        assertThat(world.told).doesNotContain("volume opened vol-1");
        world.told.clear();
        assertThat(assign(1)).isCompleted();
        assertThat(world.told).contains("close vol-1", "closed vol-1");
        assertThat(assign(2)).isCompleted();
        assertThat(world.told).contains("volume opened vol-1");
    }

    @Test
    void volumeThatAFaultHasKeptFromBeingOpenedIsTriedAgain() {
        world.mistakes.add("open vol-1 untouched");
        assign(2);
        world.pass(5_100);
        assertThat(world.told).contains("volume opened vol-1");
        world.told.clear();
        world.pass(5_100);
        assertThat(world.told).as("once it is open").noneMatch(line -> line.startsWith("open vol-1"));
    }

    @Test
    void faultInAClosingIsToldAndTheVolumeComesBack() {
        assign(2);
        world.mistakes.add("closed vol-1");
        assertThat(assign(1)).isCompletedExceptionally();
        assertThat(world.told).containsOnlyOnce(FAULT);
        world.told.clear();
        assertThat(assign(2)).isCompleted();
        assertThat(world.told).contains("volume opened vol-1");
        assertThat(world.connect().hello(1, 2).has(FrameType.WELCOME)).isTrue();
    }

    @Test
    void changeThatWaitsForOneThatAFaultEndsGoesOn() {
        OpenSession open = new OpenSession(world, 1, 1);
        world.mistakes.add("closed vol-0");
        CompletableFuture<Void> gone = assign(0);
        CompletableFuture<Void> back = assign(1);
        world.told.clear();
        open.control.cut();
        world.writeAll();
        assertThat(gone).isCompletedExceptionally();
        assertThat(back).as("its own opening was no fault").isCompleted();
        assertThat(world.told).containsOnlyOnce(FAULT).contains("volume opened vol-0");
    }

    @Test
    void faultInAnAttemptOfATickIsToldAndTheVolumeCanBeTakenAway() {
        world.closed.put("vol-1", new Availability.Unavailable("not there", true));
        assign(2);
        world.closed.clear();
        world.mistakes.add("volume opened vol-1");
        world.pass(5_100);
        assertThat(world.told).containsOnlyOnce(FAULT);
        assertThat(assign(1)).isCompleted();
        assertThat(world.told).contains("closed vol-1");
    }

    @Test
    void faultInAReopeningIsToldAndTheVolumeCanBeReopenedAgain() {
        SessionWorld failing =
                SessionWorld.withFirstDevice(1, device -> new FailingDevice(device).failWrite(1, Errno.EIO));
        OpenSession open = new OpenSession(failing, 1, 1);
        open.stream(0).data(0, 0, 512, 7, 1);
        failing.writeAll();
        failing.mistakes.add("begun anew vol-0");
        assertThat(reopen(failing, "vol-0")).isCompletedExceptionally();
        assertThat(failing.told).containsOnlyOnce(FAULT).doesNotContain("reopen vol-0");
        failing.closed.put("vol-0", new Availability.Unavailable("not there"));
        failing.mistakes.add("reopen vol-0");
        // As it is after the fault: what has begun anew in the record is not open.
        failing.availability.remove("vol-0");
        assertThat(reopen(failing, "vol-0")).isCompletedExceptionally();
        failing.closed.clear();
        assertThat(reopen(failing, "vol-0")).isCompletedWithValueMatching(Availability.Open.class::isInstance);
    }

    @Test
    void changeOfASourceServerThatWaitsForOneThatAFaultEndsGoesOnAndSessionsOpen() {
        OpenSession open = new OpenSession(world, 1, 1);
        world.mistakes.add("closed vol-0");
        CompletableFuture<Void> gone =
                world.sessions.unassign(SessionWorld.SOURCE).toCompletableFuture();
        CompletableFuture<Void> back = assign(1);
        assertThat(back).isNotDone();
        open.control.cut();
        world.writeAll();
        assertThat(gone).isCompletedExceptionally();
        assertThat(back).isCompleted();
        assertThat(world.told).containsOnlyOnce(FAULT);
        TestAgent again = world.connect().hello(1, 1);
        assertThat(again.errors()).doesNotContain(ErrorCode.SHUTDOWN);
        assertThat(again.welcome().volumes()).hasSize(1);
    }
}
