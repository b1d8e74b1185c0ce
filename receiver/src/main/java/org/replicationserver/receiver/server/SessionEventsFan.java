package org.replicationserver.receiver.server;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestResult;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.ComparedBlocks;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.HeldLimit;
import org.replicationserver.receiver.session.RefusedAgent;
import org.replicationserver.receiver.session.SessionEndCause;
import org.replicationserver.receiver.session.SessionEvents;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.StandingHold;
import org.replicationserver.receiver.session.VolumeBacklog;
import org.replicationserver.volume.VolumeFailure;

/** Tells several what happens in sessions, in their order: who comes later may ask who came before. Event loop only. */
final class SessionEventsFan implements SessionEvents {
    private final List<SessionEvents> told;

    SessionEventsFan(List<SessionEvents> told) {
        this.told = List.copyOf(told);
    }

    @Override
    public void assigned(SourceAssignment assignment, DesiredState wanted, SourceRecord record) {
        for (SessionEvents events : told) {
            events.assigned(assignment, wanted, record);
        }
    }

    @Override
    public void unassigned(String sourceServerId) {
        for (SessionEvents events : told) {
            events.unassigned(sourceServerId);
        }
    }

    @Override
    public void desired(String sourceServerId, DesiredState wanted) {
        for (SessionEvents events : told) {
            events.desired(sourceServerId, wanted);
        }
    }

    @Override
    public void bandwidthLimited(@Nullable String sourceServerId, HeldLimit limit) {
        for (SessionEvents events : told) {
            events.bandwidthLimited(sourceServerId, limit);
        }
    }

    @Override
    public void helloRefused(String sourceServerId, String remoteAddress, ErrorCode code, String text) {
        for (SessionEvents events : told) {
            events.helloRefused(sourceServerId, remoteAddress, code, text);
        }
    }

    @Override
    public void commitWaits(String sourceServerId, boolean waits) {
        for (SessionEvents events : told) {
            events.commitWaits(sourceServerId, waits);
        }
    }

    @Override
    public void sessionOpened(
            String sourceServerId, long generation, String remoteAddress, int streams, List<Welcome.Volume> volumes) {
        for (SessionEvents events : told) {
            events.sessionOpened(sourceServerId, generation, remoteAddress, streams, volumes);
        }
    }

    @Override
    public void sessionEnded(String sourceServerId, long generation, String reason, SessionEndCause cause) {
        for (SessionEvents events : told) {
            events.sessionEnded(sourceServerId, generation, reason, cause);
        }
    }

    @Override
    public void refused(String sourceServerId, String remoteAddress, ErrorBody error) {
        for (SessionEvents events : told) {
            events.refused(sourceServerId, remoteAddress, error);
        }
    }

    @Override
    public void connectionBroke(String sourceServerId, String remoteAddress, String cause) {
        for (SessionEvents events : told) {
            events.connectionBroke(sourceServerId, remoteAddress, cause);
        }
    }

    @Override
    public void peerReportedError(String sourceServerId, String remoteAddress, int code) {
        for (SessionEvents events : told) {
            events.peerReportedError(sourceServerId, remoteAddress, code);
        }
    }

    @Override
    public void ignored(String sourceServerId) {
        for (SessionEvents events : told) {
            events.ignored(sourceServerId);
        }
    }

    @Override
    public void ignoredMembers(String sourceServerId, int members) {
        for (SessionEvents events : told) {
            events.ignoredMembers(sourceServerId, members);
        }
    }

    @Override
    public void frameDropped(String sourceServerId) {
        for (SessionEvents events : told) {
            events.frameDropped(sourceServerId);
        }
    }

    @Override
    public void goAwaySent(String sourceServerId, String reason) {
        for (SessionEvents events : told) {
            events.goAwaySent(sourceServerId, reason);
        }
    }

    @Override
    public void recordLost(String sourceServerId, String cause) {
        for (SessionEvents events : told) {
            events.recordLost(sourceServerId, cause);
        }
    }

    @Override
    public void readingPaused(String sourceServerId) {
        for (SessionEvents events : told) {
            events.readingPaused(sourceServerId);
        }
    }

    @Override
    public void firstByteReceived(String sourceServerId) {
        for (SessionEvents events : told) {
            events.firstByteReceived(sourceServerId);
        }
    }

    @Override
    public void blocksDurable(String sourceServerId, String volumeId, long bytes) {
        for (SessionEvents events : told) {
            events.blocksDurable(sourceServerId, volumeId, bytes);
        }
    }

    @Override
    public void blocksCompared(String sourceServerId, ComparedBlocks compared) {
        for (SessionEvents events : told) {
            events.blocksCompared(sourceServerId, compared);
        }
    }

    @Override
    public void epochOpened(String sourceServerId, long epoch, long estimatedBytes) {
        for (SessionEvents events : told) {
            events.epochOpened(sourceServerId, epoch, estimatedBytes);
        }
    }

    @Override
    public void dataReceived(int payloadBytes, int rawBytes) {
        for (SessionEvents events : told) {
            events.dataReceived(payloadBytes, rawBytes);
        }
    }

    @Override
    public void zeroReceived(long zeroBytes) {
        for (SessionEvents events : told) {
            events.zeroReceived(zeroBytes);
        }
    }

    @Override
    public void acknowledged() {
        for (SessionEvents events : told) {
            events.acknowledged();
        }
    }

    @Override
    public void writerStored(String sourceServerId, SourceRecord record) {
        for (SessionEvents events : told) {
            events.writerStored(sourceServerId, record);
        }
    }

    @Override
    public void committed(String sourceServerId, SourceRecord record) {
        for (SessionEvents events : told) {
            events.committed(sourceServerId, record);
        }
    }

    @Override
    public void held(String sourceServerId, StandingHold hold) {
        for (SessionEvents events : told) {
            events.held(sourceServerId, hold);
        }
    }

    @Override
    public void notHeld(String sourceServerId, String why) {
        for (SessionEvents events : told) {
            events.notHeld(sourceServerId, why);
        }
    }

    @Override
    public void holdEnded(String sourceServerId, StandingHold hold, @Nullable String spoiledBy) {
        for (SessionEvents events : told) {
            events.holdEnded(sourceServerId, hold, spoiledBy);
        }
    }

    @Override
    public void volumeLeftClosed(String sourceServerId, String volumeId, String cause) {
        for (SessionEvents events : told) {
            events.volumeLeftClosed(sourceServerId, volumeId, cause);
        }
    }

    @Override
    public void sourceStatus(String sourceServerId, List<VolumeBacklog> backlogs, SourceStatus.Waits waits) {
        for (SessionEvents events : told) {
            events.sourceStatus(sourceServerId, backlogs, waits);
        }
    }

    @Override
    public void volumeClosed(String sourceServerId, String volumeId) {
        for (SessionEvents events : told) {
            events.volumeClosed(sourceServerId, volumeId);
        }
    }

    @Override
    public void volumeReplaced(String sourceServerId, String volumeId, String before, String now) {
        for (SessionEvents events : told) {
            events.volumeReplaced(sourceServerId, volumeId, before, now);
        }
    }

    @Override
    public void volumeBegunAnew(String sourceServerId, String volumeId, String dataGen) {
        for (SessionEvents events : told) {
            events.volumeBegunAnew(sourceServerId, volumeId, dataGen);
        }
    }

    @Override
    public void rescanNeeded(String sourceServerId, SourceRecord record) {
        for (SessionEvents events : told) {
            events.rescanNeeded(sourceServerId, record);
        }
    }

    @Override
    public void volumeOpened(String sourceServerId, String volumeId) {
        for (SessionEvents events : told) {
            events.volumeOpened(sourceServerId, volumeId);
        }
    }

    @Override
    public void volumeUnavailable(String sourceServerId, String volumeId, String reason) {
        for (SessionEvents events : told) {
            events.volumeUnavailable(sourceServerId, volumeId, reason);
        }
    }

    @Override
    public void volumeAwaited(String sourceServerId, String volumeId, String reason) {
        for (SessionEvents events : told) {
            events.volumeAwaited(sourceServerId, volumeId, reason);
        }
    }

    @Override
    public void volumeFailed(String sourceServerId, VolumeFailure failure) {
        for (SessionEvents events : told) {
            events.volumeFailed(sourceServerId, failure);
        }
    }

    @Override
    public void programFault(String sourceServerId, Throwable fault) {
        for (SessionEvents events : told) {
            events.programFault(sourceServerId, fault);
        }
    }

    @Override
    public void duplicateAgent(String sourceServerId, RefusedAgent refused) {
        for (SessionEvents events : told) {
            events.duplicateAgent(sourceServerId, refused);
        }
    }

    @Override
    public void agentsAccepted(String sourceServerId) {
        for (SessionEvents events : told) {
            events.agentsAccepted(sourceServerId);
        }
    }

    @Override
    public void speedTestBegan(String sourceServerId, String remoteAddress, int streams, int seconds) {
        for (SessionEvents events : told) {
            events.speedTestBegan(sourceServerId, remoteAddress, streams, seconds);
        }
    }

    @Override
    public void speedTestEnded(String sourceServerId, String reason, TestResult result) {
        for (SessionEvents events : told) {
            events.speedTestEnded(sourceServerId, reason, result);
        }
    }

    @Override
    public void repeatedCorruption(String sourceServerId, int blocks) {
        for (SessionEvents events : told) {
            events.repeatedCorruption(sourceServerId, blocks);
        }
    }
}
