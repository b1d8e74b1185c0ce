package org.replicationserver.receiver.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.replication.SnapshotTrouble;
import org.replicationserver.receiver.session.HoldAnswer.Cause;
import org.replicationserver.receiver.session.HoldAnswer.NotHeld;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.snapshot.Ec2Stub.Fault;
import org.replicationserver.receiver.snapshot.SnapshotGroup.VolumeSnapshot;

/** Each way in which a group ends, on the real SDK over TLS. */
@Timeout(120)
class SnapshotMakerTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Fault THROTTLED = new Fault.Refusal(503, "RequestLimitExceeded", "Request limit exceeded.");
    private static final Fault INTERNAL = new Fault.Refusal(500, "InternalError", "An internal error has occurred");

    @TempDir
    Path directory;

    private SnapshotWorld world;

    @BeforeEach
    void begin() throws Exception {
        world = new SnapshotWorld(directory);
    }

    @AfterEach
    void end() {
        world.close();
    }

    /** Of the whole run of this class: of those that the published policy grants, only these are used. */
    @AfterAll
    static void onlyTwoActionsAreUsedAndEachSnapshotCarriesTheTagThatThePolicyDemands() {
        List<SdkRequestLog.Entry> entries = SdkRequestLog.entries();
        assertThat(entries).isNotEmpty().allSatisfy(entry -> {
            assertThat(entry.service()).isEqualTo("Ec2");
            assertThat(entry.action()).isIn("CreateSnapshot", "DescribeSnapshots");
        });
        assertThat(entries)
                .filteredOn(entry -> entry.action().equals("CreateSnapshot"))
                .isNotEmpty()
                .allSatisfy(entry -> assertThat(entry.tags()).containsKey("AWSApplicationMigrationServiceManaged"));
    }

    private static String volume(int number) {
        return SnapshotWorld.volumeId(number);
    }

    private SnapshotTrouble trouble() {
        SnapshotTrouble trouble = world.standing().trouble();
        assertThat(trouble).as("what is told of snapshots").isNotNull();
        return trouble == null ? new SnapshotTrouble(0, 0, false, "", "") : trouble;
    }

    private void assertAbandoned(SnapshotResult result, SnapshotOutcome outcome, int leftOver) {
        assertThat(result.outcome()).as(result.sentence()).isEqualTo(outcome);
        assertThat(world.registered).isEmpty();
        assertThat(result.snapshotIds())
                .hasSize(leftOver)
                .containsExactlyInAnyOrderElementsOf(
                        world.ec2.snapshots().stream().map(one -> one.id).toList());
        assertThat(result.snapshotIds())
                .allSatisfy(id -> assertThat(result.sentence()).contains(id));
        assertThat(world.steps)
                .filteredOn(step -> step.equals("hold"))
                .hasSameSizeAs(world.steps.stream()
                        .filter(step -> step.equals("release"))
                        .toList());
        assertThat(trouble().reason()).isEqualTo(result.sentence());
        assertThat(trouble().nextAction()).isEqualTo(result.nextAction()).endsWith(".");
        assertThat(world.store.groups()).isEmpty();
    }

    // --- a good group

    @Test
    void groupHasOneSnapshotOfEachVolumeAllUnderOneHoldWhichEndsBeforeItIsRegistered() throws Exception {
        SnapshotResult result = world.make();

        assertThat(result.outcome()).as(result.sentence()).isEqualTo(SnapshotOutcome.MADE);
        assertThat(world.steps).containsExactly("credits", "start", "hold", "release", "register", "MADE");
        SnapshotGroup group = world.registered.getFirst();
        assertThat(group.epoch()).isEqualTo(43);
        assertThat(group.snapshots())
                .extracting(VolumeSnapshot::volumeId)
                .containsExactlyInAnyOrder(volume(0), volume(1), volume(2));
        assertThat(result.snapshotIds()).containsExactlyElementsOf(group.snapshotIds());
        assertThat(world.ec2.snapshots()).hasSize(3);
        Ec2Stub.Snapshot first = world.ec2.snapshotsOf(volume(0)).getFirst();
        assertThat(first.description).isEqualTo("Replica of /dev/sda of s-1 at epoch 43, sg-1");
        assertThat(first.tags)
                .containsEntry("AWSApplicationMigrationServiceManaged", "mgn")
                .containsEntry("Stage", "staging")
                .containsEntry("ReplicationSnapshotGroupId", "sg-1")
                .containsEntry("ReplicationSourceServerId", "s-1")
                .containsEntry("ReplicationEpoch", "43")
                .containsEntry("ReplicationDeviceName", "/dev/sda")
                .hasSize(6);
    }

    @Test
    void tagThatThePolicyDemandsIsThereAlsoIfTheControlPlaneForgetsIt() throws Exception {
        world.tags = Map.of();

        assertThat(world.make().isMade()).isTrue();

        assertThat(world.ec2.snapshots())
                .allSatisfy(one -> assertThat(one.tags).containsKey("AWSApplicationMigrationServiceManaged"));
    }

    @Test
    void volumesThatAreMoreThanRequestsAtOnceAreAllInTheGroup() throws Exception {
        world.volumes = SnapshotWorld.volumes(20);

        SnapshotResult result = world.make();

        assertThat(result.snapshotIds()).hasSize(20).doesNotHaveDuplicates();
    }

    @Test
    void lastSnapshotIsOfAGroupWhoseSnapshotsAreAllComplete() throws Exception {
        world.make();
        List<Ec2Stub.Snapshot> made = world.ec2.snapshots();
        made.get(0).state = "completed";
        made.get(1).state = "completed";
        long looks = world.ec2.count("DescribeSnapshots", null);
        Awaitility.await("more looks")
                .atMost(PATIENCE)
                .until(() -> world.ec2.count("DescribeSnapshots", null) >= looks + 2);
        assertThat(world.standing().lastMillis()).isZero();

        made.get(2).state = "completed";

        Awaitility.await("completion")
                .atMost(PATIENCE)
                .until(() -> world.standing().lastMillis() > 0);
        assertThat(world.standing().markMillis()).isEqualTo(4300);
        Awaitility.await("the end of the group")
                .atMost(PATIENCE)
                .until(() -> world.store.groups().isEmpty());
    }

    @Test
    void groupsOfOneSourceServerAreMadeOneAfterTheOther() throws Exception {
        List<CompletableFuture<SnapshotResult>> groups = List.of(
                world.maker.make("s-1", List.of(SnapshotTrigger.command("c-1"))).toCompletableFuture(),
                world.maker.make("s-1", List.of(SnapshotTrigger.command("c-2"))).toCompletableFuture(),
                world.maker.make("s-1", List.of(SnapshotTrigger.command("c-3"))).toCompletableFuture());
        groups.forEach(CompletableFuture::join);

        assertThat(world.steps.stream().filter(step -> step.equals("hold") || step.equals("release")))
                .containsExactly("hold", "release", "hold", "release", "hold", "release");
    }

    @Test
    void agentsThatDoNotCommitKeepNoOtherSourceServerWaiting() throws Exception {
        List<CompletableFuture<SnapshotResult>> waiting = new ArrayList<>();
        for (int i = 0; i < 2 * SnapshotMaker.GROUPS_PARALLEL_MAX; i++) {
            world.silent.add("silent-" + i);
            waiting.add(world.maker
                    .make("silent-" + i, List.of(SnapshotTrigger.command("c-" + i)))
                    .toCompletableFuture());
        }
        Awaitility.await("commits that are asked for")
                .atMost(PATIENCE)
                .until(() -> world.steps.stream().filter("hold"::equals).count() >= SnapshotMaker.GROUPS_PARALLEL_MAX);

        assertThat(world.make().isMade()).isTrue();

        assertThat(waiting).noneMatch(CompletableFuture::isDone);
    }

    @Test
    void whatWasAskedForOnceIsMadeOnceAlsoOverRestarts() throws Exception {
        SnapshotTrigger command = SnapshotTrigger.command("c-1");
        SnapshotResult first = world.make(command);
        SnapshotResult ofRequests = world.make(SnapshotTrigger.request("r-1"), SnapshotTrigger.request("r-2"));

        assertThat(world.make(command)).isEqualTo(first);
        world.restart();
        assertThat(world.make(command)).isEqualTo(first);
        assertThat(world.make(SnapshotTrigger.request("r-2"))).isEqualTo(ofRequests);

        assertThat(world.registered).hasSize(2);
    }

    // --- refused before anything is begun

    @Test
    void sourceServerWithoutVolumesIsRefusedBeforeItCostsACredit() throws Exception {
        world.volumes = List.of();

        SnapshotResult result = world.make();

        assertThat(result.outcome()).isEqualTo(SnapshotOutcome.NOT_ASSIGNED);
        assertThat(result.sentence()).isEqualTo("no volume of source server s-1 is assigned to this server");
        assertThat(world.steps).containsExactly("NOT_ASSIGNED");
    }

    @Test
    void volumeThatIsAnImageFileIsRefusedBeforeItCostsACredit() throws Exception {
        world.volumes = List.of(new VolumeAssignment(volume(0), "/dev/sda", Path.of("/var/volumes/a.img"), 1, false));

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.NOT_ON_EBS, 0);
        assertThat(result.sentence())
                .isEqualTo("volume " + volume(0)
                        + " of disk /dev/sda is no EBS volume: it is the file /var/volumes/a.img");
        assertThat(result.nextAction()).endsWith("Without a path volume.discovery=nvme finds it by its serial number.");
        assertThat(world.steps).containsExactly("NOT_ON_EBS");
    }

    @Test
    void volumeWhoseIdIsNoneOfEbsIsRefused() throws Exception {
        world.volumes = List.of(new VolumeAssignment("data-1", "/dev/sda", Path.of("/dev/xvdf"), 1, false));

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.NOT_ON_EBS, 0);
        assertThat(result.sentence()).contains("volume data-1 of disk /dev/sda").contains("its id is not vol-");
    }

    @Test
    void volumeThatIsNotOpenIsRefusedBeforeItCostsACredit() throws Exception {
        world.notOpen = "volume " + volume(0) + " of disk /dev/sda is not open: no NVMe device";

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.NOT_HELD, 0);
        assertThat(result.sentence()).isEqualTo(world.notOpen);
        assertThat(world.steps).containsExactly("credits", "NOT_HELD");
    }

    @Test
    void sourceServerThatIsNotAssignedIsRefusedAndIsNoFailure() throws Exception {
        SnapshotResult result = world.maker
                .make("s-2", List.of(SnapshotTrigger.command("c-1")))
                .toCompletableFuture()
                .join();

        assertThat(result.outcome()).isEqualTo(SnapshotOutcome.NOT_ASSIGNED);
        assertThat(world.standings).isEmpty();
    }

    @Test
    void withoutCreditNothingIsStartedAndTheNextOneIsTold() throws Exception {
        world.credits = 0;

        SnapshotResult result = world.make();

        assertThat(result.outcome()).isEqualTo(SnapshotOutcome.NO_CREDIT);
        assertThat(result.sentence()).contains("the next at 2026-05-01T00:10:00Z");
        assertThat(world.steps).containsExactly("credits", "NO_CREDIT");
        assertThat(world.standings).as("to wait for a credit is no failure").isEmpty();
    }

    @Test
    void sourceThatCannotBeHeldSaysWhy() throws Exception {
        world.notHeld = new NotHeld(Cause.COMMIT_TIMEOUT, "no commit came within 5 s");

        SnapshotResult result = world.make();

        assertThat(result.outcome()).isEqualTo(SnapshotOutcome.NOT_HELD);
        assertThat(result.sentence()).contains("(COMMIT_TIMEOUT): no commit came within 5 s");
        assertThat(trouble().reason()).isEqualTo(result.sentence());
        assertThat(world.ec2.snapshots()).isEmpty();
        assertThat(world.store.groups()).isEmpty();
    }

    @Test
    void holdThatIsRefusedBecauseTheServerStopsIsNoFailure() throws Exception {
        world.notHeld = new NotHeld(Cause.SHUTDOWN, "the server stops");

        assertThat(world.make().outcome()).isEqualTo(SnapshotOutcome.STOPPED);
        assertThat(world.standings).isEmpty();
    }

    @Test
    void deadEndpointIsFoundBeforeWritesAreHeldAndItsAddressIsTold() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            world.endpoint = URI.create("https://127.0.0.1:" + taken.getLocalPort());
        }
        world.restart();

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.EC2_UNREACHABLE, 0);
        assertThat(result.sentence())
                .contains("EC2 at " + world.endpoint + " cannot be reached")
                .contains("refused");
        assertThat(result.nextAction()).contains(world.endpoint.toString());
        assertThat(world.steps).doesNotContain("hold");
    }

    // --- requests that EC2 turns away

    @Test
    void throttledRequestsAreTriedAgainWhileTheHoldLives() throws Exception {
        world.ec2.failCreate(volume(0), THROTTLED, THROTTLED, THROTTLED);
        world.ec2.failCreate(volume(2), THROTTLED);

        SnapshotResult result = world.make();

        assertThat(result.isMade()).as(result.sentence()).isTrue();
        assertThat(world.ec2.count("CreateSnapshot", volume(0))).isEqualTo(4);
        assertThat(world.ec2.snapshots()).hasSize(3);
    }

    @Test
    void requestsThatAreThrottledForAsLongAsTheHoldLivesEndTheGroup() throws Exception {
        world.hold = Duration.ofSeconds(3);
        world.restart();
        for (int i = 0; i < 100; i++) {
            world.ec2.failCreate(volume(1), THROTTLED);
        }

        SnapshotResult result = world.make();

        assertThat(result.outcome()).isIn(SnapshotOutcome.EC2_THROTTLED, SnapshotOutcome.HOLD_EXPIRED);
        assertAbandoned(result, result.outcome(), 2);
        assertThat(world.ec2.count("CreateSnapshot", volume(1))).isGreaterThan(1);
    }

    @Test
    void secondSnapshotOfAVolumeWithinSecondsIsTriedAgain() throws Exception {
        world.ec2.failCreate(
                volume(1),
                new Fault.Refusal(
                        400,
                        "SnapshotCreationPerVolumeRateExceeded",
                        "The maximum per volume CreateSnapshot request rate has been exceeded."));

        SnapshotResult result = world.make();

        assertThat(result.isMade()).as(result.sentence()).isTrue();
        assertThat(world.ec2.count("CreateSnapshot", volume(1))).isEqualTo(2);
        assertThat(world.pauses).hasSize(1);
    }

    @Test
    void oneOfThreeVolumesThatIsRefusedEndsTheGroupAndTheOthersAreTold() throws Exception {
        world.ec2.failCreate(
                volume(1), new Fault.Refusal(400, "ConcurrentSnapshotLimitExceeded", "Maximum of 5 pending snapshots"));

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.EC2_REFUSED, 2);
        assertThat(result.sentence())
                .contains("CreateSnapshot of " + volume(1))
                .contains("400 ConcurrentSnapshotLimitExceeded: Maximum of 5 pending snapshots")
                .contains("left over, and for the control plane to delete");
        assertThat(world.ec2.count("CreateSnapshot", volume(1)))
                .as("what is refused is not tried again")
                .isEqualTo(1);
    }

    @Test
    void afterAFailureNoFurtherRequestIsBegun() throws Exception {
        world.volumes = SnapshotWorld.volumes(60);
        for (int i = 0; i < 60; i++) {
            world.ec2.failCreate(volume(i), new Fault.Refusal(403, "UnauthorizedOperation", "not you"));
        }

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.ACCESS_DENIED, 0);
        assertThat(world.ec2.count("CreateSnapshot", null)).isLessThan(60);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ec2:CreateTags", "ec2:CreateSnapshot"})
    void actionThatTheRoleMissesIsNamed(String action) throws Exception {
        world.ec2.failCreate(
                volume(0),
                new Fault.Refusal(
                        403,
                        "UnauthorizedOperation",
                        "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/r/i is not authorized to"
                                + " perform: " + action + " on resource: arn:aws:ec2:us-east-1::snapshot/*"));

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.ACCESS_DENIED, 2);
        assertThat(result.nextAction())
                .contains("Allow " + action + " ")
                .contains("AWSApplicationMigrationServiceManaged");
        assertThat(world.ec2.count("CreateSnapshot", volume(0))).isEqualTo(1);
    }

    // --- requests of which nobody knows what became

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void snapshotThatWasMadeThoughTheAnswerWasLostIsNotMadeTwice(boolean shownLate) throws Exception {
        world.ec2.hideNewFor(shownLate ? 1 : 0);
        world.ec2.failCreate(volume(1), new Fault.Cut(true));

        SnapshotResult result = world.make();

        assertThat(result.isMade()).as(result.sentence()).isTrue();
        assertThat(world.ec2.snapshotsOf(volume(1))).hasSize(1);
        assertThat(world.ec2.count("CreateSnapshot", volume(1))).isEqualTo(1);
        assertThat(result.snapshotIds())
                .contains(world.ec2.snapshotsOf(volume(1)).getFirst().id);
    }

    @Test
    void snapshotThatWasNotMadeIsAskedForAgainOnceEc2HasSaidSo() throws Exception {
        world.ec2.failCreate(volume(1), new Fault.Cut(false));

        SnapshotResult result = world.make();

        assertThat(result.isMade()).as(result.sentence()).isTrue();
        assertThat(world.ec2.count("CreateSnapshot", volume(1))).isEqualTo(2);
        assertThat(world.ec2.snapshotsOf(volume(1))).hasSize(1);
        assertThat(world.ec2.count("DescribeSnapshots", null))
                .as("before the hold, then three looks")
                .isGreaterThanOrEqualTo(4);
        assertThat(world.pauses)
                .as("before each look, since EC2 may show a snapshot late")
                .containsExactly(Duration.ZERO, Duration.ofSeconds(1), Duration.ofSeconds(2));
    }

    @Test
    void internalErrorOfEc2IsLookedIntoBeforeItIsTriedAgain() throws Exception {
        world.ec2.failCreate(volume(0), INTERNAL);

        SnapshotResult result = world.make();

        assertThat(result.isMade()).as(result.sentence()).isTrue();
        assertThat(world.ec2.snapshots()).hasSize(3);
        assertThat(world.ec2.count("DescribeSnapshots", null)).isGreaterThanOrEqualTo(4);
    }

    @Test
    void requestIsNotRepeatedIfEc2DoesNotTellWhetherItWasCarriedOut() throws Exception {
        world.ec2.failCreate(volume(1), new Fault.Cut(true));
        // The question before the hold is answered, those after the lost answer are not.
        world.ec2.failDescribe(Fault.NONE, INTERNAL, INTERNAL, INTERNAL);

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.EC2_FAULT, 3);
        assertThat(world.ec2.count("CreateSnapshot", volume(1))).isEqualTo(1);
    }

    // --- the hold

    @Test
    void ec2ThatDoesNotAnswerWhileTheHoldLivesEndsTheGroupAndTheHoldInTime() throws Exception {
        world.hold = Duration.ofSeconds(3);
        world.restart();
        world.ec2.failCreate(volume(2), new Fault.Hang(true));
        long begun = System.nanoTime();

        SnapshotResult result = world.make();

        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(12));
        assertAbandoned(result, SnapshotOutcome.HOLD_EXPIRED, 3);
        assertThat(result.sentence()).contains("2 of 3 snapshots were made by then");
    }

    /** What became of a request that hung is asked for after its hold, and a place is kept as long. */
    @Test
    void groupThatFindsNoPlaceToRequestWhileItsHoldLivesEndsWithIt() throws Exception {
        world.hold = Duration.ofSeconds(3);
        world.restart();
        List<CompletableFuture<SnapshotResult>> slow = new ArrayList<>();
        for (int i = 0; i < SnapshotMaker.GROUPS_PARALLEL_MAX; i++) {
            world.ec2.failCreate(volume(2), new Fault.Hang(true));
            world.others.add("other-" + i);
            slow.add(world.maker
                    .make("other-" + i, List.of(SnapshotTrigger.command("c-" + i)))
                    .toCompletableFuture());
        }
        Awaitility.await("requests that hang")
                .atMost(PATIENCE)
                .until(() -> world.ec2.count("CreateSnapshot", volume(2)) >= SnapshotMaker.GROUPS_PARALLEL_MAX);
        CompletableFuture<SnapshotResult> last =
                world.maker.make("s-1", List.of(SnapshotTrigger.command("c-1"))).toCompletableFuture();
        Awaitility.await("the last hold")
                .atMost(PATIENCE)
                .until(() -> world.steps.stream().filter("hold"::equals).count() > SnapshotMaker.GROUPS_PARALLEL_MAX);
        slow.forEach(group -> world.ec2.failDescribe(new Fault.Hang(true)));

        SnapshotResult result = last.join();

        assertThat(result.outcome()).as(result.sentence()).isEqualTo(SnapshotOutcome.HOLD_EXPIRED);
        assertThat(result.sentence()).contains(SnapshotMaker.GROUPS_PARALLEL_MAX + " other groups requested");
        assertThat(result.snapshotIds()).isEmpty();
        world.ec2.close(); // which ends what hangs
        slow.forEach(CompletableFuture::join);
        assertThat(world.steps.stream().filter("release"::equals)).hasSize(SnapshotMaker.GROUPS_PARALLEL_MAX + 1);
    }

    @Test
    void groupUnderAHoldThatHasExpiredIsNotRegisteredAlthoughAllSnapshotsAreThere() throws Exception {
        world.holdIsValid = false;

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.HOLD_EXPIRED, 3);
        assertThat(result.sentence()).contains("not of one moment");
    }

    // --- faults

    @Test
    void faultOfOneGroupDoesNotKeepTheNextOneOfTheSourceServerWaiting() throws Exception {
        world.tellFailure = new IllegalStateException("nobody listens");
        CompletableFuture<SnapshotResult> first =
                world.maker.make("s-1", List.of(SnapshotTrigger.command("c-1"))).toCompletableFuture();
        CompletableFuture<SnapshotResult> second =
                world.maker.make("s-1", List.of(SnapshotTrigger.command("c-2"))).toCompletableFuture();

        assertThat(first.get(30, TimeUnit.SECONDS).outcome()).isEqualTo(SnapshotOutcome.FAULT);
        assertThat(second.get(30, TimeUnit.SECONDS).isMade()).isTrue();
    }

    @Test
    void afterAFaultTheSnapshotsThatAreLeftOverAreTold() throws Exception {
        world.releaseFailure = new IllegalStateException("no event loop");

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.FAULT, 3);
        assertThat(result.sentence()).contains("no event loop");
    }

    @Test
    void faultOfOneRequestCutsOffNoOther() throws Exception {
        world.ec2.failCreate(volume(0), new Fault.Cut(false));
        // What it is asked for then makes no sense, since it names no volume.
        world.ec2.failDescribe(
                Fault.NONE,
                new Fault.Answer("<snapshotSet><item><snapshotId>snap-0</snapshotId></item>" + "</snapshotSet>"));

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.FAULT, 2);
    }

    @Test
    void answerThatNamesNoSnapshotIsNotTakenForOne() throws Exception {
        world.ec2.failCreate(volume(0), new Fault.Answer(""));

        SnapshotResult result = world.make();

        assertThat(result.isMade()).as(result.sentence()).isTrue();
        assertThat(result.snapshotIds()).allMatch(id -> id.startsWith("snap-"));
        assertThat(world.ec2.count("CreateSnapshot", volume(0))).isEqualTo(2);
    }

    @Test
    void whoeverDeletesWhatIsLeftOverIsToldIfEc2DoesNotSayThatItIsAll() throws Exception {
        world.ec2.failCreate(volume(1), new Fault.Cut(true));
        world.ec2.failDescribe(Fault.NONE, INTERNAL, INTERNAL, INTERNAL, INTERNAL);

        SnapshotResult result = world.make();

        assertThat(result.outcome()).isEqualTo(SnapshotOutcome.EC2_FAULT);
        assertThat(result.snapshotIds()).hasSize(2);
        assertThat(world.ec2.snapshots()).hasSize(3);
        assertThat(result.sentence())
                .contains("what else there may be has the tag ReplicationSnapshotGroupId=sg-1")
                .contains("500 InternalError");
    }

    @Test
    void groupThatCannotBeKeptTakesNoPlaceAmongThoseThatAreNotOver() throws Exception {
        world.breakStateDirectory();

        SnapshotResult result = world.make();

        assertThat(result.outcome()).isEqualTo(SnapshotOutcome.NOT_KEPT);
        assertThat(result.nextAction()).isEqualTo("Look at the file system of the state directory.");
        assertThat(world.store.groups()).isEmpty();
    }

    @Test
    void groupThatWaitsForItsTurnWhenTheServerStopsIsNotBegun() throws Exception {
        world.ec2.failCreate(volume(1), new Fault.Hang(false));
        world.hold = Duration.ofSeconds(3);
        world.restart();
        world.maker.make("s-1", List.of(SnapshotTrigger.command("c-1")));
        CompletableFuture<SnapshotResult> second =
                world.maker.make("s-1", List.of(SnapshotTrigger.command("c-2"))).toCompletableFuture();
        Awaitility.await("snapshots")
                .atMost(PATIENCE)
                .until(() -> world.ec2.snapshots().size() == 2);

        world.stop();

        assertThat(second.get(1, TimeUnit.SECONDS).outcome()).isEqualTo(SnapshotOutcome.STOPPED);
        assertThat(world.steps).containsOnlyOnce("start");
    }

    // --- registration

    @Test
    void groupWhoseRegistrationCannotBeKeptIsTold() throws Exception {
        world.registerFailure = new IOException("No space left on device");

        SnapshotResult result = world.make();

        assertAbandoned(result, SnapshotOutcome.NOT_KEPT, 3);
        assertThat(result.sentence()).contains("No space left on device");
    }

    // --- trouble and its end

    @Test
    void failuresAreCountedFromTheFirstUntilAGroupIsMade() throws Exception {
        world.ec2.failCreate(volume(0), new Fault.Refusal(400, "IncorrectState", "x"));
        world.make();
        long since = trouble().sinceMillis();
        world.ec2.failCreate(volume(0), new Fault.Refusal(400, "IncorrectState", "x"));
        world.make();
        assertThat(trouble().failures()).isEqualTo(2);
        assertThat(trouble().sinceMillis()).isEqualTo(since);

        world.restart();
        assertThat(trouble().failures()).as("kept over restarts").isEqualTo(2);
        world.make();

        assertThat(world.standing().trouble()).isNull();
    }

    @Test
    void snapshotThatEndsInAnErrorIsToldUntilAGroupIsComplete() throws Exception {
        world.make();
        Ec2Stub.Snapshot bad = world.ec2.snapshots().getFirst();
        bad.message = "Given key ID is not accessible";
        bad.state = "error";
        Awaitility.await("the error")
                .atMost(PATIENCE)
                .until(() -> world.standing().trouble() != null);
        assertThat(trouble().reason())
                .contains(bad.id)
                .contains("registered group sg-1 must not be launched")
                .contains("Given key ID is not accessible");
        assertThat(world.steps).last().isEqualTo("SNAPSHOT_ERROR");

        world.make();
        assertThat(world.standing().trouble())
                .as("that a group is made does not show that it will be complete")
                .isNotNull();
        world.ec2.snapshots().stream().filter(one -> one != bad).forEach(one -> one.state = "completed");

        Awaitility.await("completion")
                .atMost(PATIENCE)
                .until(() -> world.standing().trouble() == null);
        assertThat(world.standing().lastMillis()).isPositive();
    }

    @Test
    void snapshotThatSomebodyHasDeletedEndsItsGroup() throws Exception {
        world.make();
        String id = world.ec2.snapshots().getFirst().id;
        world.ec2.snapshots().removeFirst();
        world.stop();
        world.clock = Clock.offset(Clock.systemUTC(), SnapshotFollower.MISSING_MAX.plusSeconds(1));
        world.start();

        Awaitility.await("the error")
                .atMost(PATIENCE)
                .until(() -> world.standing().trouble() != null);
        assertThat(trouble().reason()).contains(id).contains("is not known to EC2 any more");
    }

    @Test
    void groupOfWhichEc2WasAskedInVainForDaysIsNotSaidToBeGone() throws Exception {
        world.make();
        world.stop();
        world.clock = Clock.offset(Clock.systemUTC(), SnapshotFollower.FOLLOWED_MAX.plusSeconds(1));
        world.ec2.failDescribe(new Fault.Refusal(403, "UnauthorizedOperation", "not you"));
        world.start();

        Awaitility.await("the trouble")
                .atMost(PATIENCE)
                .until(() -> world.standing().trouble() != null);
        assertThat(trouble().reason())
                .contains("registered group sg-1 is not known to be complete; for 72 h EC2 was asked in vain")
                .contains("403 UnauthorizedOperation");
        assertThat(trouble().nextAction()).contains("Allow ec2:DescribeSnapshots");
    }

    // --- a process that ends in the middle

    @Test
    void groupThatWasBegunByAnEarlierProcessIsToldWithItsSnapshotsAndNeverRegistered() throws Exception {
        world.ec2.failCreate(volume(1), new Fault.Hang(false));
        world.maker.make("s-1", List.of(SnapshotTrigger.command("c-1"), SnapshotTrigger.request("r-1")));
        Awaitility.await("snapshots")
                .atMost(PATIENCE)
                .until(() -> world.ec2.snapshots().size() == 2);

        world.restart();

        SnapshotResult ofCommand = world.make(SnapshotTrigger.command("c-1"));
        assertThat(ofCommand.outcome()).as("a command is tried once").isEqualTo(SnapshotOutcome.INTERRUPTED);
        Awaitility.await("the trouble")
                .atMost(PATIENCE)
                .until(() -> world.standing().trouble() != null);
        assertThat(trouble().reason())
                .contains("cut short by the end of this server's process")
                .contains(world.ec2.snapshots().get(0).id, world.ec2.snapshots().get(1).id);
        assertThat(world.registered).isEmpty();
        assertThat(world.make(SnapshotTrigger.request("r-1")).isMade())
                .as("a request stays until it is served")
                .isTrue();
    }

    @Test
    void groupThatWasMadeByAnEarlierProcessIsRegisteredByTheNext() throws Exception {
        world.make(SnapshotTrigger.command("c-1"));
        SnapshotGroup group = world.registered.getFirst();
        SnapshotGroup made = SnapshotGroup.begun("sg-1", "s-1", group.triggers(), group.begunMillis())
                .made(group.epoch(), group.markMillis(), group.takenMillis(), group.snapshots());
        world.store.put(made).toCompletableFuture().join();
        world.registered.clear();

        world.restart();

        Awaitility.await("the registration").atMost(PATIENCE).until(() -> !world.registered.isEmpty());
        assertThat(world.registered.getFirst()).isEqualTo(made);
        assertThat(world.make(SnapshotTrigger.command("c-1")).isMade()).isTrue();
        assertThat(world.ec2.snapshots()).hasSize(3);
    }

    @Test
    void whatTheNextProcessIsAskedForWaitsForTheGroupThatItRegistersFirst() throws Exception {
        world.make(SnapshotTrigger.command("c-1"));
        SnapshotGroup group = world.registered.getFirst();
        world.stop();
        world.rewind("sg-1", group);
        world.registering = new CompletableFuture<>();
        world.start();

        CompletableFuture<SnapshotResult> again =
                world.maker.make("s-1", List.of(SnapshotTrigger.command("c-1"))).toCompletableFuture();
        Awaitility.await("the registration").atMost(PATIENCE).until(() -> world.registered.size() == 2);
        world.registering.complete(null);

        assertThat(again.get(30, TimeUnit.SECONDS).isMade()).isTrue();
        assertThat(world.ec2.snapshots()).as("nothing is made twice").hasSize(3);
    }

    @Test
    void registeredGroupIsFollowedByTheNextProcess() throws Exception {
        world.make();
        world.stop();
        world.ec2.snapshots().forEach(one -> one.state = "completed");

        world.start();

        Awaitility.await("completion")
                .atMost(PATIENCE)
                .until(() -> world.standing().lastMillis() > 0);
    }
}
