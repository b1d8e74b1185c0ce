package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.replicationserver.receiver.session.SessionWorld.KIB;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.session.HoldAnswer.Cause;
import org.replicationserver.receiver.session.HoldAnswer.Held;
import org.replicationserver.receiver.session.HoldAnswer.NotHeld;

/** Holds are honest: what is told to be held is, and what was not left alone is told. */
class SlotHoldTest {
    private static final Duration COMMIT_TIMEOUT = Duration.ofSeconds(100);
    private static final Duration TIME_TO_LIVE = Duration.ofSeconds(20);
    private static final String AGENT = "0".repeat(32);

    private final SessionWorld world;
    private final List<TestAgent> streams = new ArrayList<>();

    SlotHoldTest() {
        world = new SessionWorld(2);
    }

    // --- what an agent does

    private TestAgent session(int disks, String... features) {
        TestAgent control = world.connect().hello(1, disks, AGENT, null, List.of(features));
        long generation = control.welcome().generation();
        streams.add(world.connect().attach(generation, 0));
        return control;
    }

    private TestAgent stream() {
        return streams.getLast();
    }

    private void sendEpoch(TestAgent control, long epoch) {
        control.openEpoch(epoch);
        stream().data(0, 0, 4 * KIB, (int) epoch, epoch);
        control.commit(epoch, stream().fence(epoch));
    }

    private void commitEpoch(TestAgent control, long epoch) {
        sendEpoch(control, epoch);
        world.writeAll();
    }

    private static boolean isCommitTold(TestAgent control) throws ProtocolException {
        return control.last(FrameType.EPOCH_STATUS).bool("committed");
    }

    // --- who wants a hold

    private CompletableFuture<HoldAnswer> hold() {
        CompletableFuture<HoldAnswer> answer = world.sessions
                .hold(SessionWorld.SOURCE, HoldRequest.ofSnapshotGroup(COMMIT_TIMEOUT, TIME_TO_LIVE))
                .toCompletableFuture();
        world.settle();
        return answer;
    }

    private Held held(CompletableFuture<HoldAnswer> answer) {
        world.writeAll();
        assertThat(answer).isCompletedWithValueMatching(Held.class::isInstance);
        return (Held) answer.join();
    }

    private static void assertNotHeld(CompletableFuture<HoldAnswer> answer, Cause cause, String words) {
        assertThat(answer).isCompletedWithValueMatching(NotHeld.class::isInstance);
        NotHeld not = (NotHeld) answer.join();
        assertThat(not.cause()).isEqualTo(cause);
        assertThat(not.text()).contains(words);
    }

    private HoldEnd release(Held held) {
        HoldEnd end = world.sessions.release(held.token());
        world.settle();
        return end;
    }

    // --- a hold that goes well

    @Test
    void volumesAreHeldAtTheNextCommitWhoseAnswerWaitsForTheEndOfTheHold() throws Exception {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        sendEpoch(control, 1);
        assertThat(answer).isNotDone();

        Held held = held(answer);
        assertThat(held.epoch()).isEqualTo(1);
        assertThat(held.markTimeMillis()).isEqualTo(5);
        assertThat(held.volumes()).extracting(VolumeAssignment::volumeId).containsExactly("vol-0", "vol-1");
        assertThat(world.record().commit().epoch()).as("it is stored").isEqualTo(1);
        assertThat(isCommitTold(control)).isFalse();

        assertThat(release(held)).isEqualTo(HoldEnd.VALID);
        assertThat(isCommitTold(control)).isTrue();
    }

    @Test
    void nothingIsWrittenWhileVolumesAreHeldWhateverTheAgentSends() throws Exception {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 1);
        Held held = held(answer);
        byte[] before = world.content(0).clone();

        control.openEpoch(2);
        stream().data(0, 0, 4 * KIB, 99, 2);
        world.writeAll();
        assertThat(stream().errors()).containsExactly(ErrorCode.EPOCH);
        assertThat(world.content(0)).isEqualTo(before);
        assertThat(release(held)).isEqualTo(HoldEnd.VALID);
        assertThat(control.last(FrameType.EPOCH_STATUS).number64("epoch"))
                .as("the epoch is open now")
                .isEqualTo(2);
    }

    @Test
    void sessionThatOpensDuringAHoldOpensItsEpochAfterIt() throws Exception {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 1);
        Held held = held(answer);
        control.cut();

        TestAgent next = session(2);
        next.openEpoch(2);
        world.writeAll();
        assertThat(next.has(FrameType.EPOCH_STATUS)).isFalse();
        assertThat(release(held)).isEqualTo(HoldEnd.VALID);
        assertThat(isCommitTold(next)).isFalse();
        stream().data(0, 0, 4 * KIB, 3, 2);
        world.writeAll();
        assertThat(world.content(0)[0]).isEqualTo((byte) 3);
    }

    @Test
    void agentIsAskedForACommitOnlyIfItTakesRequests() {
        TestAgent control = session(2);
        hold();
        assertThat(control.has(FrameType.COMMIT_REQUEST)).isFalse();
        control.cut();

        TestAgent next = session(2, Features.COMMIT_REQUEST);
        assertThat(next.has(FrameType.COMMIT_REQUEST))
                .as("asked as soon as it comes")
                .isTrue();
    }

    @Test
    void whereNoAgentIsTheLastCommitIsHeldIfNothingWasWrittenSince() {
        TestAgent control = session(2);
        commitEpoch(control, 1);
        control.cut();
        Held held = held(hold());
        assertThat(held.epoch()).isEqualTo(1);
        assertThat(release(held)).isEqualTo(HoldEnd.VALID);

        TestAgent next = session(2);
        next.openEpoch(2);
        next.cut();
        CompletableFuture<HoldAnswer> answer = hold();
        world.writeAll();
        assertThat(answer).as("an epoch was opened").isNotDone();
        world.pass(COMMIT_TIMEOUT.toMillis() + 1000);
        assertNotHeld(answer, Cause.COMMIT_TIMEOUT, "no agent came");
    }

    @Test
    void volumeThatWasAnothersSinceTheCommitIsNotHeldAtIt() {
        TestAgent control = session(2);
        commitEpoch(control, 1);
        control.cut();
        SourceAssignment both = assignment("vol-0", "vol-1");
        world.assign(assignment("vol-0"), null);
        world.writeAll();
        world.assign(both, null);
        world.writeAll();
        CompletableFuture<HoldAnswer> answer = hold();
        world.writeAll();
        assertNotHeld(answer, Cause.VOLUME_NOT_SERVED, "vol-1 is not what it was at the commit of epoch 1");
    }

    private static SourceAssignment assignment(String... volumeIds) {
        return new SourceAssignment(
                SessionWorld.SOURCE,
                Stream.of(volumeIds)
                        .map(id -> new VolumeAssignment(
                                id, "/dev/sd" + id.charAt(4), Path.of(id), SessionWorld.VOLUME_BYTES, false))
                        .toList());
    }

    @Test
    void agentThatHasNothingNewIsWaitedForAndThenTheLastCommitIsHeld() {
        TestAgent control = session(2);
        commitEpoch(control, 1);
        CompletableFuture<HoldAnswer> answer = hold();
        world.pass(COMMIT_TIMEOUT.toMillis() - 1000);
        world.writeAll();
        assertThat(answer).isNotDone();
        world.pass(2000);
        assertThat(held(answer).epoch()).isEqualTo(1);
        control.openEpoch(2);
        assertThat(control.last(FrameType.EPOCH_STATUS).toString()).doesNotContain("\"epoch\":\"2\"");
    }

    // --- an end before the release

    @Test
    void holdThatIsNotReleasedInTimeEndsByItselfAndIsExpired() throws Exception {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 1);
        Held held = held(answer);
        world.pass(TIME_TO_LIVE.toMillis() + 1);
        assertThat(isCommitTold(control)).as("nobody waits for longer").isTrue();
        assertThat(release(held)).isEqualTo(HoldEnd.EXPIRED);
        assertThat(world.told).contains("hold ended 1 expired");
    }

    @Test
    void holdIsExpiredAfterItsTimeAlsoIfNobodyLookedAtTheClock() {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 1);
        Held held = held(answer);
        world.spend(TIME_TO_LIVE.toNanos() + 1);
        assertThat(release(held)).isEqualTo(HoldEnd.EXPIRED);
    }

    @Test
    void secondReleaseAndThatOfAnotherHoldSayExpired() {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> first = hold();
        commitEpoch(control, 1);
        Held held = held(first);
        assertThat(release(held)).isEqualTo(HoldEnd.VALID);
        assertThat(release(held)).isEqualTo(HoldEnd.EXPIRED);

        CompletableFuture<HoldAnswer> second = hold();
        commitEpoch(control, 2);
        Held newer = held(second);
        assertThat(release(held)).isEqualTo(HoldEnd.EXPIRED);
        assertThat(release(newer)).as("the other was left alone").isEqualTo(HoldEnd.VALID);
    }

    @Test
    void volumeThatIsReopenedDuringAHoldMakesItExpired() {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 1);
        Held held = held(answer);
        world.availability.put("vol-1", new VolumeHost.Availability.Unavailable("gone"));
        assertThat(world.sessions.reopen("vol-1")).isNotNull();
        world.writeAll();
        assertThat(release(held)).isEqualTo(HoldEnd.EXPIRED);
    }

    @Test
    void holdWhoseVolumesAreNotWhatTheyWereEndsAtOnce() throws Exception {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 1);
        Held held = held(answer);
        world.availability.put("vol-1", new VolumeHost.Availability.Unavailable("gone"));
        world.pass(1000);
        assertThat(world.told).contains("hold ended 1 expired");
        assertThat(isCommitTold(control)).as("nobody waits for its time").isTrue();
        assertThat(release(held)).isEqualTo(HoldEnd.EXPIRED);
    }

    @Test
    void sessionThatIsAskedToFinishIsToldOfItsCommitAtOnce() throws Exception {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 1);
        Held held = held(answer);
        world.sessions.shutdown();
        assertThat(isCommitTold(control)).isTrue();
        assertThat(release(held)).isEqualTo(HoldEnd.VALID);
    }

    @Test
    void sourceServerThatIsTakenAwayEndsItsHoldAndThatIsTold() {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 1);
        Held held = held(answer);
        world.sessions.unassign(SessionWorld.SOURCE);
        world.settle();
        assertThat(world.told).contains("hold ended 1 expired");
        assertThat(release(held)).isEqualTo(HoldEnd.EXPIRED);
    }

    // --- no hold

    @Test
    void fuzzyEpochIsNotHeld() {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        control.send(control.writer.json(FrameType.EPOCH_OPEN, new EpochOpen(1, true, 0)));
        control.commit(1, stream().fence(1));
        world.writeAll();
        assertNotHeld(answer, Cause.FUZZY, "epoch 1 is fuzzy");
    }

    @Test
    void commitThatDoesNotComeInTimeEndsTheWaiting() {
        TestAgent control = session(2);
        control.openEpoch(1);
        CompletableFuture<HoldAnswer> answer = hold();
        world.pass(COMMIT_TIMEOUT.toMillis() + 1000);
        assertNotHeld(answer, Cause.COMMIT_TIMEOUT, "within 100 s");
    }

    @Test
    void volumeThatWasNotInTheEpochIsNotHeld() {
        TestAgent control = session(1);
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 1);
        assertNotHeld(answer, Cause.VOLUME_NOT_SERVED, "vol-1 was not in epoch 1");
    }

    @Test
    void writerThatDoesNotComeToRestIsNotWaitedForForEver() throws Exception {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        sendEpoch(control, 1);
        world.write(0);
        assertThat(answer).as("the other volume's writer is stuck").isNotDone();
        world.pass(TIME_TO_LIVE.toMillis() + 1);
        assertNotHeld(answer, Cause.NOT_SETTLED, "within 20 s");
        assertThat(isCommitTold(control)).isTrue();
        world.writeAll();
        assertThat(held(nextHold(control)).epoch())
                .as("a late fence does no harm")
                .isEqualTo(2);
    }

    private CompletableFuture<HoldAnswer> nextHold(TestAgent control) {
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 2);
        return answer;
    }

    @Test
    void thereIsOneHoldOfASourceServer() {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> first = hold();
        assertNotHeld(hold(), Cause.ALREADY_HELD, "one is wanted for a snapshot group already");
        commitEpoch(control, 1);
        assertThat(held(first).epoch()).isEqualTo(1);
        assertNotHeld(hold(), Cause.ALREADY_HELD, "it is held at epoch 1 until ");
    }

    // --- who asked has gone

    @Test
    void wishThatIsWithdrawnWhileACommitIsWaitedForHoldsNothingAndMakesRoom() throws Exception {
        TestAgent control = session(2);
        assertThat(hold().cancel(false)).isTrue();
        world.pass(1000);
        CompletableFuture<HoldAnswer> next = hold();
        assertThat(next).as("it is waited for").isNotDone();
        commitEpoch(control, 1);
        assertThat(held(next).epoch()).isEqualTo(1);
    }

    @Test
    void wishThatIsWithdrawnWhileVolumesSettleHoldsNothing() throws Exception {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        sendEpoch(control, 1);
        world.write(0);
        assertThat(answer.cancel(false)).isTrue();
        world.writeAll();
        assertThat(world.told).doesNotContain("held 1");
        assertThat(isCommitTold(control)).isTrue();
        assertThat(world.sessions.standingHold(SessionWorld.SOURCE)).isNull();
    }

    @Test
    void sourceServerThatIsNotAssignedOrIsTakenAwayIsNotHeld() {
        assertThat(world.sessions
                        .hold("s-none", HoldRequest.ofSnapshotGroup(COMMIT_TIMEOUT, TIME_TO_LIVE))
                        .toCompletableFuture())
                .isCompletedWithValueMatching(
                        answer -> answer instanceof NotHeld not && not.cause() == Cause.NOT_ASSIGNED);
        CompletableFuture<HoldAnswer> answer = hold();
        world.sessions.unassign(SessionWorld.SOURCE);
        world.settle();
        assertNotHeld(answer, Cause.SHUTDOWN, "being taken");
    }

    @Test
    void sourceServerWhoseVolumesAreTakenAwayWhileACommitIsWaitedForIsNotHeld() {
        TestAgent control = session(2);
        commitEpoch(control, 1);
        CompletableFuture<HoldAnswer> answer = hold();
        world.assign(assignment(), null);
        world.writeAll();
        world.pass(COMMIT_TIMEOUT.toMillis() + 1000);
        world.writeAll();
        assertNotHeld(answer, Cause.NOT_ASSIGNED, "no volume is assigned");
    }

    @Test
    void serverThatStopsHoldsNothing() {
        session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        world.sessions.shutdown();
        assertNotHeld(answer, Cause.SHUTDOWN, "about to stop");
        assertNotHeld(hold(), Cause.SHUTDOWN, "about to stop");
    }

    // --- what is told meanwhile

    @Test
    void standingHoldIsToldWithItsEndAndOnlyWhileItIsThere() {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = world.sessions.hold(SessionWorld.SOURCE, HoldRequest.byHand(20, 100));
        world.settle();
        assertThat(world.sessions.standingHold(SessionWorld.SOURCE)).isNull();
        commitEpoch(control, 1);
        Held held = held(answer);
        StandingHold standing = Objects.requireNonNull(world.sessions.standingHold(SessionWorld.SOURCE));
        assertThat(standing).isEqualTo(held.hold());
        assertThat(standing.origin()).isEqualTo(HoldRequest.Origin.BY_HAND);
        assertThat(standing.epoch()).isEqualTo(1);
        assertThat(standing.untilMillis()).isEqualTo(world.wallMillis() + 20_000);
        assertThat(release(held)).isEqualTo(HoldEnd.VALID);
        assertThat(world.sessions.standingHold(SessionWorld.SOURCE)).isNull();
        assertThat(world.sessions.standingHold("s-none")).isNull();
    }

    @Test
    void holdByHandHasBounds() {
        assertThatThrownBy(() -> HoldRequest.byHand(0, 1)).hasMessage("seconds=0; allowed: 1 to 600");
        assertThatThrownBy(() -> HoldRequest.byHand(601, 1)).hasMessage("seconds=601; allowed: 1 to 600");
        assertThatThrownBy(() -> HoldRequest.byHand(1, 3601))
                .hasMessage("commit-timeout-seconds=3601; allowed: 1 to 3600");
        assertThat(HoldRequest.byHand(600, 3600).timeToLive()).isEqualTo(Duration.ofMinutes(10));
    }

    @Test
    void agentThatWaitsForTheEndOfAHoldIsToldSoAndTheTimeIsCounted() throws Exception {
        TestAgent control = session(2);
        CompletableFuture<HoldAnswer> answer = hold();
        commitEpoch(control, 1);
        Held held = held(answer);
        world.pass(5500);
        assertThat(control.last(FrameType.PROGRESS).string("waitingFor", 1, 20)).isEqualTo("HOLD");
        assertThat(release(held)).isEqualTo(HoldEnd.VALID);
        world.pass(5500);
        assertThat(Objects.requireNonNull(world.sessions.clocks(SessionWorld.SOURCE))
                        .holdNanos())
                .isEqualTo(5_500_000_000L);
    }
}
