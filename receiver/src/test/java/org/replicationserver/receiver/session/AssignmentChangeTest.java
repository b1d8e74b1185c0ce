package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.SourceRecord.Commit;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.testing.FailingDevice;

/** What happens when assignments come, change and go while agents are connected. */
final class AssignmentChangeTest {
    private static final String AGENT = "0".repeat(32);
    private static final String DATA_GEN = "a".repeat(32);

    private static CompletionStage<Void> want(SessionWorld world, DesiredState wanted, int volumes) {
        return world.sessions.assign(assignment(volumes), BandwidthSchedule.UNLIMITED, wanted, null);
    }

    private static SourceAssignment assignment(int volumes) {
        List<VolumeAssignment> assigned = new ArrayList<>();
        for (int i = 0; i < volumes; i++) {
            assigned.add(new VolumeAssignment(
                    "vol-" + i, "/dev/sd" + i, Path.of("vol-" + i), SessionWorld.VOLUME_BYTES, false));
        }
        return new SourceAssignment(SessionWorld.SOURCE, assigned);
    }

    /** A session of all volumes, with one stream and an open epoch. */
    private record Open(SessionWorld world, TestAgent control, TestAgent stream) {
        static Open of(SessionWorld world, int disks) {
            TestAgent control = world.connect().hello(1, disks);
            TestAgent stream = world.connect().attach(control.welcome().generation(), 0);
            control.openEpoch(1);
            return new Open(world, control, stream);
        }
    }

    // --- disks come and go

    @Test
    void sessionIsAskedToBeginAgainWhenADiskIsAdded() {
        Open open = Open.of(new SessionWorld(1), 1);
        CompletableFuture<Void> changed = open.world.assign(assignment(2), null);
        assertThat(changed).isCompleted();
        assertThat(open.control.last(FrameType.GOAWAY).toString()).contains("ASSIGNMENT_CHANGED");
        List<Welcome.Volume> volumes =
                open.world.connect().hello(1, 2).welcome().volumes();
        assertThat(volumes).extracting(Welcome.Volume::action).containsOnly(Welcome.Action.RESCAN);
    }

    /** Nothing can be equal on it, so there is nothing to compare. */
    @Test
    void diskThatIsAddedAfterACommitIsNewUntilASessionMayHaveWrittenToIt() {
        Open open = Open.of(new SessionWorld(1), 1);
        open.control.commit(1, open.stream.fence(1));
        open.world.assign(assignment(2), null);
        Hello.Remembered memory = new Hello.Remembered(
                1,
                List.of(new Hello.RememberedDisk(
                        "/dev/sd0", open.control.welcome().volumes().getFirst().dataGen(), 1)));
        TestAgent again = open.world.connect().hello(1, 2, AGENT, memory);
        assertThat(again.welcome().volumes()).extracting(Welcome.Volume::reason).containsExactly("NONE", "NEW_VOLUME");
        again = open.world.connect().hello(1, 2, AGENT, memory);
        assertThat(again.welcome().volumes())
                .as("no epoch was opened")
                .extracting(Welcome.Volume::reason)
                .containsExactly("NONE", "NEW_VOLUME");
        open.world.connect().attach(again.welcome().generation(), 0);
        again.openEpoch(2);
        TestAgent restarted = open.world.connect().hello(1, 2);
        assertThat(restarted.welcome().volumes())
                .extracting(Welcome.Volume::reason)
                .containsOnly("AGENT_REMEMBERS_NOTHING");
    }

    @Test
    void agentsOfOtherSourceServersAreNotAskedToBeginAgain() {
        Open open = Open.of(new SessionWorld(2), 2);
        TestAgent other = open.world.connect("s-2").helloOf("s-2", "/dev/sda", "none");
        other.welcome();
        open.world.assign(assignment(3), null);
        open.world.assign(assignment(1), null);
        assertThat(open.control.has(FrameType.GOAWAY)).isTrue();
        assertThat(other.has(FrameType.GOAWAY)).isFalse();
        assertThat(other.ended).isFalse();
    }

    @Test
    void assignmentThatDiffersInNothingDisturbsNobody() {
        Open open = Open.of(new SessionWorld(2), 2);
        open.world.told.clear();
        assertThat(open.world.assign(assignment(2), null)).isCompleted();
        assertThat(open.control.has(FrameType.GOAWAY)).isFalse();
        assertThat(open.world.told).isEmpty();
    }

    @Test
    void volumeThatIsTakenAwayIsClosedOnlyWhenItsSessionHasEndedAndItsWritesAreDone() {
        Open open = Open.of(new SessionWorld(2), 2);
        open.stream.data(1, 0, 512, 7, 1);
        CompletableFuture<Void> changed = open.world.assign(assignment(1), null);
        assertThat(changed).as("the session goes on").isNotDone();
        open.control.cut();
        assertThat(changed).as("a write is queued").isNotDone();
        open.world.write(1);
        assertThat(changed).isCompleted();
        assertThat(open.world.told).contains("close vol-1").doesNotContain("close vol-0");
        assertThat(open.world.connect().hello(1, 2).errors()).containsExactly(ErrorCode.FORBIDDEN);
    }

    @Test
    void volumeThatIsTakenAwayAndStallsHoldsUpNoneThatComesOrGrows() {
        Open open = Open.of(new SessionWorld(2), 2);
        open.stream.data(1, 0, 512, 7, 1);
        VolumeAssignment grown =
                new VolumeAssignment("vol-0", "/dev/sd0", Path.of("vol-0"), 2 * SessionWorld.VOLUME_BYTES, false);
        VolumeAssignment came = new VolumeAssignment("vol-2", "/dev/sd2", Path.of("vol-2"), 512, false);
        CompletableFuture<Void> changed =
                open.world.assign(new SourceAssignment(SessionWorld.SOURCE, List.of(grown, came)), null);
        open.control.cut();
        open.world.write(0);
        assertThat(changed).as("a write of the volume that goes is queued").isNotDone();
        assertThat(open.world.told)
                .contains("volume opened vol-2")
                .containsSubsequence("close vol-0", "open vol-0, it must be there")
                .doesNotContain("close vol-1");
        open.world.write(1);
        assertThat(open.world.told).contains("close vol-1");
        assertThat(changed).isCompleted();
    }

    @Test
    void pathThatIsGivenToAnotherVolumeIsOpenedOnlyWhenTheFormerIsClosed() {
        Open open = Open.of(new SessionWorld(2), 2);
        open.stream.data(1, 0, 512, 7, 1);
        open.world.assign(
                new SourceAssignment(
                        SessionWorld.SOURCE,
                        List.of(new VolumeAssignment(
                                "vol-0", "/dev/sd0", Path.of("vol-1"), SessionWorld.VOLUME_BYTES, false))),
                null);
        open.world.told.clear();
        open.control.cut();
        open.world.write(0);
        assertThat(open.world.told).contains("close vol-0").noneMatch(line -> line.startsWith("open vol-0"));
        open.world.write(1);
        assertThat(open.world.told).containsSubsequence("close vol-1", "open vol-0, it must be there");
    }

    @Test
    void diskThatHasGrownGetsItsVolumeOpenedAnewBeforeItsAgentIsWelcome() {
        SessionWorld world = new SessionWorld(1);
        Open.of(world, 1);
        world.holdOpens();
        SourceAssignment grown = new SourceAssignment(
                SessionWorld.SOURCE,
                List.of(new VolumeAssignment(
                        "vol-0", "/dev/sd0", Path.of("elsewhere"), SessionWorld.VOLUME_BYTES, false)));
        CompletableFuture<Void> changed = world.assign(grown, null);
        TestAgent again = world.connect().hello(1, 1);
        world.writeAll();
        assertThat(again.has(FrameType.WELCOME)).isFalse();
        world.openDevices();
        assertThat(changed).isCompleted();
        assertThat(again.welcome().volumes().getFirst().action()).isNotEqualTo(Welcome.Action.FAILED);
    }

    /** What a HELLO waits for does not come any more, so that only a new one can have a session. */
    @Test
    void helloThatWaitsIsAnsweredWhenItsDiskIsTakenAway() {
        SessionWorld world = new SessionWorld(2);
        world.holdStores();
        TestAgent waiting = world.connect().hello(1, 2);
        world.assign(assignment(1), null);
        assertThat(waiting.errors()).containsExactly(ErrorCode.STATE);
        assertThat(waiting.ended).isTrue();
        world.storeRecords();
        TestAgent ofTheRest = world.connect().hello(2, 1);
        assertThat(ofTheRest.welcome().volumes()).hasSize(1);
        assertThat(waiting.has(FrameType.WELCOME)).isFalse();
    }

    @Test
    void helloThatWaitsGoesOnWhenAnotherDiskIsAdded() {
        SessionWorld world = new SessionWorld(1);
        world.holdStores();
        TestAgent waiting = world.connect().hello(1, 1);
        world.assign(assignment(2), null);
        world.storeRecords();
        assertThat(waiting.welcome().volumes()).hasSize(1);
    }

    /** A device that does not answer must not keep the other disks of its source server from being replicated. */
    @Test
    void deviceThatDoesNotOpenIsLeftOutAfterAWhileAndTakenInWhenItDoes() {
        SessionWorld world = new SessionWorld(1);
        world.holdOpens();
        world.assign(assignment(2), null);
        TestAgent control = world.connect().hello(1, 2);
        assertThat(control.has(FrameType.WELCOME)).isFalse();
        world.pass(11_000);
        assertThat(control.welcome().volumes())
                .extracting(Welcome.Volume::action)
                .containsExactly(Welcome.Action.RESCAN, Welcome.Action.FAILED);
        world.openDevices();
        assertThat(control.last(FrameType.GOAWAY).toString()).contains("VOLUME_REOPENED");
    }

    @Test
    void imageThatWasWrittenMustBeThereWhenItsVolumeIsAssignedAgain() {
        SessionWorld world = new SessionWorld(1);
        Open open = Open.of(world, 1);
        world.assign(new SourceAssignment(SessionWorld.SOURCE, List.of()), null);
        open.control.cut();
        world.writeAll();
        world.told.clear();
        world.assign(assignment(1), null);
        assertThat(world.told).contains("open vol-0, it must be there");
    }

    @Test
    void imageThatIsMissingGetsAnotherDataGenerationDurablyBeforeItIsMadeAnew() {
        SessionWorld world = new SessionWorld(1);
        String before =
                world.connect().hello(1, 1).welcome().volumes().getFirst().dataGen();
        world.availability.put("vol-0", new Availability.Unavailable("it is gone"));
        world.missingImages.add("vol-0");
        world.holdStores();
        world.told.clear();
        world.sessions.reopen("vol-0");
        world.settle();
        assertThat(world.told).as("the store has not ended").noneMatch(line -> line.startsWith("reopen"));
        world.storeRecords();
        assertThat(world.told).contains("reopen vol-0, it may be made");
        Welcome.Volume after = world.connect().hello(1, 1).welcome().volumes().getFirst();
        assertThat(after.dataGen()).isNotEqualTo(before);
        assertThat(after.reason()).isEqualTo("VOLUME_REOPENED");
    }

    @Test
    void volumeThatHasFailedStaysClosedUntilItIsReopened() {
        SessionWorld world = new SessionWorld(0);
        world.stored.put(
                SessionWorld.SOURCE,
                SourceRecord.initial().withVolume("vol-0", new VolumeRecord(DATA_GEN, Origin.NEW_VOLUME, "EIO")));
        world.sessions.unassign(SessionWorld.SOURCE);
        world.settle();
        world.assign(assignment(1), null);
        assertThat(world.told).contains("left closed vol-0").doesNotContain("open vol-0");
        Welcome.Volume failed = world.connect().hello(1, 1).welcome().volumes().getFirst();
        assertThat(failed.action()).isEqualTo(Welcome.Action.FAILED);
        assertThat(failed.reason()).isEqualTo("EIO");
        world.sessions.reopen("vol-0");
        world.settle();
        assertThat(world.connect().hello(1, 1).welcome().volumes().getFirst().reason())
                .isEqualTo("VOLUME_REOPENED");
    }

    // --- volumes that are not there yet

    private static SessionWorld without(String volumeId, Availability.Unavailable reason) {
        SessionWorld world = new SessionWorld(1);
        world.closed.put(volumeId, reason);
        world.assign(assignment(2), null);
        return world;
    }

    private static long opens(SessionWorld world) {
        return world.told.stream().filter(line -> line.startsWith("open vol-1")).count();
    }

    @Test
    void volumeThatAppearsIsOpenedByItselfAndItsAgentAskedToBeginAgain() {
        SessionWorld world = without("vol-1", new Availability.Unavailable("not there", true));
        TestAgent control = world.connect().hello(1, 2);
        assertThat(control.welcome().volumes())
                .extracting(Welcome.Volume::action)
                .containsExactly(Welcome.Action.RESCAN, Welcome.Action.FAILED);
        world.closed.clear();
        world.pass(4_900);
        assertThat(control.has(FrameType.GOAWAY)).isFalse();
        world.pass(200);
        assertThat(control.last(FrameType.GOAWAY).toString()).contains("VOLUME_REOPENED");
        assertThat(world.connect().hello(1, 2).welcome().volumes())
                .extracting(Welcome.Volume::action)
                .doesNotContain(Welcome.Action.FAILED);
    }

    @Test
    void volumeIsTriedAtOnceWhenDevicesHaveCome() {
        SessionWorld world = without("vol-1", new Availability.Unavailable("not there", true));
        world.closed.clear();
        world.sessions.devicesChanged();
        world.pass(1);
        assertThat(world.told).contains("volume opened vol-1");
    }

    @Test
    void whatIsFoundAgainAndAgainIsToldOnceAndWhatIsNewIsTold() {
        SessionWorld world = without("vol-1", new Availability.Unavailable("seen: none", true));
        for (int i = 0; i < 5; i++) {
            world.pass(5_100);
        }
        assertThat(opens(world)).isEqualTo(6);
        world.closed.put("vol-1", new Availability.Unavailable("seen: vol-2", true));
        world.pass(5_100);
        world.closed.put("vol-1", new Availability.Unavailable("too small"));
        world.pass(5_100);
        assertThat(world.told)
                .filteredOn(line -> line.contains("awaited") || line.contains("unavailable"))
                .containsExactly(
                        "volume awaited vol-1: seen: none",
                        "volume awaited vol-1: seen: vol-2",
                        "volume unavailable vol-1");
    }

    @Test
    void deviceThatDoesNotAnswerIsNotTriedTwiceAtOnce() {
        SessionWorld world = without("vol-1", new Availability.Unavailable("not there", true));
        world.holdOpens();
        world.pass(5_100);
        world.pass(60_000);
        assertThat(opens(world)).isEqualTo(2);
    }

    /** What it holds nobody knows. */
    @Test
    void volumeThatHasFailedIsNotOpenedThoughDevicesCome() {
        SessionWorld world =
                SessionWorld.withFirstDevice(1, device -> new FailingDevice(device).failWrite(1, Errno.EIO));
        Open open = Open.of(world, 1);
        open.stream.data(0, 0, 512, 7, 1);
        world.writeAll();
        assertThat(world.told).contains("volume failed vol-0");
        world.told.clear();
        world.sessions.devicesChanged();
        world.pass(60_000);
        assertThat(world.told).noneMatch(line -> line.startsWith("open vol-0") || line.startsWith("reopen"));
    }

    @Test
    void volumeThatIsTakenAwayIsClosedAfterTheAttemptToOpenItAndNotTriedAgain() {
        SessionWorld world = without("vol-1", new Availability.Unavailable("not there", true));
        world.closed.clear();
        world.holdOpens();
        world.pass(5_100);
        CompletableFuture<Void> changed = world.assign(assignment(1), null);
        assertThat(changed).isNotDone();
        world.openDevices();
        assertThat(changed).isCompleted();
        assertThat(world.told).contains("close vol-1");
        assertThat(world.writers).doesNotContainKey("vol-1");
        world.told.clear();
        world.pass(60_000);
        assertThat(opens(world)).isZero();
    }

    @Test
    void reopenByHandWaitsForTheAttemptThatIsUnderWay() {
        SessionWorld world = without("vol-1", new Availability.Unavailable("not there", true));
        world.holdOpens();
        world.pass(5_100);
        CompletionStage<Availability> reopened = world.sessions.reopen("vol-1");
        world.settle();
        assertThat(world.told).noneMatch(line -> line.startsWith("reopen"));
        world.openDevices();
        assertThat(world.told).as("it could not be opened").anyMatch(line -> line.startsWith("reopen vol-1"));
        assertThat(reopened).isCompleted();
    }

    // --- source servers come and go

    @Test
    void sourceServerThatIsTakenAwayFinishesItsSessionAndLeavesNothingOpen() {
        Open open = Open.of(new SessionWorld(1), 1);
        long seq = open.stream.data(0, 0, 512, 7, 1);
        CompletableFuture<Void> gone =
                open.world.sessions.unassign(SessionWorld.SOURCE).toCompletableFuture();
        open.world.settle();
        assertThat(open.control.has(FrameType.GOAWAY)).isTrue();
        assertThat(gone).isNotDone();
        assertThat(open.world.connect().hello(1, 1).errors()).containsExactly(ErrorCode.SHUTDOWN);
        open.world.pass(11_000); // the deadline of GOAWAY
        open.world.writeAll();
        assertThat(open.stream.durable(0)).isEqualTo(seq);
        assertThat(gone).isCompleted();
        assertThat(open.world.told).contains("close vol-0");
        assertThat(open.world.sessions.accept(new TestAgent(open.world), SessionWorld.SOURCE, SessionWorld.PIN))
                .isNull();
    }

    @Test
    void sourceServerThatComesBackIsKnown() {
        Open open = Open.of(new SessionWorld(1), 1);
        String dataGen = open.control.welcome().volumes().getFirst().dataGen();
        open.world.sessions.unassign(SessionWorld.SOURCE);
        CompletableFuture<Void> back = open.world.assign(assignment(1), null);
        assertThat(back).as("the change before is not done").isNotDone();
        open.control.cut();
        open.world.writeAll();
        assertThat(back).isCompleted();
        assertThat(open.world
                        .connect()
                        .hello(1, 1)
                        .welcome()
                        .volumes()
                        .getFirst()
                        .dataGen())
                .isEqualTo(dataGen);
    }

    // --- volumes move between source servers

    private static SourceAssignment assigned(String sourceServerId, String... volumeIds) {
        List<VolumeAssignment> volumes = new ArrayList<>();
        for (String id : volumeIds) {
            volumes.add(new VolumeAssignment(id, "/dev/" + id, Path.of(id), SessionWorld.VOLUME_BYTES, false));
        }
        return new SourceAssignment(sourceServerId, volumes);
    }

    @Test
    void volumeIsOpenedForAnotherSourceServerOnlyWhenItIsClosedForTheFormer() {
        Open open = Open.of(new SessionWorld(2), 2);
        open.stream.data(1, 0, 512, 7, 1);
        open.world.told.clear();
        CompletableFuture<Void> came = open.world.assign(assigned("s-2", "vol-other", "vol-1"), null);
        CompletableFuture<Void> gone = open.world.assign(assignment(1), null);
        assertThat(came).as("the session that has it goes on").isNotDone();
        open.control.cut();
        assertThat(came).as("a write is queued").isNotDone();
        assertThat(open.world.told).doesNotContain("open vol-1 untouched");
        open.world.write(1);
        assertThat(gone).isCompleted();
        assertThat(came).isCompleted();
        assertThat(open.world.told).containsSubsequence("close vol-1", "open vol-1 untouched");
        assertThat(open.world.told.indexOf("close vol-1"))
                .as("closed once")
                .isEqualTo(open.world.told.lastIndexOf("close vol-1"));
    }

    @Test
    void volumeOfAnotherSourceServerWaitsForNoEarlierChangeOfTheFormer() {
        Open open = Open.of(new SessionWorld(3), 3);
        open.stream.data(1, 0, 512, 7, 1);
        List<VolumeAssignment> volumes = assignment(3).volumes();
        CompletableFuture<Void> stalls = open.world.assign(
                new SourceAssignment(SessionWorld.SOURCE, List.of(volumes.getFirst(), volumes.getLast())), null);
        open.control.cut();
        open.world.write(0);
        CompletableFuture<Void> gone = open.world.assign(assignment(1), null);
        CompletableFuture<Void> came = open.world.assign(assigned("s-2", "vol-other", "vol-2"), null);
        open.world.write(2);
        assertThat(came).as("opened although a write of vol-1 is queued").isCompleted();
        assertThat(open.world.told)
                .containsSubsequence("close vol-2", "open vol-2 untouched")
                .doesNotContain("close vol-1");
        assertThat(stalls).isNotDone();
        assertThat(gone).as("all that was changed before counts too").isNotDone();
        open.world.write(1);
        assertThat(stalls).isCompleted();
        assertThat(gone).isCompleted();
    }

    @Test
    void volumeThatComesBackWaitsForItsStalledClosing() {
        Open open = Open.of(new SessionWorld(2), 2);
        open.stream.data(1, 0, 512, 7, 1);
        open.world.assign(assignment(1), null);
        open.control.cut();
        open.world.write(0);
        open.world.told.clear();
        CompletableFuture<Void> back = open.world.assign(assignment(2), null);
        open.world.assign(assignment(1), null);
        CompletableFuture<Void> last = open.world.assign(assignment(2), null);
        assertThat(open.world.told).noneMatch(line -> line.startsWith("open vol-1"));
        open.world.write(1);
        open.world.writeAll(); // the volume that is opened and closed in between too
        assertThat(back).isCompleted();
        assertThat(last).isCompleted();
        assertThat(open.world.told).containsSubsequence("close vol-1", "open vol-1, it must be there");
        assertThat(open.world.sessions.notOpen(SessionWorld.SOURCE)).isNull();
    }

    @Test
    void sourceServerThatComesBackWaitsForTheStalledEndOfItsUnassignment() {
        Open open = Open.of(new SessionWorld(1), 1);
        open.stream.data(0, 0, 512, 7, 1);
        CompletableFuture<Void> left =
                open.world.sessions.unassign(SessionWorld.SOURCE).toCompletableFuture();
        open.control.cut();
        CompletableFuture<Void> back = open.world.assign(assignment(1), null);
        assertThat(left).isNotDone();
        assertThat(back).isNotDone();
        open.world.writeAll();
        assertThat(left).isCompleted();
        assertThat(back).isCompleted();
        assertThat(open.world.connect().hello(1, 1).welcome().volumes()).hasSize(1);
    }

    @Test
    void volumesMayBeExchanged() {
        SessionWorld world = new SessionWorld(1);
        CompletableFuture<Void> one = world.assign(assigned("s-2", "vol-0"), null);
        CompletableFuture<Void> other = world.assign(assigned(SessionWorld.SOURCE, "vol-other"), null);
        assertThat(one).isCompleted();
        assertThat(other).isCompleted();
        assertThat(world.told).containsSubsequence("close vol-other", "open vol-other untouched");
        assertThat(world.told).containsSubsequence("close vol-0", "open vol-0 untouched");
    }

    /** After a while its session begins without the volume, and must not have what is still the other's. */
    @Test
    void volumeThatAnotherSourceServerHasIsNoneOfASession() {
        SessionWorld world = new SessionWorld(1);
        world.assign(
                new SourceAssignment(
                        SessionWorld.SOURCE,
                        List.of(
                                new VolumeAssignment(
                                        "vol-0", "/dev/sd0", Path.of("vol-0"), SessionWorld.VOLUME_BYTES, false),
                                new VolumeAssignment(
                                        "vol-other",
                                        "/dev/sd1",
                                        Path.of("vol-other"),
                                        SessionWorld.VOLUME_BYTES,
                                        false))),
                null);
        TestAgent control = world.connect().hello(1, 2);
        world.pass(11_000);
        assertThat(control.welcome().volumes())
                .extracting(Welcome.Volume::action)
                .containsExactly(Welcome.Action.RESCAN, Welcome.Action.FAILED);
        assertThat(control.welcome().volumes().getLast().reason()).contains("another source server");
    }

    @Test
    void connectionsOfAPinThatIsWithdrawnEnd() {
        Open open = Open.of(new SessionWorld(1), 1);
        open.world.sessions.withdrawPins(Set.of("sha256:" + "1".repeat(64)));
        assertThat(open.control.ended).isFalse();
        open.world.sessions.withdrawPins(Set.of(SessionWorld.PIN));
        open.world.settle();
        assertThat(open.control.ended).isTrue();
        assertThat(open.control.errors()).contains(ErrorCode.FORBIDDEN);
        assertThat(open.stream.ended).isTrue();
    }

    @Test
    void sharesOfTheMemoryFollowTheNumberOfSourceServers() {
        SessionWorld world = new SessionWorld(1);
        int before = windowBytes(world);
        for (int i = 3; i < 40; i++) {
            world.assign(new SourceAssignment("s-" + i, List.of()), null);
        }
        assertThat(windowBytes(world)).isLessThan(before);
        for (int i = 3; i < 40; i++) {
            world.sessions.unassign("s-" + i);
        }
        world.settle();
        assertThat(windowBytes(world)).isEqualTo(before);
    }

    private static int windowBytes(SessionWorld world) {
        TestAgent control = world.connect().hello(1, 1);
        return world.connect()
                .attach(control.welcome().generation(), 0)
                .attached()
                .windowBytes();
    }

    // --- paused and stopped

    @Test
    void pausedSourceServerFinishesAndIsNotWelcomeUntilItIsStarted() {
        Open open = Open.of(new SessionWorld(1), 1);
        want(open.world, DesiredState.PAUSED, 1);
        assertThat(open.control.last(FrameType.GOAWAY).toString()).contains("PAUSED");
        open.control.cut();
        assertThat(open.world.connect().hello(1, 1).errors()).containsExactly(ErrorCode.PAUSED);
        want(open.world, DesiredState.STARTED, 1);
        assertThat(open.world.connect().hello(1, 1).has(FrameType.WELCOME)).isFalse();
        open.world.writeAll();
        assertThat(open.world.connect().hello(1, 1).welcome().volumes()).hasSize(1);
    }

    @Test
    void whatIsWantedHoldsAtOnceAlthoughAVolumeIsBeingOpened() {
        SessionWorld world = new SessionWorld(1);
        world.holdOpens();
        CompletionStage<Void> started = want(world, DesiredState.STARTED, 2);
        CompletionStage<Void> paused = want(world, DesiredState.PAUSED, 2);
        assertThat(world.connect().hello(1, 1).errors()).containsExactly(ErrorCode.PAUSED);
        assertThat(started.toCompletableFuture()).isNotDone();
        world.openDevices();
        assertThat(paused.toCompletableFuture()).isCompleted();
        assertThat(world.connect().hello(1, 1).errors())
                .as("the change that was older does not come back")
                .containsExactly(ErrorCode.PAUSED);
    }

    @Test
    void whatIsWantedWhileASourceServerComesHoldsAtOnceToo() {
        SessionWorld world = new SessionWorld(1);
        world.sessions.unassign(SessionWorld.SOURCE);
        world.settle();
        world.holdOpens();
        want(world, DesiredState.STARTED, 1);
        want(world, DesiredState.PAUSED, 1);
        world.settle();
        assertThat(world.connect().hello(1, 1).errors()).containsExactly(ErrorCode.PAUSED);
    }

    @Test
    void rescanMakesNothingThatTheAgentRemembersHold() {
        Open open = Open.of(new SessionWorld(1), 1);
        String dataGen = open.control.welcome().volumes().getFirst().dataGen();
        CompletableFuture<Boolean> rescan =
                open.world.sessions.rescan(SessionWorld.SOURCE, Set.of("vol-0")).toCompletableFuture();
        open.world.settle();
        assertThat(rescan).isCompletedWithValue(true);
        assertThat(open.control.last(FrameType.GOAWAY).toString()).contains("RESCAN_REQUESTED");
        Welcome.Volume volume = welcomed(open.world, remembered(1, dataGen, 0));
        assertThat(volume.action()).isEqualTo(Welcome.Action.RESCAN);
        assertThat(volume.reason()).isEqualTo("RESCAN_REQUESTED");
    }

    // --- what is told

    @Test
    void whoseDoingTheEndOfASessionWasIsTold() {
        Open lost = Open.of(new SessionWorld(1), 1);
        lost.stream.cut();
        assertThat(lost.world.causes).containsExactly(SessionEndCause.LOST);

        Open silent = Open.of(new SessionWorld(1), 1);
        silent.world.pass(31_000);
        assertThat(silent.world.causes).containsExactly(SessionEndCause.LOST);

        Open left = Open.of(new SessionWorld(1), 1);
        left.control.bye();
        assertThat(left.world.causes).containsExactly(SessionEndCause.AGENT_LEFT);

        Open asked = Open.of(new SessionWorld(1), 1);
        want(asked.world, DesiredState.PAUSED, 1);
        asked.control.bye();
        assertThat(asked.world.causes).containsExactly(SessionEndCause.SERVER_ENDED);

        Open fenced = Open.of(new SessionWorld(1), 1);
        fenced.world.connect().hello(1, 1);
        assertThat(fenced.world.causes).containsExactly(SessionEndCause.SERVER_ENDED);
    }

    @Test
    void bytesAreToldOnceForEachRoundAndOnlyWhenTheyAreDurable() {
        Open open = Open.of(new SessionWorld(2), 2);
        open.stream.data(0, 0, 512, 7, 1);
        open.stream.zero(0, 1024, 2048, 1);
        open.stream.data(1, 0, 512, 7, 1);
        assertThat(open.world.told).contains("first byte").noneMatch(line -> line.startsWith("durable"));
        open.world.write(0);
        assertThat(open.world.told)
                .filteredOn(line -> line.startsWith("durable"))
                .containsExactly("durable vol-0 2560");
        open.world.write(1);
        assertThat(open.world.told)
                .filteredOn(line -> line.startsWith("durable"))
                .containsExactly("durable vol-0 2560", "durable vol-1 512");
    }

    // --- replacement of a server

    private static Hello.Remembered remembered(long generation, String dataGen, long committedEpoch) {
        return new Hello.Remembered(generation, List.of(new Hello.RememberedDisk("/dev/sd0", dataGen, committedEpoch)));
    }

    private static Welcome.Volume welcomed(SessionWorld world, Hello.@Nullable Remembered remembers) {
        return world.connect().hello(1, 1, AGENT, remembers).welcome().volumes().getFirst();
    }

    /** What another server reported last: its session 5 wrote, epoch 7 was committed. */
    private static SourceRecord reported() {
        return SourceRecord.initial()
                .withGeneration(5)
                .withWriter(5)
                .withCommit(6, false, 100)
                .withCommit(7, false, 200)
                .withVolume("vol-0", new VolumeRecord(DATA_GEN, Origin.NEW_VOLUME, null));
    }

    private static SessionWorld replacement(@Nullable SourceRecord own, SourceRecord lastReported) {
        SessionWorld world = new SessionWorld(0);
        world.sessions.unassign(SessionWorld.SOURCE);
        world.settle();
        if (own != null) {
            world.stored.put(SessionWorld.SOURCE, own);
        }
        world.assign(assignment(1), lastReported);
        return world;
    }

    @Test
    void agentOfAReplacedServerCarriesOn() {
        SessionWorld world = replacement(null, reported());
        Welcome.Volume volume = welcomed(world, remembered(5, DATA_GEN, 7));
        assertThat(volume.action()).isEqualTo(Welcome.Action.RESUME);
        assertThat(volume.dataGen()).isEqualTo(DATA_GEN);
        assertThat(volume.committedEpoch()).isEqualTo(7);
        assertThat(world.record().generation()).isEqualTo(5 + SourceRecord.GENERATIONS_UNREPORTED + 1);
        assertThat(world.record().takenOver()).isFalse();
    }

    /** Two copies of an agent; the replaced server gave the one a session that it did not report, and the other one writes here. */
    @Test
    void sessionThatTheReplacedServerDidNotReportIsNotGivenOutAgain() {
        SessionWorld world = replacement(null, reported());
        TestAgent other = world.connect().hello(1, 1, AGENT, remembered(5, DATA_GEN, 7));
        world.connect().attach(other.welcome().generation(), 0);
        other.openEpoch(8);
        assertThat(welcomed(world, remembered(6, DATA_GEN, 7)).reason()).isEqualTo("AGENT_BEHIND");
    }

    /** The server was killed before its last report went out. */
    @Test
    void agentThatSawMoreThanTheReplacedServerReportedCarriesOnToo() {
        SessionWorld world = replacement(null, reported());
        Welcome.Volume volume = welcomed(world, remembered(9, DATA_GEN, 12));
        assertThat(volume.action()).isEqualTo(Welcome.Action.RESUME);
        assertThat(volume.committedEpoch()).isEqualTo(12);
        assertThat(world.record().generation()).isEqualTo(5 + SourceRecord.GENERATIONS_UNREPORTED + 1);
        assertThat(world.record().commit()).isEqualTo(new Commit(12, 11, true, 200));
    }

    @Test
    void onlyTheFirstAgentIsBelievedThatItSawMore() {
        SessionWorld world = replacement(null, reported());
        assertThat(welcomed(world, remembered(5, DATA_GEN, 7)).action()).isEqualTo(Welcome.Action.RESUME);
        long first = 5 + SourceRecord.GENERATIONS_UNREPORTED + 1;
        assertThat(welcomed(world, remembered(first, DATA_GEN, 8)).reason()).isEqualTo("EPOCH_BEHIND");
    }

    @Test
    void agentOfAnotherHistoryIsNotBelieved() {
        String other = "b".repeat(32);
        assertThat(welcomed(replacement(null, reported()), remembered(9, other, 12))
                        .action())
                .isEqualTo(Welcome.Action.RESCAN);
        assertThat(welcomed(replacement(null, reported()), remembered(4, DATA_GEN, 12))
                        .reason())
                .as("a session that it does not know of wrote")
                .isEqualTo("AGENT_BEHIND");
        assertThat(welcomed(replacement(null, reported()), null).reason()).isEqualTo("AGENT_REMEMBERS_NOTHING");
    }

    @Test
    void whatIsKnownHereCountsUnlessAnotherServerReportedLater() {
        SourceRecord own = reported().withGeneration(8).withCommit(9, false, 300);
        SourceRecord kept = replacement(own, reported()).record();
        assertThat(kept.generation()).isEqualTo(8);
        assertThat(kept.commit()).isEqualTo(own.commit());
        assertThat(kept.takenOver()).isFalse();
        SourceRecord later = reported().withGeneration(9);
        assertThat(replacement(own, later).record().generation()).isEqualTo(9 + SourceRecord.GENERATIONS_UNREPORTED);
        assertThat(replacement(own, later).record().takenOver()).isTrue();
    }

    @Test
    void stateThatWasLostHereIsFoundInTheReport() {
        SessionWorld world = replacement(SourceRecord.lost(), reported());
        assertThat(world.told).as("nothing is fresh on anybody's word").doesNotContain("open vol-0 untouched");
        assertThat(welcomed(world, remembered(5, DATA_GEN, 7)).action()).isEqualTo(Welcome.Action.RESUME);
    }
}
