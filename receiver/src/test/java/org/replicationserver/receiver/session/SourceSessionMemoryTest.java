package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.replicationserver.receiver.session.SessionWorld.KIB;

import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

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
