package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.replicationserver.receiver.protocol.FrameType;

/** A session with as many streams as asked for, attached, and epoch 1 open. */
final class OpenSession {
    final SessionWorld world;
    final TestAgent control;
    final List<TestAgent> streams;

    OpenSession(SessionWorld world, int streamCount, int disks) {
        this.world = world;
        this.control = world.connect().hello(streamCount, disks);
        long generation = control.welcome().generation();
        this.streams = IntStream.range(0, streamCount)
                .mapToObj(i -> world.connect().attach(generation, i))
                .toList();
        control.openEpoch(1);
        assertThat(control.has(FrameType.EPOCH_STATUS)).isTrue();
    }

    /** In a world of its own. */
    static OpenSession open(int streams, int disks) {
        return new OpenSession(new SessionWorld(disks), streams, disks);
    }

    TestAgent stream(int number) {
        return streams.get(number);
    }
}
