package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.session.OpenSession.open;
import static org.replicationserver.receiver.session.SessionWorld.KIB;
import static org.replicationserver.receiver.session.SessionWorld.MIB;
import static org.replicationserver.receiver.session.TestAgent.FIRST_AGENT;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;

/** How a session is opened, and what becomes of the one before. */
class SourceSessionOpeningTest {
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
    void faultOfThisProgramInTheOpeningIsToldAndEndsTheConnection() {
        SessionWorld world = new SessionWorld(1);
        world.listenerFails = true;
        TestAgent control = world.connect().hello(1, 1);
        assertThat(control.ended).isTrue();
        assertThat(world.told).anyMatch(line -> line.startsWith("fault ") && line.endsWith(SessionWorld.MISTAKE));

        world.listenerFails = false;
        assertThat(world.connect().hello(1, 1).welcome().generation()).isEqualTo(2);
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
    void noWriteOfTheOlderSessionReachesTheVolumeAfterWelcomeOfTheNewer() {
        OpenSession older = open(1, 1);
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
        OpenSession older = open(1, 1);
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
    void stuckDeviceIsFencedOnceForAllWhoWait() {
        OpenSession open = open(1, 1);
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
    void helloThatIsRefusedDisturbsNoSession() {
        OpenSession open = open(1, 1);
        TestAgent bad = open.world.connect().hello(1, 2);
        assertThat(bad.errors()).containsExactly(ErrorCode.FORBIDDEN);
        open.stream(0).data(0, 0, 512, 1, 1);
        open.world.write(0);
        assertThat(open.stream(0).durable(0)).isEqualTo(2);
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
