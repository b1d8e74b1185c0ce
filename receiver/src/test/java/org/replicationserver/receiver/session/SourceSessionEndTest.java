package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.session.OpenSession.open;
import static org.replicationserver.receiver.session.SessionWorld.KIB;

import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;

/** How sessions and connections end. */
class SourceSessionEndTest {
    @Test
    void oneEndEndsAll() {
        OpenSession open = open(2, 1);
        open.stream(1).cut();
        assertThat(open.control.ended).isTrue();
        assertThat(open.stream(0).ended).isTrue();
        assertThat(open.stream(0).errors()).containsExactly(ErrorCode.STATE);
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
        OpenSession open = open(1, 1);
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
        OpenSession open = open(1, 1);
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
        OpenSession open = open(1, 1);
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
        OpenSession open = open(1, 1);
        open.stream(0).paused = true;
        for (int i = 0; i < 12; i++) {
            open.control.send(open.control.writer.empty(FrameType.PING));
            open.world.pass(5_100);
        }
        assertThat(open.control.ended).isFalse();
    }

    @Test
    void byeMakesDurableAndAcknowledgesWhatWasReceived() {
        OpenSession open = open(1, 1);
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
    void lastAcknowledgementGoesOutHoweverFullTheSocketIs() {
        OpenSession open = open(1, 1);
        long seq = open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.stream(0).writable = false;
        open.control.send(open.control.writer.json(FrameType.BYE, new Bye("done")));
        open.world.write(0);
        assertThat(open.stream(0).durable(0)).isEqualTo(seq);
    }

    @Test
    void shutdownAsksAgentsToGoAndRefusesNewOnes() {
        OpenSession open = open(1, 1);
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
    void shutdownDoesNotWaitForASessionThatIsOpening() {
        OpenSession open = open(1, 1);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        TestAgent opening = open.world.connect().hello(1, 1);
        open.world.sessions.shutdown();
        assertThat(opening.errors()).containsExactly(ErrorCode.SHUTDOWN);
        assertThat(open.world.sessions.hasSessions()).isFalse();
    }

    @Test
    void connectionThatReceivedTooMuchUnderOneKeyIsAskedToComeAgain() {
        SessionSettings small = SessionWorld.settings(SessionSettings.defaults().memoryBudgetBytes(), 64 * KIB);
        OpenSession open = new OpenSession(new SessionWorld(1, small, UnaryOperator.identity()), 1, 1);
        open.stream(0).data(0, 0, 32 * KIB, 1, 1);
        assertThat(open.control.has(FrameType.GOAWAY)).isFalse();
        open.stream(0).data(0, 32 * KIB, 32 * KIB, 1, 1);
        assertThat(open.control.has(FrameType.GOAWAY)).isTrue();
    }
}
