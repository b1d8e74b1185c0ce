package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.session.OpenSession.open;
import static org.replicationserver.receiver.session.SessionWorld.KIB;
import static org.replicationserver.receiver.session.SessionWorld.MIB;
import static org.replicationserver.receiver.session.SessionWorld.REGION;

import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/** Blocks, their acknowledgements and their window. */
class SourceSessionDataTest {
    @Test
    void acknowledgementIsWithheldUntilTheVolumeHasForced() {
        OpenSession open = open(1, 1);
        long seq = open.stream(0).data(0, 0, 4 * KIB, 7, 1);
        open.world.pass(6000);
        assertThat(open.stream(0).acknowledgements).isPositive();
        assertThat(open.stream(0).durable(0)).isLessThan(seq);

        open.world.write(0);
        assertThat(open.stream(0).durable(0)).isEqualTo(seq);
        assertThat(open.world.content(0)[4 * KIB - 1]).isEqualTo((byte) 7);
    }

    @Test
    void acknowledgementGoesOutEveryFiveSecondsChangedOrNot() {
        OpenSession open = open(1, 1);
        open.world.pass(5100);
        open.world.pass(5100);
        assertThat(open.stream(0).acknowledgements).isEqualTo(2);
    }

    @Test
    void acknowledgementWaitsInOneSlotForASocketThatIsFull() {
        OpenSession open = open(1, 1);
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
    void windowGrowsOnlyByWhatIsDurable() {
        OpenSession open = open(1, 1);
        int window = open.stream(0).attached().windowBytes();
        for (int sent = 0; sent < window; sent += MIB) {
            open.stream(0).data(0, sent % SessionWorld.VOLUME_BYTES, MIB, 1, 1);
        }
        open.stream(0).data(0, 0, 512, 2, 1);
        assertThat(open.stream(0).errors()).containsExactly(ErrorCode.LIMIT);

        OpenSession again = open(1, 1);
        again.stream(0).data(0, 0, MIB, 1, 1);
        again.world.write(0);
        assertThat(again.stream(0).limitBytes).containsEntry(0, (long) window + MIB);
    }

    @Test
    void zeroCountsFourKibibytesOfTheWindow() {
        OpenSession open = open(1, 1);
        open.stream(0).zero(0, 0, REGION, 1);
        open.world.write(0);
        assertThat(open.stream(0).limitBytes)
                .containsEntry(0, (long) open.stream(0).attached().windowBytes() + 4 * KIB);
    }

    @Test
    void moreUnacknowledgedFramesThanAllowedAreRefused() {
        OpenSession open = open(1, 1);
        for (int i = 0; i < ProtocolLimits.UNACKED_FRAMES_MAX; i++) {
            open.stream(0).data(0, i * 512L, 512, 1, 1);
        }
        assertThat(open.stream(0).errors()).isEmpty();
        open.stream(0).data(0, 0, 512, 1, 1);
        assertThat(open.stream(0).errors()).containsExactly(ErrorCode.LIMIT);
    }

    @Test
    void droppedFramesCountAsUnacknowledgedForTheRestOfTheSession() {
        OpenSession open = open(1, 1);
        for (int i = 0; i < ProtocolLimits.UNACKED_FRAMES_MAX; i++) {
            open.stream(0).zero(0, 0, 512, 7);
        }
        assertThat(open.stream(0).ended).isFalse();
        open.stream(0).zero(0, 0, 512, 1);
        assertThat(open.stream(0).errors()).endsWith(ErrorCode.LIMIT);
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

    private static void assertRefused(ErrorCode code, Consumer<OpenSession> sends) {
        OpenSession open = open(2, 1);
        sends.accept(open);
        assertThat(open.stream(0).errors()).containsExactly(code);
        assertThat(open.stream(0).ended).isTrue();
        assertThat(open.control.ended).as("a fatal error ends the session").isTrue();
        assertThat(open.world.writer(0).queuedWrites()).isZero();
    }

    @Test
    void corruptBlockEndsTheSessionAndIsNotWritten() {
        OpenSession open = open(1, 1);
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
            OpenSession open = new OpenSession(world, 1, 1);
            open.stream(0).data(0, 0, 4 * KIB, 1, 1, 1);
            world.write(0);
        }
        assertThat(world.told).contains("repeated corruption");
    }

    @Test
    void slowVolumeIsToldAsProgress() {
        OpenSession open = open(1, 1);
        open.world.pass(5500);
        assertThat(open.control.has(FrameType.PROGRESS)).isFalse();
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.world.pass(1500);
        assertThat(open.control.has(FrameType.PROGRESS)).isFalse();
        open.world.pass(1000);
        assertThat(open.control.has(FrameType.PROGRESS)).isTrue();
    }
}
