package org.replicationserver.receiver.session;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestResult;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.volume.VolumeFailure;

/** Told what happens in sessions; who does not care for something leaves it out. Event loop only; must not block. */
public interface SessionEvents {
    /** Volumes are assigned to a source server, for the first time or others than before; {@code record} is what is known of it. */
    default void assigned(SourceAssignment assignment, DesiredState wanted, SourceRecord record) {}

    /** A source server was taken away; nothing more is told of it. */
    default void unassigned(String sourceServerId) {}

    /** Something else is wanted of a source server. */
    default void desired(String sourceServerId, DesiredState wanted) {}

    /**
     * Another limit of bandwidth holds from now on, whoever set it or whatever schedule.
     *
     * @param sourceServerId null where it is that of all source servers together
     */
    default void bandwidthLimited(@Nullable String sourceServerId, HeldLimit limit) {}

    /** A HELLO was refused; {@code text} is text of ours. */
    default void helloRefused(String sourceServerId, String remoteAddress, ErrorCode code, String text) {}

    /** A commit waits for its fences and for durable blocks, or waits no more because it was refused. */
    default void commitWaits(String sourceServerId, boolean waits) {}

    /** A session is open; the agent was told this of its volumes. */
    default void sessionOpened(
            String sourceServerId, long generation, String remoteAddress, int streams, List<Welcome.Volume> volumes) {}

    /** A session has ended; {@code reason} is in words. */
    default void sessionEnded(String sourceServerId, long generation, String reason, SessionEndCause cause) {}

    /** A frame was answered with an error, fatal or not. */
    default void refused(String sourceServerId, String remoteAddress, ErrorBody error) {}

    /**
     * A connection of an agent ended by a fault below the protocol: a reset, broken TLS, or too much that the agent left unread.
     * {@code cause} is text of ours or of the TLS engine.
     */
    default void connectionBroke(String sourceServerId, String remoteAddress, String cause) {}

    /** A fault of this program kept from being done what came next for this source server; if it was of a connection, that ends. */
    default void programFault(String sourceServerId, Throwable fault) {}

    /** The peer sent an ERROR. */
    default void peerReportedError(String sourceServerId, String remoteAddress, int code) {}

    /** A frame of an ignorable type was skipped. */
    default void ignored(String sourceServerId) {}

    /** Members of a JSON body were ignored because they are unknown. */
    default void ignoredMembers(String sourceServerId, int members) {}

    /** A block's frame was dropped: its epoch is not open, its volume has failed, or the session is finishing. */
    default void frameDropped(String sourceServerId) {}

    /** An agent was asked to finish and to come back. */
    default void goAwaySent(String sourceServerId, String reason) {}

    /** What was kept of a source server cannot be read; its disks will be sent whole. {@code cause} is text of ours. */
    default void recordLost(String sourceServerId, String cause) {}

    /** A connection paused because its source server's memory is used up. */
    default void readingPaused(String sourceServerId) {}

    /** The first block ever of a source server was received. */
    default void firstByteReceived(String sourceServerId) {}

    /** So many bytes of a volume's disk became durable, those of ZERO included. Once for each round. */
    default void blocksDurable(String sourceServerId, String volumeId, long bytes) {}

    /** Blocks of a volume were compared with hashes of its agent, in a rescan or to verify them. Once for each answer. */
    default void blocksCompared(String sourceServerId, ComparedBlocks compared) {}

    /** An agent has begun an epoch; how much it is going to send is only its guess. */
    default void epochOpened(String sourceServerId, long epoch, long estimatedBytes) {}

    /** DATA of so many bytes arrived whole. */
    default void dataReceived(int payloadBytes, int rawBytes) {}

    /** ZERO for so many bytes arrived. */
    default void zeroReceived(long zeroBytes) {}

    /** An acknowledgement was sent. */
    default void acknowledged() {}

    /** A session may write from now on; the record that says so is stored. */
    default void writerStored(String sourceServerId, SourceRecord record) {}

    /** An epoch was committed; the record that says so is stored. */
    default void committed(String sourceServerId, SourceRecord record) {}

    /** The volumes of a source server stand still at a commit. */
    default void held(String sourceServerId, StandingHold hold) {}

    /** A hold was wanted, and will not be; {@code why} is text of ours. */
    default void notHeld(String sourceServerId, String why) {}

    /** A hold has ended; {@code spoiledBy} is what makes it EXPIRED, in words of ours, or null where it is VALID. */
    default void holdEnded(String sourceServerId, StandingHold hold, @Nullable String spoiledBy) {}

    /** An assigned volume is not opened, because it has failed before and nobody has asked to reopen it. */
    default void volumeLeftClosed(String sourceServerId, String volumeId, String cause) {}

    /**
     * An agent told how much it has still to send of each volume that it knows the backlog of, and what it has waited for since its
     * session opened. Every two seconds while a session with the feature is open, and before BYE; in range, but only what an agent says.
     */
    default void sourceStatus(String sourceServerId, List<VolumeBacklog> backlogs, SourceStatus.Waits waits) {}

    /** A volume is open, for the first time or again. */
    default void volumeOpened(String sourceServerId, String volumeId) {}

    /** A volume that is not assigned any more was closed, after what was received for it was on stable storage, unless it has failed. */
    default void volumeClosed(String sourceServerId, String volumeId) {}

    /**
     * Another file or device is in the place of the one that the volume was, so that nobody knows what it holds.
     *
     * @param before what told the former from others
     * @param now the same of the one that is there
     */
    default void volumeReplaced(String sourceServerId, String volumeId, String before, String now) {}

    /** Nobody knows what a volume holds that was replaced or is about to be reopened, or nothing is in it: it has another data generation. */
    default void volumeBegunAnew(String sourceServerId, String volumeId, String dataGen) {}

    /**
     * What an agent remembers of some volume does not hold any more: it has failed, is another one, or is to be sent again.
     *
     * @param record as it is stored since then
     */
    default void rescanNeeded(String sourceServerId, SourceRecord record) {}

    /** A volume cannot be opened; {@code reason} is text of ours. */
    default void volumeUnavailable(String sourceServerId, String volumeId, String reason) {}

    /** The device of a volume has not appeared yet; {@code reason} is text of ours. */
    default void volumeAwaited(String sourceServerId, String volumeId, String reason) {}

    /** A volume failed. */
    default void volumeFailed(String sourceServerId, VolumeFailure failure) {}

    /** Two agents of one source server take turns; the later is refused from now on. */
    default void duplicateAgent(String sourceServerId, RefusedAgent refused) {}

    /** An operator has chosen: agents that were refused as duplicates may come again. */
    default void agentsAccepted(String sourceServerId) {}

    /** A speed test of a source server begins. */
    default void speedTestBegan(String sourceServerId, String remoteAddress, int streams, int seconds) {}

    /** A speed test has ended; {@code reason} is in words. */
    default void speedTestEnded(String sourceServerId, String reason, TestResult result) {}

    /** Too many corrupt blocks of one agent in a short time. */
    default void repeatedCorruption(String sourceServerId, int blocks) {}
}
