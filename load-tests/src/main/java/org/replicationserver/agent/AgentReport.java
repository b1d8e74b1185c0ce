package org.replicationserver.agent;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an agent has done since its start, as of one moment. Immutable, any thread.
 *
 * @param phase what it does now
 * @param epoch the epoch that is being sent, or 0
 * @param committedEpoch the newest epoch that is known to be committed
 * @param rawBytesSent bytes of the disks that frames covered, zeros included
 * @param zeroBytesSent those of them that were zeros, sent without payload
 * @param wireBytesSent bytes of all frames, headers included, TLS not
 * @param bytesResent bytes of DATA that had been sent before in the same epoch and were not acknowledged
 * @param zeroBytesResent the same for zeros, which cost 64 bytes on the wire whatever their length
 * @param durableBytes bytes of the disks that were acknowledged as being on stable storage, each newest sending once
 * @param readBytes bytes read from the disks
 * @param skippedFrames frames of the server that this version does not know
 * @param reconnects sessions that were open and ended while the agent went on
 * @param cycles the newest committed epochs, oldest first; at most {@link #CYCLES_MAX}
 * @param verified the verification under way, or the last one; null if there was none
 * @param outcome how it ended, or null while it runs
 */
public record AgentReport(
        Phase phase,
        long epoch,
        long committedEpoch,
        long rawBytesSent,
        long zeroBytesSent,
        long wireBytesSent,
        long bytesResent,
        long zeroBytesResent,
        long durableBytes,
        long readBytes,
        long skippedFrames,
        long sessions,
        long commits,
        long reconnects,
        List<Disk> disks,
        List<Cycle> cycles,
        @Nullable Verified verified,
        @Nullable AgentOutcome outcome) {
    /** Older cycles are dropped, so that an agent that runs for years keeps its size. */
    public static final int CYCLES_MAX = 1000;

    /** What an agent does. */
    public enum Phase {
        /** It waits to connect, connects, or opens a session. */
        CONNECTING,
        /** It sends an epoch. */
        SENDING,
        /** All is sent, the commit is not answered yet. */
        COMMITTING,
        /** No volume takes writes, so nothing can be sent. */
        WITHHELD,
        /** It waits for the next cycle. */
        RESTING,
        /** It compares volumes with what was sent to them, and waits for the next cycle. */
        VERIFYING,
        ENDED
    }

    /**
     * One disk.
     *
     * @param settledBytes bytes that need not be looked at or acknowledged any more in this epoch
     * @param rescanning whether blocks of it are still to be compared with the volume
     * @param comparedBytes bytes that rescans have compared with the volume
     * @param equalBytes those of them that the volume had
     * @param differingBytes those of them, in blocks of 64 KiB, that it had not
     * @param failure why its volume takes no writes, or null
     */
    public record Disk(
            String deviceName,
            long sizeBytes,
            long settledBytes,
            long rawBytesSent,
            long dataBytesSent,
            long payloadBytesSent,
            long durableBytes,
            boolean rescanning,
            long comparedBytes,
            long equalBytes,
            long differingBytes,
            @Nullable String failure) {}

    /**
     * What a verification has found.
     *
     * @param verifications that are done, this one included if it is
     * @param equalBytes bytes that volumes have as they were sent
     * @param differingBytes bytes that they have not
     * @param leftBytes bytes that were not compared, not yet or because the source has changed each time
     * @param differences where volumes differ, in blocks of 64 KiB; at most {@link Verification#DIFFERENCES_MAX} of each disk
     */
    public record Verified(
            long verifications, long equalBytes, long differingBytes, long leftBytes, List<Difference> differences) {
        static final Verified NONE = new Verified(0, 0, 0, 0, List.of());
    }

    /** A range in which a volume is not what was sent to it. */
    public record Difference(String deviceName, long offsetBytes, long lengthBytes) {
        String text() {
            return deviceName + ": " + lengthBytes + " bytes at byte " + offsetBytes;
        }
    }

    /**
     * One committed epoch, with what was counted from its begin to its commit.
     *
     * @param seconds from the begin of its first attempt to the answer of its commit
     * @param reconnects sessions that were open and ended meanwhile
     */
    public record Cycle(
            long epoch,
            boolean fuzzy,
            long rawBytes,
            long zeroBytes,
            long wireBytes,
            long resentBytes,
            long zeroResentBytes,
            long durableBytes,
            long readBytes,
            double seconds,
            long reconnects) {}
}
