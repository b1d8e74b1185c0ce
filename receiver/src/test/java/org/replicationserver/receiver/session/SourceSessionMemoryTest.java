package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.replicationserver.receiver.session.SessionWorld.KIB;
import static org.replicationserver.receiver.session.SessionWorld.REGION;

import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.protocol.ErrorCode;

/** The source server's share of the memory. */
class SourceSessionMemoryTest {
    @Test
    void readingPausesWhenTheShareIsUsedUpAndGoesOnWhenItIsFree() {
        SessionSettings tight = SessionWorld.settings(
                SourceMemory.SHARE_BYTES_MIN, SessionSettings.defaults().keyBytesMax());
        // Twelve volumes of smallest windows on one stream are 3 MiB, the share is 2 MiB.
        OpenSession open = new OpenSession(new SessionWorld(12, tight, UnaryOperator.identity()), 1, 12);
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

    /** Windows of 512 KiB were granted from a share of 4 MiB, which is 2 MiB now: both streams of the session wait. */
    private static OpenSession waiting() {
        SessionSettings settings = SessionWorld.settings(
                4 * SourceMemory.SHARE_BYTES_MIN, SessionSettings.defaults().keyBytesMax());
        OpenSession open = new OpenSession(new SessionWorld(4, settings, UnaryOperator.identity()), 2, 4);
        open.world.assignOneMore("s-3");
        open.world.assignOneMore("s-4");
        for (int volume = 0; volume < 4; volume++) {
            send(open, 0, volume);
            send(open, 1, volume);
        }
        assertThat(open.streams).noneMatch(stream -> stream.paused);
        send(open, 0, 0);
        send(open, 1, 0);
        assertThat(open.streams).allMatch(stream -> stream.paused);
        return open;
    }

    /** A block in the first region of the volume that is on the stream, of two. */
    private static void send(OpenSession open, int stream, int volume) {
        open.stream(stream).data(volume, (long) (stream + volume) % 2 * REGION, 256 * KIB, 1, 1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void errorOfTheFirstThatWaitsEndsTheWaitOfAllInItsSession(boolean ofAnotherSource) {
        OpenSession open = waiting();
        open.stream(0).bye(); // which no data connection may send
        open.world.pass(10);
        if (ofAnotherSource) {
            assertThat(open.world.sessions.unassign("s-4").toCompletableFuture())
                    .as("its share goes to the others")
                    .isNotCompletedExceptionally();
        } else {
            open.world.write(0);
        }
        assertThat(open.stream(0).errors()).containsExactly(ErrorCode.STATE);
        assertThat(open.control.ended).isTrue();
        open.world.writeAll();
        assertThat(open.world.allocatedPayloads).isZero();
        open.world.pass(100);
        assertThat(Objects.requireNonNull(open.world.sessions.clocks(SessionWorld.SOURCE))
                        .memoryPausedNanos())
                .isEqualTo(10_000_000);
    }

    @Test
    void faultOfThisProgramWithOneBlockOfARoundKeepsNoOtherFromComingBack() {
        OpenSession open = OpenSession.open(1, 1);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1, 1); // whose CRC32C differs
        open.stream(0).data(0, 4 * KIB, 4 * KIB, 1, 1);
        open.world.listenerFails = true;
        open.world.write(0);
        assertThat(open.world.told).contains("fault java.lang.IllegalStateException: " + SessionWorld.MISTAKE);
        assertThat(open.control.ended).isTrue();
        assertThat(open.world.allocatedPayloads).isZero();
        open.world.listenerFails = false;
        assertThat(open.world.connect().hello(1, 1).welcome().generation()).isEqualTo(2);
    }

    @Test
    void memoryThatWasNotToBeHadIsNotCountedInTheShare() {
        SessionSettings tight = SessionWorld.settings(
                SourceMemory.SHARE_BYTES_MIN, SessionSettings.defaults().keyBytesMax());
        SessionWorld world = new SessionWorld(8, tight, UnaryOperator.identity());
        OpenSession older = new OpenSession(world, 1, 8);
        world.outOfMemory = true;
        assertThatThrownBy(() -> older.stream(0).data(0, 0, 256 * KIB, 1, 1)).isInstanceOf(OutOfMemoryError.class);
        older.stream(0).cut();
        world.outOfMemory = false;
        TestAgent stream = new OpenSession(world, 1, 8).stream(0);
        for (int volume = 0; volume < 8; volume++) {
            stream.data(volume, 0, 256 * KIB, 1, 1);
        }
        assertThat(stream.paused).as("eight blocks are the share").isFalse();
        assertThat(world.allocatedPayloads).isEqualTo(8);
    }
}
