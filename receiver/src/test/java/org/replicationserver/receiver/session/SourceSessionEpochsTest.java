package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.session.OpenSession.open;
import static org.replicationserver.receiver.session.SessionWorld.KIB;
import static org.replicationserver.receiver.session.SessionWorld.REGION;

import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;

/** Epochs, fences and commits. */
class SourceSessionEpochsTest {
    private static boolean committed(TestAgent control) throws ProtocolException {
        return control.last(FrameType.EPOCH_STATUS).bool("committed");
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
    void faultOfThisProgramAfterACommitIsToldAndEndsTheSession() {
        OpenSession open = open(1, 1);
        open.world.listenerFails = true;
        open.control.commit(1, open.stream(0).fence(1));
        assertThat(open.control.ended).isTrue();
        assertThat(open.world.told).anyMatch(line -> line.startsWith("fault ") && line.endsWith(SessionWorld.MISTAKE));
        assertThat(open.world.record().commit().epoch()).isEqualTo(1);
    }

    @Test
    void epochNotAboveTheCommittedOneIsRefused() {
        OpenSession open = open(1, 1);
        open.control.commit(1, open.stream(0).fence(1));
        open.control.openEpoch(1);
        assertThat(open.control.errors()).containsExactly(ErrorCode.EPOCH);
    }

    @Test
    void frameOfAnEpochThatIsNotOpenIsNeverAcknowledgedAndSpoilsTheCommit() throws ProtocolException {
        OpenSession open = open(1, 1);
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
    void commitIsAnsweredOnlyWhenEveryFenceCameAndAllBeforeIsDurableAndStored() throws ProtocolException {
        OpenSession open = open(2, 1);
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
        OpenSession open = open(1, 1);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.control.commit(1, open.stream(0).fence(1));
        assertThat(committed(open.control)).isFalse();
        open.world.write(0);
        assertThat(committed(open.control)).isTrue();
    }

    @Test
    void seqThatIsNoFenceCommitsNothing() throws ProtocolException {
        OpenSession open = open(1, 1);
        open.stream(0).data(0, 0, 4 * KIB, 1, 1);
        open.world.write(0);
        long fence = open.stream(0).fence(1);
        open.control.commit(1, fence - 1);
        assertThat(open.control.errors()).containsExactly(ErrorCode.EPOCH);
        open.control.commit(1, fence);
        assertThat(committed(open.control)).as("corrected").isTrue();
    }

    @Test
    void commitThatNamesNoFrameAsFenceCommitsNothing() {
        OpenSession open = open(1, 1);
        open.control.commit(1, 0L);
        assertThat(open.control.errors()).containsExactly(ErrorCode.EPOCH);
        assertThat(open.world.record().commit().epoch()).isZero();
    }
}
