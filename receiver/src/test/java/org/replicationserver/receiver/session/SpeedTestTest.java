package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.TestAck;
import org.replicationserver.receiver.protocol.TestOpen;
import org.replicationserver.receiver.protocol.TestOpened;
import org.replicationserver.receiver.protocol.TestResult;
import org.replicationserver.volume.BlockWrite;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeWriter;

/** Speed tests beside sessions. */
final class SpeedTestTest {
    private static final int SECTOR = 512;
    private static final int LARGE = ProtocolLimits.RAW_LEN_MAX;

    private final SessionWorld world = new SessionWorld(2);
    private TestAgent control = world.connect();
    private final List<TestAgent> streams = new ArrayList<>();

    /** A speed test whose streams are all attached. */
    private void open(int streamCount, int seconds, long bytesMax) {
        control.openTest(streamCount, seconds, bytesMax);
        String test = opened().test();
        for (int i = 0; i < streamCount; i++) {
            streams.add(world.connect().attachTest(test, i));
        }
    }

    private TestAgent stream() {
        return streams.getFirst();
    }

    private TestOpened opened() {
        return parsed(() -> TestOpened.parse(control.last(FrameType.TEST_OPENED)));
    }

    private TestResult result() {
        return parsed(() -> TestResult.parse(control.last(FrameType.TEST_RESULT)));
    }

    private static TestAck ack(TestAgent stream) {
        return parsed(() -> TestAck.parse(stream.last(FrameType.TEST_ACK)));
    }

    private interface Parsed<T> {
        T get() throws ProtocolException;
    }

    private static <T> T parsed(Parsed<T> body) {
        try {
            return body.get();
        } catch (ProtocolException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void blocksAreExpandedCheckedCountedAndThrownAway() {
        open(2, 10, 1 << 20);
        long first = streams.get(0).test(SECTOR, 0);
        streams.get(1).test(2 * SECTOR, 0);
        assertThat(stream().has(FrameType.TEST_ACK)).isFalse();
        world.expand();
        assertThat(ack(stream())).isEqualTo(new TestAck(first, TestStream.WINDOW_BYTES + SECTOR));
        assertThat(world.allocatedPayloads).isZero();
        control.bye();
        assertThat(result().ended()).isEqualTo("AGENT");
        assertThat(result().frames()).isEqualTo(2);
        assertThat(result().rawBytes()).isEqualTo(3 * SECTOR);
        assertThat(result().payloadBytes()).isEqualTo(3 * SECTOR);
        assertThat(control.ended).isTrue();
        assertThat(streams).allMatch(stream -> stream.ended);
        assertThat(world.sessions.connectionCount()).isZero();
    }

    @Test
    void noByteReachesAVolumeAndTheSessionGoesOn() {
        TestAgent session = world.connect().hello(1, 2);
        long generation = session.welcome().generation();
        TestAgent data = world.connect().attach(generation, 0);
        session.openEpoch(1);
        data.data(0, 0, SECTOR, 7, 1);
        world.writeAll();
        byte[] before = world.content(0);
        long writes = world.writer(0).counters().deviceWrites();

        open(1, 10, 1 << 20);
        stream().test(SECTOR, 0);
        world.expand();
        world.writeAll();
        control.bye();

        assertThat(world.content(0)).isEqualTo(before);
        assertThat(world.writer(0).counters().deviceWrites()).isEqualTo(writes);
        assertThat(world.writer(1).counters().blocks()).isZero();
        assertThat(world.told).noneMatch(line -> line.startsWith("ended"));
        data.data(0, SECTOR, SECTOR, 8, 1);
        world.writeAll();
        assertThat(data.durable(0)).isEqualTo(3);
        assertThat(session.errors()).isEmpty();
    }

    /** Neither the frame nor who handles it has a way to a volume. */
    @Test
    void typesOfSpeedTestsKnowNoVolume() {
        assertThat(BlockWrite.class.isAssignableFrom(TestBlock.class)).isFalse();
        for (Class<?> type : List.of(TestBlock.class, TestStream.class, SpeedTest.class, SpeedTests.class)) {
            Stream<Class<?>> fields = Arrays.stream(type.getDeclaredFields()).map(Field::getType);
            Stream<Class<?>> parameters = Arrays.stream(type.getDeclaredMethods())
                    .map(Method::getParameterTypes)
                    .flatMap(Arrays::stream);
            assertThat(Stream.concat(fields, parameters))
                    .as(type.getSimpleName())
                    .doesNotContain(
                            Volume.class,
                            VolumeWriter.class,
                            VolumeHost.class,
                            SessionVolume.class,
                            SlotVolumes.class,
                            BlockWrite.class,
                            InboundBlock.class);
        }
    }

    @Test
    void speedTestFencesNoSessionAndIsFencedByNone() {
        TestAgent session = world.connect().hello(1, 1);
        session.welcome();
        open(1, 10, 1 << 20);
        assertThat(session.ended).isFalse();
        TestAgent newer = world.connect().hello(1, 1);
        newer.welcome();
        assertThat(session.ended).isTrue();
        assertThat(control.ended).isFalse();
    }

    @Test
    void itEndsWhenItsTimeIsOver() {
        open(1, 2, 1 << 20);
        stream().test(SECTOR, 0);
        world.expand();
        world.pass(1999);
        assertThat(control.has(FrameType.TEST_RESULT)).isFalse();
        world.pass(1);
        assertThat(result().ended()).isEqualTo("TIME");
        assertThat(result().millis()).isEqualTo(2000);
    }

    @Test
    void itEndsWhenItsBytesAreChecked() {
        open(1, 10, 2 * SECTOR);
        stream().test(SECTOR, 0);
        stream().test(SECTOR, 0);
        stream().test(SECTOR, 0);
        world.expand();
        assertThat(result().ended()).isEqualTo("BYTES");
        assertThat(result().rawBytes()).isEqualTo(2 * SECTOR);
        assertThat(world.allocatedPayloads).isZero();
    }

    @Test
    void corruptBlockIsRefusedAndEndsTheTest() {
        open(2, 10, 1 << 20);
        long seq = stream().test(SECTOR, 1);
        world.expand();
        assertThat(stream().errors()).containsExactly(ErrorCode.INTEGRITY);
        assertThat(parsed(() -> stream().last(FrameType.ERROR).number64("seq"))).isEqualTo(seq);
        assertThat(control.errors()).containsExactly(ErrorCode.STATE);
        assertThat(streams.get(1).errors()).containsExactly(ErrorCode.STATE);
        assertThat(world.told)
                .contains("speed test ended INTEGRITY: the block does not expand to its length or its"
                        + " CRC32C differs");
    }

    @Test
    void endOfAnyConnectionEndsTheTest() {
        open(2, 10, 1 << 20);
        stream().test(SECTOR, 0);
        streams.get(1).cut();
        assertThat(control.errors()).containsExactly(ErrorCode.STATE);
        assertThat(stream().ended).isTrue();
        world.expand();
        assertThat(world.allocatedPayloads).isZero();
        control = world.connect();
        streams.clear();
        open(1, 1, 1);
        assertThat(control.errors()).isEmpty();
    }

    @Test
    void streamsThatDoNotComeEndTheTest() {
        control.openTest(2, 10, 1 << 20);
        world.connect().attachTest(opened().test(), 0);
        world.pass(10_001);
        assertThat(control.errors()).containsExactly(ErrorCode.STATE);
        assertThat(world.sessions.connectionCount()).isZero();
    }

    @Test
    void blocksBeforeAllStreamsAreAttachedAreRefused() {
        control.openTest(2, 10, 1 << 20);
        TestAgent early = world.connect().attachTest(opened().test(), 0);
        early.test(SECTOR, 0);
        assertThat(early.errors()).containsExactly(ErrorCode.STATE);
    }

    @Test
    void secondSpeedTestOfASourceServerIsRefused() {
        open(1, 10, 1 << 20);
        TestAgent second = world.connect();
        second.openTest(1, 10, 1 << 20);
        assertThat(second.errors()).containsExactly(ErrorCode.LIMIT);
        assertThat(control.ended).isFalse();
    }

    @Test
    void serverRunsTwoSpeedTestsAtOnce() {
        world.assignOneMore("s-3");
        open(1, 10, 1 << 20);
        TestAgent other = world.connect("s-2");
        other.openTest("s-2", 1, 10, 1 << 20);
        assertThat(other.has(FrameType.TEST_OPENED)).isTrue();
        TestAgent third = world.connect("s-3");
        third.openTest("s-3", 1, 10, 1 << 20);
        assertThat(third.errors()).containsExactly(ErrorCode.LIMIT);
    }

    @Test
    void moreSpeedTestsAMinuteThanAllowedAreRefused() {
        for (int i = 0; i < SpeedTests.BEGUN_PER_MINUTE_MAX; i++) {
            TestAgent one = world.connect();
            one.openTest(1, 1, 1);
            one.bye();
            assertThat(one.errors()).isEmpty();
        }
        control.openTest(1, 1, 1);
        assertThat(control.errors()).containsExactly(ErrorCode.RATE);
        control.cut();
        world.pass(60_001);
        control = world.connect();
        control.openTest(1, 1, 1);
        assertThat(control.errors()).isEmpty();
    }

    @Test
    void anotherSourceServersIdAndVersionsOfTomorrowAreRefused() {
        control.openTest("s-2", 1, 1, 1);
        assertThat(control.errors()).containsExactly(ErrorCode.FORBIDDEN);
        TestAgent other = world.connect();
        other.send(other.writer.json(FrameType.TEST_OPEN, new TestOpen(List.of(2), SessionWorld.SOURCE, 1, 1, 1)));
        assertThat(other.errors()).containsExactly(ErrorCode.VERSION);
    }

    @Test
    void unknownTestAndStreamsThatAreTakenAreRefused() {
        TestAgent none = world.connect().attachTest("0".repeat(32), 0);
        assertThat(none.errors()).containsExactly(ErrorCode.STATE);
        control.openTest(2, 10, 1 << 20);
        String test = opened().test();
        world.connect().attachTest(test, 0);
        assertThat(world.connect().attachTest(test, 0).errors()).containsExactly(ErrorCode.STATE);
    }

    @Test
    void windowBindsEachTestConnection() {
        open(1, 10, ProtocolLimits.TEST_BYTES_MAX);
        for (int i = 0; i < TestStream.WINDOW_BYTES / LARGE; i++) {
            stream().test(LARGE, 0);
        }
        assertThat(stream().errors()).isEmpty();
        stream().test(LARGE, 0);
        assertThat(stream().errors()).containsExactly(ErrorCode.LIMIT);
    }

    @Test
    void readingPausesUntilBlocksAreCheckedAndMemoryIsNeverExceeded() {
        open(2, 10, ProtocolLimits.TEST_BYTES_MAX);
        int fits = SpeedTests.MEMORY_BYTES_MAX / LARGE;
        for (int i = 0; i < fits; i++) {
            stream().test(LARGE, 0);
        }
        streams.get(1).test(LARGE, 0);
        assertThat(streams.get(1).paused).isTrue();
        assertThat(world.allocatedPayloads).isEqualTo(fits);
        world.spend(5_000_000);
        world.expand();
        assertThat(streams.get(1).paused).isFalse();
        world.expand();
        control.bye();
        assertThat(result().frames()).isEqualTo(fits + 1);
        assertThat(result().waits().checkMillis()).isEqualTo(5);
        assertThat(world.allocatedPayloads).isZero();
    }

    @Test
    void replicationGoesFirst() {
        TestAgent session = world.connect().hello(1, 1);
        TestAgent data = world.connect().attach(session.welcome().generation(), 0);
        session.openEpoch(1);
        open(1, 10, ProtocolLimits.TEST_BYTES_MAX);
        data.data(0, 0, SECTOR, 1, 1);
        stream().test(LARGE, 0);
        assertThat(stream().paused).isFalse();
        stream().test(LARGE, 0);
        assertThat(stream().paused).isTrue();
        world.expand();
        world.pass(500);
        assertThat(stream().paused).isTrue();
        world.pass(600);
        assertThat(stream().paused).isFalse();
        world.expand();
        control.bye();
        assertThat(result().waits().replicationMillis()).isEqualTo(1100);
        assertThat(result().replicatedBytes()).isEqualTo(FrameHeader.BLOCK_BYTES + SECTOR);
    }

    /** Each costs the event loop as much as a large one. */
    @Test
    void tinyBlocksCountForMoreThanTheirBytesInWhatReplicationLeaves() {
        TestAgent session = world.connect().hello(1, 1);
        TestAgent data = world.connect().attach(session.welcome().generation(), 0);
        session.openEpoch(1);
        open(1, 10, ProtocolLimits.TEST_BYTES_MAX);
        data.data(0, 0, SECTOR, 1, 1);
        stream().test(SECTOR, 0);
        stream().test(SECTOR, 0);
        assertThat(stream().paused).isTrue();
        for (int sent = 0; sent < 2 * SECTOR * TestPace.REPLICATION_PER_TEST; sent += SECTOR) {
            data.data(0, 0, SECTOR, 1, 1);
        }
        world.pass(250);
        assertThat(stream().paused).isTrue();
    }

    @Test
    void noMoreBlocksWaitThanTheBackgroundThreadTakes() {
        open(3, 10, ProtocolLimits.TEST_BYTES_MAX);
        for (int i = 0; i < ProtocolLimits.UNACKED_FRAMES_MAX; i++) {
            streams.get(0).test(SECTOR, 0);
            streams.get(1).test(SECTOR, 0);
        }
        streams.get(2).test(SECTOR, 0);
        assertThat(world.background).hasSize(SpeedTestRuntime.TASKS_MAX);
        assertThat(streams.get(2).paused).isTrue();
        world.expand();
        world.expand();
        assertThat(world.allocatedPayloads).isZero();
        assertThat(streams.get(2).errors()).isEmpty();
    }

    @Test
    void testConnectionsAreUnderTheThrottleOfTheSourceServer() {
        open(2, 10, 1 << 20);
        assertThat(streams).allSatisfy(stream -> assertThat(stream.throttle).isNotNull());
        assertThat(control.throttle).isNull();
    }

    @Test
    void pausedReplicationIsNoObstacleAndAServerThatStopsIs() {
        world.sessions.assign(
                new SourceAssignment(SessionWorld.SOURCE, List.of()),
                BandwidthSchedule.UNLIMITED,
                DesiredState.PAUSED,
                null);
        world.settle();
        open(1, 10, 1 << 20);
        assertThat(control.errors()).isEmpty();
        world.sessions.shutdown();
        assertThat(control.errors()).containsExactly(ErrorCode.SHUTDOWN);
        TestAgent late = world.connect();
        late.openTest(1, 1, 1);
        assertThat(late.errors()).containsExactly(ErrorCode.SHUTDOWN);
    }

    @Test
    void sourceServerThatIsTakenAwayLosesItsSpeedTest() {
        open(1, 10, 1 << 20);
        world.sessions.unassign(SessionWorld.SOURCE);
        world.settle();
        assertThat(control.errors()).containsExactly(ErrorCode.SHUTDOWN);
        assertThat(stream().ended).isTrue();
    }

    @Test
    void resultTellsWhatTheVolumesDidLately() {
        TestAgent session = world.connect().hello(1, 1);
        TestAgent data = world.connect().attach(session.welcome().generation(), 0);
        session.openEpoch(1);
        world.pass(5000);
        data.data(0, 0, SECTOR, 1, 1);
        world.writeAll();
        world.pass(5000);
        open(1, 1, 1);
        control.bye();
        List<TestResult.Volume> volumes = result().volumes();
        assertThat(volumes).extracting(TestResult.Volume::volumeId).containsExactly("vol-0", "vol-1");
        assertThat(volumes.get(0).writtenBytes()).isEqualTo(SECTOR);
        assertThat(volumes.get(0).spanMillis()).isEqualTo(5000);
        assertThat(volumes.get(1).writtenBytes()).isZero();
    }

    @Test
    void ofAVolumeThatIsNotOpenAnyMoreNothingIsTold() {
        world.pass(5000);
        world.availability.put("vol-0", new VolumeHost.Availability.Unavailable("it is being closed"));
        world.pass(60_000);
        control = world.connect();
        open(1, 1, 1);
        control.bye();
        assertThat(result().volumes().get(0).spanMillis()).isZero();
        assertThat(result().volumes().get(1).spanMillis()).isPositive();
    }

    @ParameterizedTest
    @EnumSource(names = {"TEST_OPEN", "TEST_ATTACH", "TEST", "TEST_ACK", "TEST_OPENED", "TEST_RESULT"})
    void inASessionTheTypesOfSpeedTestsAreUnknown(FrameType type) {
        TestAgent session = world.connect().hello(1, 1);
        TestAgent data = world.connect().attach(session.welcome().generation(), 0);
        data.sendHeader(type);
        assertThat(data.errors()).containsExactly(ErrorCode.UNSUPPORTED);
    }

    @ParameterizedTest
    @EnumSource(names = {"HELLO", "ATTACH", "DATA", "ZERO", "FENCE", "EPOCH_OPEN", "TEST_OPEN", "TEST_ACK"})
    void onATestConnectionOnlyTestIsAllowed(FrameType type) {
        open(1, 10, 1 << 20);
        stream().sendHeader(type);
        assertThat(stream().errors()).containsExactly(ErrorCode.STATE);
    }
}
