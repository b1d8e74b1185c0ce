package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.time.DayOfWeek;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.testing.FailingDevice;
import org.replicationserver.volume.testing.ForwardingDevice;

/** The rules of a session, one by one. */
class SourceSessionTest {
    private static final int KIB = 1024;
    private static final int MIB = 1024 * KIB;
    private static final int REGION = 1 << SessionWorld.REGION_SHIFT;
    private static final int EIO = 5;

    /** A session with as many streams as asked for, attached, and epoch 1 open. */
    private static final class Open {
        final SessionWorld world;
        final TestAgent control;
        final List<TestAgent> streams;

        Open(SessionWorld world, int streamCount, int disks) {
            this.world = world;
            this.control = world.connect().hello(streamCount, disks);
            long generation = control.welcome().generation();
            this.streams = java.util.stream.IntStream.range(0, streamCount)
                    .mapToObj(i -> world.connect().attach(generation, i))
                    .toList();
            control.openEpoch(1);
            assertThat(control.has(FrameType.EPOCH_STATUS)).isTrue();
        }

        TestAgent stream(int number) {
            return streams.get(number);
        }
    }

    private static Open open(int streams, int disks) {
        return new Open(new SessionWorld(disks), streams, disks);
    }

    private static boolean committed(TestAgent control) throws ProtocolException {
        return control.last(FrameType.EPOCH_STATUS).bool("committed");
    }

    @Test
    void generationIsStoredBeforeWelcome() {
        SessionWorld world = new SessionWorld(1);
        world.holdStores();
        TestAgent control = world.connect().hello(1, 1);
        assertThat(control.has(FrameType.WELCOME)).isFalse();

        world.storeRecords();
        assertThat(control.welcome().generation()).isEqualTo(1);
        assertThat(world.record().generation()).isEqualTo(1);
    }

    @Test
    void generationIsGreaterThanTheStoredAndTheRememberedOne() {
        SessionWorld world = new SessionWorld(1);
        assertThat(world.connect().hello(1, 1).welcome().generation()).isEqualTo(1);
        Hello.Remembered remembered = new Hello.Remembered(41, List.of());
        TestAgent second = world.connect().hello(1, 1, "0".repeat(32), remembered);
        assertThat(second.welcome().generation()).isEqualTo(42);
        assertThat(world.connect().hello(1, 1).welcome().generation()).isEqualTo(43);
    }

    @Test
    void acknowledgementIsWithheldUntilTheVolumeHasForced() {
        Open open = open(1, 1);
        long seq = open.stream(0).data(0, 0, 4 * KIB, 7, 1);
        open.world.pass(6000);
        assertThat(open.stream(0).acknowledgements).isPositive();
        assertThat(open.stream(0).durable(0)).isLessThan(seq);

        open.world.write(0);
        assertThat(open.stream(0).durable(0)).isEqualTo(seq);
        assertThat(open.world.content(0)[4 * KIB - 1]).isEqualTo((byte) 7);
    }

    @Test
    void windowGrowsOnlyByWhatIsDurable() {
        Open open = open(1, 1);
        int window = open.stream(0).attached().windowBytes();
        for (int sent = 0; sent < window; sent += MIB) {
            open.stream(0).data(0, sent % SessionWorld.VOLUME_BYTES, MIB, 1, 1);
        }
        open.stream(0).data(0, 0, 512, 2, 1);
        assertThat(open.stream(0).errors()).containsExactly(ErrorCode.LIMIT);

        Open again = open(1, 1);
        again.stream(0).data(0, 0, MIB, 1, 1);
        again.world.write(0);
        assertThat(again.stream(0).limitBytes).containsEntry(0, (long) window + MIB);
    }

    @Test
    void moreUnacknowledgedFramesThanAllowedAreRefused() {
        Open open = open(1, 1);
        for (int i = 0; i < ProtocolLimits.UNACKED_FRAMES_MAX; i++) {
            open.stream(0).data(0, i * 512L, 512, 1, 1);
        }
        assertThat(open.stream(0).errors()).isEmpty();
        open.stream(0).data(0, 0, 512, 1, 1);
        assertThat(open.stream(0).errors()).containsExactly(ErrorCode.LIMIT);
    }

    @Test
    void zeroCountsFourKibibytesOfTheWindow() {
        Open open = open(1, 1);
        open.stream(0).zero(0, 0, REGION, 1);
        open.world.write(0);
        assertThat(open.stream(0).limitBytes)
                .containsEntry(0, (long) open.stream(0).attached().windowBytes() + 4 * KIB);
    }

    @Test
    void commitIsAnsweredOnlyWhenEveryFenceCameAndAllBeforeIsDurableAndStored() throws ProtocolException {
        Open open = open(2, 1);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.stream(1).data(0, REGION, 4 * KIB, 2, 1);
        long fence0 = open.stream(0).fence(1);
        open.control.commit(1, fence0, 3L);
        open.world.write(0);
        assertThat(committed(open.control)).as("a fence is missing").isFalse();

        open.world.holdStores();
        assertThat(open.stream(1).fence(1)).isEqualTo(3);
        assertThat(committed(open.control)).as("the record is not stored").isFalse();

        open.world.storeRecords();
        assertThat(committed(open.control)).isTrue();
        assertThat(open.world.record().commit().epoch()).isEqualTo(1);
    }

    @Test
    void commitWaitsForFramesBeforeTheFence() throws ProtocolException {
        Open open = open(1, 1);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.control.commit(1, open.stream(0).fence(1));
        assertThat(committed(open.control)).isFalse();
        open.world.write(0);
        assertThat(committed(open.control)).isTrue();
    }

    @Test
    void seqThatIsNoFenceCommitsNothing() throws ProtocolException {
        Open open = open(1, 1);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.world.write(0);
        long fence = open.stream(0).fence(1);
        open.control.commit(1, fence - 1);
        assertThat(open.control.errors()).containsExactly(ErrorCode.EPOCH);
        open.control.commit(1, fence);
        assertThat(committed(open.control)).as("corrected").isTrue();
    }

    @Test
    void frameOfAnEpochThatIsNotOpenIsNeverAcknowledgedAndSpoilsTheCommit() throws ProtocolException {
        Open open = open(1, 1);
        long dropped = open.stream(0).data(0, 0, 4 * KIB, 1, 9);
        long later = open.stream(0).data(0, 4 * KIB, 4 * KIB, 2, 1);
        open.world.write(0);
        assertThat(open.stream(0).errors()).containsExactly(ErrorCode.EPOCH);
        assertThat(open.stream(0).durable(0)).isLessThan(dropped).isLessThan(later);
        assertThat(open.world.content(0)[0]).as("not written").isZero();

        open.control.commit(1, open.stream(0).fence(1));
        open.world.write(0);
        assertThat(open.control.errors()).containsExactly(ErrorCode.EPOCH);
        assertThat(committed(open.control)).isFalse();
    }

    @Test
    void epochNotAboveTheCommittedOneIsRefused() {
        Open open = open(1, 1);
        open.control.commit(1, open.stream(0).fence(1));
        open.control.openEpoch(1);
        assertThat(open.control.errors()).containsExactly(ErrorCode.EPOCH);
    }

    @Test
    void noWriteOfTheOlderSessionReachesTheVolumeAfterWelcomeOfTheNewer() {
        Open older = open(1, 1);
        SessionWorld world = older.world;
        older.stream(0).data(0, 0, 4 * KIB, 1, 1);
        TestAgent newer = world.connect().hello(1, 1);
        assertThat(newer.has(FrameType.WELCOME))
                .as("the older one's writes have not ended")
                .isFalse();
        assertThat(older.control.errors()).containsExactly(ErrorCode.STALE_GENERATION);
        assertThat(older.stream(0).errors()).containsExactly(ErrorCode.STALE_GENERATION);

        world.write(0);
        assertThat(newer.has(FrameType.WELCOME)).isTrue();
        byte before = world.content(0)[0];
        world.write(0);
        assertThat(world.content(0)[0]).as("nothing is written after WELCOME").isEqualTo(before);
        assertThat(world.allocatedPayloads).isZero();
    }

    @Test
    void newerSessionWaitsAlsoForWritesOfASessionThatWasCut() {
        Open older = open(1, 1);
        older.stream(0).data(0, 0, 4 * KIB, 1, 1);
        older.stream(0).cut();
        TestAgent newer = older.world.connect().hello(1, 1);
        assertThat(newer.has(FrameType.WELCOME)).isFalse();
        older.world.pass(6000);
        assertThat(newer.has(FrameType.PROGRESS)).as("fencing is told").isTrue();
        older.world.write(0);
        assertThat(newer.has(FrameType.WELCOME)).isTrue();
    }

    @Test
    void helloThatIsRefusedDisturbsNoSession() {
        Open open = open(1, 1);
        TestAgent bad = open.world.connect().hello(1, 2);
        assertThat(bad.errors()).containsExactly(ErrorCode.FORBIDDEN);
        open.stream(0).data(0, 0, 512, 1, 1);
        open.world.write(0);
        assertThat(open.stream(0).durable(0)).isEqualTo(2);
    }

    @Test
    void oneEndEndsAll() {
        Open open = open(2, 1);
        open.stream(1).cut();
        assertThat(open.control.ended).isTrue();
        assertThat(open.stream(0).ended).isTrue();
        assertThat(open.stream(0).errors()).containsExactly(ErrorCode.STATE);
    }

    @Test
    void corruptBlockEndsTheSessionAndIsNotWritten() {
        Open open = open(1, 1);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1, 1);
        open.world.write(0);
        assertThat(open.stream(0).errors()).containsExactly(ErrorCode.INTEGRITY);
        assertThat(open.world.content(0)[0]).isZero();
        assertThat(open.world.allocatedPayloads).isZero();
    }

    @Test
    void threeCorruptBlocksInTenMinutesAreAnEvent() {
        SessionWorld world = new SessionWorld(1);
        for (int i = 0; i < 3; i++) {
            assertThat(world.told).doesNotContain("repeated corruption");
            Open open = new Open(world, 1, 1);
            open.stream(0).data(0, 0, 4 * KIB, 1, 1, 1);
            world.write(0);
        }
        assertThat(world.told).contains("repeated corruption");
    }

    @Test
    void failedVolumeHoldsBackItsOwnAcknowledgementOnly() {
        SessionWorld world = SessionWorld.withFirstDevice(2, device -> new FailingDevice(device).failWrite(1, EIO));
        Open open = new Open(world, 1, 2);
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
    void reopenedVolumeHasANewDataGenerationAndTheSessionBeginsAgain() {
        SessionWorld world = SessionWorld.withFirstDevice(1, device -> new FailingDevice(device).failWrite(1, EIO));
        Open open = new Open(world, 1, 1);
        String before = open.control.welcome().volumes().getFirst().dataGen();
        open.stream(0).data(0, 0, 512, 1, 1);
        world.write(0);
        assertThat(open.control.errors()).containsExactly(ErrorCode.VOLUME_FAILED);
        world.sessions.reopen("vol-0");
        world.settle();
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

    @Test
    void volumeThatHasNotFailedIsNotReopened() {
        Open open = open(1, 1);
        String before = open.control.welcome().volumes().getFirst().dataGen();
        open.world.sessions.reopen("vol-0");
        open.world.settle();
        assertThat(open.control.has(FrameType.GOAWAY)).isFalse();
        assertThat(open.world.record().volumes())
                .hasEntrySatisfying(
                        "vol-0", known -> assertThat(known.dataGen()).isEqualTo(before));
    }

    private static final String FIRST_AGENT = "0".repeat(32);
    private static final String OTHER_AGENT = "1".repeat(32);

    /** What becomes of an agent's first disk whose memory ends with this generation and epoch. */
    private static String answerTo(Open open, String instance, long generation, long committedEpoch) {
        String dataGen = open.control.welcome().volumes().getFirst().dataGen();
        Hello.Remembered remembered = new Hello.Remembered(
                generation, List.of(new Hello.RememberedDisk("/dev/sd0", dataGen, committedEpoch)));
        Welcome.Volume volume = open.world
                .connect()
                .hello(1, 1, instance, remembered)
                .welcome()
                .volumes()
                .getFirst();
        return volume.action() + " " + volume.reason();
    }

    @Test
    void agentThatRemembersTheSameDataGenerationResumes() {
        assertThat(answerTo(open(1, 1), FIRST_AGENT, 1, 0)).isEqualTo("RESUME NONE");
    }

    @Test
    void agentThatLostItsWelcomeResumes() {
        Open open = open(1, 1);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESUME NONE");
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESUME NONE");
    }

    /** Another agent with the same certificate; with an epoch it may have written. */
    private static void sessionOfAnother(Open open, boolean opensEpoch) {
        TestAgent other = open.world.connect().hello(1, 1, OTHER_AGENT, null);
        other.welcome();
        if (opensEpoch) {
            other.openEpoch(1);
        }
    }

    @Test
    void agentSendsEverythingAgainWhenAnotherMayHaveWrittenMeanwhile() {
        Open open = open(1, 1);
        sessionOfAnother(open, true);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESCAN AGENT_BEHIND");
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).as("the WELCOME was lost").isEqualTo("RESCAN AGENT_BEHIND");
        assertThat(answerTo(open, FIRST_AGENT, 4, 0)).as("it arrived").isEqualTo("RESUME NONE");
    }

    @Test
    void sessionThatOpenedNoEpochLeavesTheMemoryOfOthersGood() {
        Open open = open(1, 1);
        sessionOfAnother(open, false);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESUME NONE");
    }

    @Test
    void agentWhoseMemoryWentBackSendsEverythingAgain() {
        Open open = open(1, 1);
        TestAgent second = open.world.connect().hello(1, 1, FIRST_AGENT, null);
        second.welcome();
        second.openEpoch(1);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESCAN AGENT_BEHIND");
    }

    @Test
    void agentThatMissesMoreThanTheAnswerToItsLastCommitSendsEverythingAgain() {
        Open open = open(1, 1);
        commit(open, 1);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).as("the answer was lost").isEqualTo("RESUME NONE");
        open = open(1, 1);
        commit(open, 1);
        open.control.openEpoch(2);
        commit(open, 2);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESCAN AGENT_BEHIND");
    }

    private static void commit(Open open, long epoch) {
        open.control.commit(epoch, open.stream(0).fence(epoch));
        assertThat(open.world.record().commit().epoch()).isEqualTo(epoch);
    }

    @Test
    void epochOpensOnlyWhenTheRecordSaysThatTheSessionMayWrite() {
        SessionWorld world = new SessionWorld(1);
        TestAgent control = world.connect().hello(1, 1);
        TestAgent stream = world.connect().attach(control.welcome().generation(), 0);
        world.holdStores();
        control.openEpoch(1);
        assertThat(control.has(FrameType.EPOCH_STATUS)).isFalse();
        stream.data(0, 0, 512, 1, 1);
        assertThat(stream.errors()).as("not open yet").containsExactly(ErrorCode.EPOCH);
        world.storeRecords();
        assertThat(control.has(FrameType.EPOCH_STATUS)).isTrue();
        assertThat(world.record().writtenGeneration()).isEqualTo(1);
    }

    @Test
    void commitThatNamesNoFrameAsFenceCommitsNothing() {
        Open open = open(1, 1);
        open.control.commit(1, 0L);
        assertThat(open.control.errors()).containsExactly(ErrorCode.EPOCH);
        assertThat(open.world.record().commit().epoch()).isZero();
    }

    @Test
    void droppedFramesCountAsUnacknowledgedForTheRestOfTheSession() {
        Open open = open(1, 1);
        for (int i = 0; i < ProtocolLimits.UNACKED_FRAMES_MAX; i++) {
            open.stream(0).zero(0, 0, 512, 7);
        }
        assertThat(open.stream(0).ended).isFalse();
        open.stream(0).zero(0, 0, 512, 1);
        assertThat(open.stream(0).errors()).endsWith(ErrorCode.LIMIT);
    }

    @Test
    void lastAcknowledgementGoesOutHoweverFullTheSocketIs() {
        Open open = open(1, 1);
        long seq = open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.stream(0).writable = false;
        open.control.send(open.control.writer.json(FrameType.BYE, new Bye("done")));
        open.world.write(0);
        assertThat(open.stream(0).durable(0)).isEqualTo(seq);
    }

    @Test
    void sourceServerHasABoundedNumberOfConnections() {
        SessionWorld world = new SessionWorld(1);
        for (int i = 0; i < Sessions.CONNECTIONS_PER_SOURCE_MAX; i++) {
            assertThat(world.connect().ended).isFalse();
        }
        TestAgent oneMore = world.connect();
        assertThat(oneMore.errors()).containsExactly(ErrorCode.LIMIT);
        assertThat(oneMore.ended).isTrue();
        assertThat(world.sessions.connectionCount()).isEqualTo(Sessions.CONNECTIONS_PER_SOURCE_MAX);
    }

    @Test
    void stuckDeviceIsFencedOnceForAllWhoWait() {
        Open open = open(1, 1);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        TestAgent last = open.control;
        for (int i = 0; i < 1000; i++) {
            last = open.world.connect().hello(1, 1);
        }
        assertThat(last.has(FrameType.WELCOME)).isFalse();
        assertThat(last.welcome().generation()).isEqualTo(1001);
        assertThat(open.world.sessions.connectionCount()).isEqualTo(1);
    }

    @Test
    void shutdownDoesNotWaitForASessionThatIsOpening() {
        Open open = open(1, 1);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        TestAgent opening = open.world.connect().hello(1, 1);
        open.world.sessions.shutdown();
        assertThat(opening.errors()).containsExactly(ErrorCode.SHUTDOWN);
        assertThat(open.world.sessions.hasSessions()).isFalse();
    }

    @Test
    void unknownMembersAreCounted() {
        SessionWorld world = new SessionWorld(1);
        TestAgent agent = world.connect();
        JsonBody hello = new Hello(
                        List.of(1),
                        List.of(),
                        SessionWorld.SOURCE,
                        FIRST_AGENT,
                        1,
                        List.of(new Hello.Disk("/dev/sd0", SessionWorld.VOLUME_BYTES, 512)),
                        null)
                .toJson();
        agent.send(agent.writer.json(
                FrameType.HELLO,
                () -> hello.put("x-one", 1).put("x-two", JsonBody.empty().put("y", 2))));
        assertThat(agent.has(FrameType.WELCOME)).isTrue();
        assertThat(world.told).contains("ignored members 2");
    }

    private static TestAgent withSourceStatus(SessionWorld world, int disks) {
        return world.connect().hello(1, disks, FIRST_AGENT, null, List.of("x-unknown", Features.SOURCE_STATUS));
    }

    @Test
    void knownFeaturesAreGrantedAndUnknownOnesAreNot() {
        TestAgent agent = withSourceStatus(new SessionWorld(1), 1);
        assertThat(agent.welcome().features()).containsExactly(Features.SOURCE_STATUS);
        assertThat(open(1, 1).control.welcome().features()).isEmpty();
    }

    @Test
    void sourceStatusIsToldWithTheVolumesOfItsIndices() {
        SessionWorld world = new SessionWorld(2);
        TestAgent agent = withSourceStatus(world, 2);
        agent.welcome();
        agent.status(List.of(new SourceStatus.Volume(1, 512)), new SourceStatus.Waits(1, 2, 3));
        agent.status(
                List.of(new SourceStatus.Volume(1, 0), new SourceStatus.Volume(0, SessionWorld.VOLUME_BYTES)),
                new SourceStatus.Waits(1, 2, 4));
        assertThat(world.told)
                .contains(
                        "status vol-1=512 waits=1,2,3",
                        "status vol-1=0 vol-0=" + SessionWorld.VOLUME_BYTES + " waits=1,2,4");
        assertThat(agent.errors()).isEmpty();
    }

    @Test
    void sourceStatusWithoutItsFeatureIsAnUnknownType() {
        TestAgent before = new SessionWorld(1).connect();
        before.status(List.of(), SourceStatus.Waits.NONE);
        assertThat(before.errors()).containsExactly(ErrorCode.UNSUPPORTED);
        TestAgent without = open(1, 1).control;
        without.status(List.of(), SourceStatus.Waits.NONE);
        assertThat(without.errors()).containsExactly(ErrorCode.UNSUPPORTED);
    }

    @Test
    void sourceStatusBelongsOnTheControlConnection() {
        SessionWorld world = new SessionWorld(1);
        long generation = withSourceStatus(world, 1).welcome().generation();
        TestAgent stream = world.connect().attach(generation, 0);
        stream.status(List.of(), SourceStatus.Waits.NONE);
        assertThat(stream.errors()).containsExactly(ErrorCode.STATE);
    }

    @Test
    void sourceStatusOutsideTheSessionIsRefused() {
        SourceStatus.Volume good = new SourceStatus.Volume(0, SessionWorld.VOLUME_BYTES);
        SourceStatus.Waits none = SourceStatus.Waits.NONE;
        assertStatusRefused(ErrorCode.RANGE, new SourceStatus(List.of(new SourceStatus.Volume(1, 0)), none));
        assertStatusRefused(ErrorCode.RANGE, new SourceStatus(List.of(good, good), none));
        assertStatusRefused(
                ErrorCode.RANGE,
                new SourceStatus(List.of(new SourceStatus.Volume(0, SessionWorld.VOLUME_BYTES + 1)), none));
        assertStatusRefused(ErrorCode.PROTOCOL, new SourceStatus(List.of(good), new SourceStatus.Waits(4, 5, 6)));
        assertStatusRefused(ErrorCode.PROTOCOL, new SourceStatus(List.of(good), new SourceStatus.Waits(5, 4, 5)));
        assertStatusRefused(ErrorCode.PROTOCOL, new SourceStatus(List.of(good), new SourceStatus.Waits(6, 6, 4)));
    }

    /** After one that was right, with waits of 5 ms each. */
    private static void assertStatusRefused(ErrorCode code, SourceStatus status) {
        SessionWorld world = new SessionWorld(1);
        TestAgent agent = withSourceStatus(world, 1);
        agent.welcome();
        agent.status(List.of(), new SourceStatus.Waits(5, 5, 5));
        agent.status(status.volumes(), status.waits());
        assertThat(agent.errors()).as(status.toString()).containsExactly(code);
        assertThat(world.told.stream().filter(told -> told.startsWith("status")))
                .hasSize(1);
    }

    @Test
    void serverThatIsBehindTheAgentAsksForARescan() {
        assertThat(answerTo(open(1, 1), FIRST_AGENT, 1, 3)).isEqualTo("RESCAN EPOCH_BEHIND");
    }

    @Test
    void rememberedVolumeWithoutARecordIsALossOfState() {
        SessionWorld world = new SessionWorld(1);
        Hello.Remembered remembered =
                new Hello.Remembered(9, List.of(new Hello.RememberedDisk("/dev/sd0", "a".repeat(32), 3)));
        Welcome.Volume volume = world.connect()
                .hello(1, 1, "0".repeat(32), remembered)
                .welcome()
                .volumes()
                .getFirst();
        assertThat(volume.action()).isEqualTo(Welcome.Action.RESCAN);
        assertThat(volume.reason()).isEqualTo("STATE_LOST");
    }

    @Test
    void missingDataConnectionsEndTheSession() {
        SessionWorld world = new SessionWorld(1);
        TestAgent control = world.connect().hello(2, 1);
        world.connect().attach(1, 0);
        world.pass(9000);
        assertThat(control.ended).isFalse();
        world.pass(2000);
        assertThat(control.errors()).containsExactly(ErrorCode.STATE);
    }

    @Test
    void firstFrameThatDoesNotComeEndsTheConnection() {
        SessionWorld world = new SessionWorld(1);
        TestAgent silent = world.connect();
        world.pass(11_000);
        assertThat(silent.errors()).containsExactly(ErrorCode.STATE);
        assertThat(silent.ended).isTrue();
    }

    @Test
    void silentControlConnectionIsPingedThenEnded() {
        Open open = open(1, 1);
        open.world.pass(11_000);
        assertThat(open.control.has(FrameType.PING)).isTrue();
        assertThat(open.control.ended).isFalse();
        open.world.pass(20_000);
        assertThat(open.control.errors()).containsExactly(ErrorCode.STATE);
        assertThat(open.world.told)
                .as("no frame was refused, the session's end says it all")
                .contains("ended 1")
                .doesNotContain("refused STATE");
    }

    @Test
    void streamOfWhichNothingIsHeardEndsTheSessionThoughTheControlConnectionLives() {
        Open open = open(1, 1);
        for (int i = 0; i < 6; i++) {
            open.control.send(open.control.writer.empty(FrameType.PING));
            open.world.pass(5_100);
        }
        assertThat(open.control.ended).isTrue();
        assertThat(open.stream(0).errors()).containsExactly(ErrorCode.STATE);
        assertThat(open.world.causes).containsExactly(SessionEndCause.LOST);
    }

    @Test
    void idleStreamThatSendsPingGoesOnAndIsSentNoPong() {
        Open open = open(1, 1);
        for (int i = 0; i < 12; i++) {
            open.control.send(open.control.writer.empty(FrameType.PING));
            open.stream(0).send(open.stream(0).writer.empty(FrameType.PING));
            open.world.pass(5_100);
        }
        assertThat(open.control.ended).isFalse();
        assertThat(open.control.has(FrameType.PONG)).isTrue();
        assertThat(open.stream(0).has(FrameType.PONG)).isFalse();
    }

    @Test
    void streamThatThisServerItselfDoesNotReadIsNotTakenForDead() {
        Open open = open(1, 1);
        open.stream(0).paused = true;
        for (int i = 0; i < 12; i++) {
            open.control.send(open.control.writer.empty(FrameType.PING));
            open.world.pass(5_100);
        }
        assertThat(open.control.ended).isFalse();
    }

    @Test
    void slowVolumeIsToldAsProgress() {
        Open open = open(1, 1);
        open.world.pass(5500);
        assertThat(open.control.has(FrameType.PROGRESS)).isFalse();
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.world.pass(1500);
        assertThat(open.control.has(FrameType.PROGRESS)).isFalse();
        open.world.pass(1000);
        assertThat(open.control.has(FrameType.PROGRESS)).isTrue();
    }

    @Test
    void sessionWhoseVolumeStallsForTenMinutesIsKeptAndTheAgentIsToldSo() {
        Open open = open(1, 1);
        open.control.received.clear();
        long seq = open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        for (int tenSeconds = 0; tenSeconds < 60; tenSeconds++) {
            open.control.send(open.control.writer.empty(FrameType.PING));
            open.stream(0).send(open.stream(0).writer.empty(FrameType.PING));
            open.world.pass(5_100);
            open.world.pass(5_100);
        }
        assertThat(open.control.ended).isFalse();
        assertThat(open.control.received)
                .filteredOn(frame -> frame.type() == FrameType.PROGRESS)
                .hasSizeGreaterThanOrEqualTo(118);
        assertThat(open.stream(0).acknowledgements).isGreaterThanOrEqualTo(118);
        assertThat(open.stream(0).durable(0)).isLessThan(seq);
        open.world.write(0);
        assertThat(open.stream(0).durable(0)).isGreaterThanOrEqualTo(seq);
    }

    @Test
    void acknowledgementGoesOutEveryFiveSecondsChangedOrNot() {
        Open open = open(1, 1);
        open.world.pass(5100);
        open.world.pass(5100);
        assertThat(open.stream(0).acknowledgements).isEqualTo(2);
    }

    @Test
    void acknowledgementWaitsInOneSlotForASocketThatIsFull() {
        Open open = open(1, 1);
        open.stream(0).writable = false;
        for (int i = 0; i < 5; i++) {
            open.stream(0).data(0, i * 512L, 512, 1, 1);
            open.world.write(0);
        }
        assertThat(open.stream(0).acknowledgements).isZero();
        open.stream(0).writable = true;
        open.stream(0).connection().writable();
        assertThat(open.stream(0).acknowledgements).isEqualTo(1);
        assertThat(open.stream(0).durable(0)).isEqualTo(6);
    }

    @Test
    void byeMakesDurableAndAcknowledgesWhatWasReceived() {
        Open open = open(1, 1);
        long seq = open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.control.send(open.control.writer.json(FrameType.BYE, new Bye("done")));
        assertThat(open.control.ended).isFalse();
        open.world.write(0);
        assertThat(open.stream(0).durable(0)).isEqualTo(seq);
        assertThat(open.control.ended).isTrue();
        assertThat(open.control.errors()).isEmpty();
        assertThat(open.stream(0).errors()).isEmpty();
    }

    @Test
    void shutdownAsksAgentsToGoAndRefusesNewOnes() {
        Open open = open(1, 1);
        open.world.sessions.shutdown();
        assertThat(open.control.has(FrameType.GOAWAY)).isTrue();
        assertThat(open.world.connect().hello(1, 1).errors()).containsExactly(ErrorCode.SHUTDOWN);

        long seq = open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.world.pass(10_100);
        open.world.write(0);
        assertThat(open.stream(0).durable(0)).as("finished after the deadline").isEqualTo(seq);
        assertThat(open.world.sessions.hasSessions()).isFalse();
    }

    @Test
    void connectionThatReceivedTooMuchUnderOneKeyIsAskedToComeAgain() {
        SessionSettings small = SessionWorld.settings(SessionSettings.defaults().memoryBudgetBytes(), 64 * KIB);
        Open open = new Open(new SessionWorld(1, small, UnaryOperator.identity()), 1, 1);
        open.stream(0).data(0, 0, 32 * KIB, 1, 1);
        assertThat(open.control.has(FrameType.GOAWAY)).isFalse();
        open.stream(0).data(0, 32 * KIB, 32 * KIB, 1, 1);
        assertThat(open.control.has(FrameType.GOAWAY)).isTrue();
    }

    @Test
    void readingPausesWhenTheShareIsUsedUpAndGoesOnWhenItIsFree() {
        SessionSettings tight = SessionWorld.settings(
                SourceMemory.SHARE_BYTES_MIN, SessionSettings.defaults().keyBytesMax());
        // Twelve volumes of smallest windows on one stream are 3 MiB, the share is 2 MiB.
        Open open = new Open(new SessionWorld(12, tight, UnaryOperator.identity()), 1, 12);
        TestAgent stream = open.stream(0);
        int volume = 0;
        while (!stream.paused && volume < 12) {
            stream.data(volume, 0, 256 * KIB, 1, 1);
            volume++;
        }
        assertThat(volume).as("the ninth block does not fit").isEqualTo(9);
        assertThat(stream.errors()).isEmpty();
        open.world.write(0);
        assertThat(stream.paused).isFalse();
        open.world.write(8);
        assertThat(stream.durable(8)).isPositive();
    }

    private static final long SECOND_NANOS = 1_000_000_000L;

    private static SourceClocks clocks(SessionWorld world) {
        return Objects.requireNonNull(world.sessions.clocks(SessionWorld.SOURCE));
    }

    @Test
    void waitingForMemoryCountsUntilTheLastConnectionHasIt() {
        SessionSettings tight = SessionWorld.settings(
                SourceMemory.SHARE_BYTES_MIN, SessionSettings.defaults().keyBytesMax());
        Open open = new Open(new SessionWorld(12, tight, UnaryOperator.identity()), 1, 12);
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
        Open open = open(2, 1);
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
        Open open = open(1, 2);
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
        Open open = open(1, 1);
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
        Open open = new Open(world, 1, 3);
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

    @Test
    void memoryThatWasNotToBeHadIsNotCountedInTheShare() {
        SessionSettings tight = SessionWorld.settings(
                SourceMemory.SHARE_BYTES_MIN, SessionSettings.defaults().keyBytesMax());
        SessionWorld world = new SessionWorld(8, tight, UnaryOperator.identity());
        Open older = new Open(world, 1, 8);
        world.outOfMemory = true;
        assertThatThrownBy(() -> older.stream(0).data(0, 0, 256 * KIB, 1, 1)).isInstanceOf(OutOfMemoryError.class);
        older.stream(0).cut();
        world.outOfMemory = false;
        TestAgent stream = new Open(world, 1, 8).stream(0);
        for (int volume = 0; volume < 8; volume++) {
            stream.data(volume, 0, 256 * KIB, 1, 1);
        }
        assertThat(stream.paused).as("eight blocks are the share").isFalse();
        assertThat(world.allocatedPayloads).isEqualTo(8);
    }

    @Test
    void blockWithoutRoomForItsPlaceIsRefused() {
        assertRefused(ErrorCode.RANGE, open -> open.stream(0).data(7, 0, 512, 1, 1));
        assertRefused(ErrorCode.RANGE, open -> open.stream(0).data(0, SessionWorld.VOLUME_BYTES, 512, 1, 1));
        assertRefused(ErrorCode.RANGE, open -> open.stream(0).data(0, REGION - 512, 1024, 1, 1));
        assertRefused(ErrorCode.RANGE, open -> open.stream(0).data(0, 100, 512, 1, 1));
        assertRefused(ErrorCode.RANGE, open -> open.stream(0).data(0, REGION, 512, 1, 1));
        assertRefused(ErrorCode.RANGE, open -> open.stream(0).zero(0, 0, SessionWorld.VOLUME_BYTES + 512L, 1));
        assertRefused(ErrorCode.LIMIT, open -> open.stream(0).zero(0, 0, 0, 1));
        assertRefused(ErrorCode.LIMIT, open -> open.stream(0).data(0, 0, 100, 1, 1));
        assertRefused(ErrorCode.STATE, open -> open.stream(0).openEpoch(2));
    }

    private static void assertRefused(ErrorCode code, java.util.function.Consumer<Open> sends) {
        Open open = open(2, 1);
        sends.accept(open);
        assertThat(open.stream(0).errors()).containsExactly(code);
        assertThat(open.stream(0).ended).isTrue();
        assertThat(open.control.ended).as("a fatal error ends the session").isTrue();
        assertThat(open.world.writer(0).queuedWrites()).isZero();
    }

    @Test
    void onlyDataConnectionsAreUnderTheThrottleOfTheirSource() {
        Open open = open(2, 1);
        assertThat(open.control.throttle).isNull();
        assertThat(open.stream(0).throttle).isNotNull().isSameAs(open.stream(1).throttle);
        assertThat(open.world.connect().throttle).isNull();
    }

    @Test
    void eachLimitThatHoldsIsToldOnceWithItsOrigin() {
        SessionWorld world = new SessionWorld(1);
        world.told.clear();
        world.sessions.setBandwidth(SessionWorld.SOURCE, BandwidthSchedule.always(50));
        world.sessions.setBandwidth(SessionWorld.SOURCE, BandwidthSchedule.always(50));
        world.sessions.limitServerByHand(BandwidthSchedule.always(7));
        world.sessions.setServerBandwidth(BandwidthSchedule.always(7));
        world.sessions.setServerBandwidth(BandwidthSchedule.UNLIMITED);
        world.pass(2_000);
        assertThat(world.told)
                .containsExactly(
                        "limit " + SessionWorld.SOURCE + " 50 BY_HAND",
                        "limit null 7 BY_HAND",
                        "limit null 7 ASSIGNED",
                        "limit null 0 ASSIGNED");
    }

    /** The world begins on 2026-09-21, a Monday, at 14:13:20Z. */
    @Test
    void scheduleIsLookedAtOnceASecond() {
        Open open = open(1, 1);
        List<Boolean> told = new ArrayList<>();
        Objects.requireNonNull(open.stream(0).throttle).join(new ThrottledStream() {
            @Override
            public void throttled(boolean on) {
                told.add(on);
            }

            @Override
            public int pass(int bytesMax) {
                throw new AssertionError("nothing waits");
            }
        });
        Sessions sessions = open.world.sessions;
        BandwidthSchedule afternoons = new BandwidthSchedule(
                0,
                ZoneOffset.UTC,
                List.of(new BandwidthSchedule.Entry(
                        Set.of(DayOfWeek.MONDAY), LocalTime.of(14, 14), LocalTime.of(14, 15), 50)));
        assertThat(sessions.setBandwidth("nobody", afternoons)).isFalse();
        assertThat(sessions.setBandwidth(SessionWorld.SOURCE, afternoons)).isTrue();
        assertThat(told).isEmpty();
        open.world.pass(39_000);
        assertThat(told).isEmpty();
        open.world.pass(1_000);
        assertThat(told).containsExactly(true);
        sessions.setServerBandwidth(afternoons);
        open.world.pass(59_000);
        assertThat(told).containsExactly(true);
        open.world.pass(1_000);
        assertThat(told).containsExactly(true, false);
        sessions.setServerBandwidth(BandwidthSchedule.always(1));
        assertThat(told).containsExactly(true, false, true);
    }

    @Test
    void attachOfAnOlderGenerationIsStale() {
        SessionWorld world = new SessionWorld(1);
        world.connect().hello(1, 1);
        world.connect().hello(1, 1);
        assertThat(world.connect().attach(1, 0).errors()).containsExactly(ErrorCode.STALE_GENERATION);
        assertThat(world.connect().attach(3, 0).errors()).containsExactly(ErrorCode.STATE);
    }

    @Test
    void windowsOfASourceFitItsShare() {
        for (int volumes : new int[] {1, 4, 15, 60}) {
            for (int streams : new int[] {1, 5, 16}) {
                long share = 64L * MIB;
                long window = SourceSession.windowBytes(share, volumes, streams);
                assertThat(window).isBetween(256L * KIB, 8L * MIB);
                assertThat(window % 512).isZero();
                assertThat(window == 256 * KIB || window * volumes * streams <= share)
                        .isTrue();
            }
        }
    }
}
