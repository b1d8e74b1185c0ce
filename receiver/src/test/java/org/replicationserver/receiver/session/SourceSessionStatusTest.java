package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.session.OpenSession.open;
import static org.replicationserver.receiver.session.TestAgent.FIRST_AGENT;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.SourceStatus;

/** What an agent tells of its source server. */
class SourceSessionStatusTest {
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
}
