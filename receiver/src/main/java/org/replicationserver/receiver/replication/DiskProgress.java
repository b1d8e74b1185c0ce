package org.replicationserver.receiver.replication;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.ReplicationCheckpoint.VolumeCheckpoint;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.VolumeAssignment;

/**
 * The counters of one disk and what is known of its volume. Event loop only.
 *
 * <p>A <em>pass</em> is one sending of the whole disk: it begins with a data generation, and again when the agent must send everything.
 *
 * <p>Invariants: 0 ≤ replicated, rescanned, backlogged ≤ total; replicated never decreases within a data generation, nor rescanned within
 * a rescan.
 */
final class DiskProgress {
    private static final long UNKNOWN = -1;

    private VolumeAssignment assignment;
    private long totalBytes;

    private @Nullable String dataGen;
    private boolean complete;
    private boolean rescanning;
    private String passReason = "begun with an earlier process of this server";
    private long passDurableBytes;
    private long replicatedBytes;
    private long rescannedBytes;

    /** In the newest session, which may have ended, and not failed when it opened: the agent may send blocks of it. */
    private boolean inSession;

    /** In the HELLO of the newest session. */
    private boolean offered;

    // the agent's backlog
    private long reportedBytes = UNKNOWN;
    private long durableSinceReportBytes;

    // the volume
    private boolean available;
    private long askedNanos;
    private boolean awaited = true;
    private @Nullable String unavailableReason;
    private @Nullable String failedCause;
    private long failedMillis;
    private boolean ofOneMoment;
    private @Nullable FoundDifference difference;

    DiskProgress(VolumeAssignment assignment, @Nullable VolumeCheckpoint kept, Moment now) {
        this.assignment = assignment;
        this.totalBytes = assignment.sizeBytes();
        this.askedNanos = now.nanos();
        if (kept == null) {
            passReason = "no session has had it yet";
        } else {
            dataGen = kept.dataGen();
            complete = kept.complete();
            rescanning = kept.rescanning();
            replicatedBytes = complete ? totalBytes : Math.clamp(kept.replicatedBytes(), 0, totalBytes);
            rescannedBytes = Math.clamp(kept.rescannedBytes(), 0, totalBytes);
            failedCause = kept.failedCause();
            difference = kept.difference();
            failedMillis = failedCause == null || kept.failedMillis() > 0 ? kept.failedMillis() : now.wallMillis();
        }
    }

    /** Null before the first session that had the disk. */
    @Nullable
    VolumeCheckpoint checkpoint() {
        String generation = dataGen;
        return generation == null
                ? null
                : new VolumeCheckpoint(
                        generation,
                        complete,
                        rescanning,
                        replicatedBytes,
                        rescannedBytes,
                        failedCause,
                        failedMillis,
                        difference);
    }

    /** Its assignment changed. Returns whether it grew; what it has more is not replicated. */
    boolean reassigned(VolumeAssignment changed) {
        boolean grew = changed.sizeBytes() > totalBytes;
        passReason = grew ? "it has grown" : passReason;
        complete &= !grew;
        rescanning &= complete;
        assignment = changed;
        totalBytes = changed.sizeBytes();
        replicatedBytes = Math.min(replicatedBytes, totalBytes);
        rescannedBytes = Math.min(rescannedBytes, totalBytes);
        reportedBytes = Math.min(reportedBytes, totalBytes);
        return grew;
    }

    VolumeAssignment assignment() {
        return assignment;
    }

    // --- sessions

    /** The disk is not in the session that opens, unless {@link #welcomed} follows. */
    void sessionOpens() {
        inSession = false;
        offered = false;
    }

    void welcomed(Welcome.Volume volume, long wallMillis) {
        offered = true;
        inSession = volume.action() != Welcome.Action.FAILED;
        if (!inSession) {
            if (available) {
                failed(volume.reason(), wallMillis);
            }
            return;
        }
        if (!volume.dataGen().equals(dataGen)) {
            // Who asks for a rescan takes nothing from the volume; any other new generation may stand for another
            // content.
            begin(volume.dataGen(), complete && volume.reason().equals(Origin.RESCAN_REQUESTED.name()));
        }
        if (volume.action() == Welcome.Action.RESCAN) {
            passReason = volume.reason();
            mended();
            passDurableBytes = 0;
            reportedBytes = UNKNOWN;
            rescannedBytes = rescanning ? rescannedBytes : 0;
            rescanning = complete;
        }
    }

    private void begin(String newDataGen, boolean stillComplete) {
        dataGen = newDataGen;
        complete = stillComplete;
        rescanning = false;
        replicatedBytes = complete ? replicatedBytes : 0;
        rescannedBytes = 0;
        passDurableBytes = 0;
        ofOneMoment = false;
        mended();
    }

    /** What was found to differ is compared or sent again. */
    private void mended() {
        ofOneMoment &= difference == null;
        difference = null;
    }

    /** What the volume held counts no more. */
    void begunAnew(String newDataGen) {
        passReason = Origin.VOLUME_REOPENED.name();
        begin(newDataGen, false);
    }

    void durable(long bytes) {
        passDurableBytes += bytes;
        durableSinceReportBytes += bytes;
        ofOneMoment = false;
        advance(Math.min(passDurableBytes, totalBytes - remainingBytes()));
    }

    void reported(long backlogBytes) {
        reportedBytes = Math.clamp(backlogBytes, 0, totalBytes);
        durableSinceReportBytes = 0;
        advance(totalBytes - reportedBytes);
    }

    private void advance(long bytes) {
        if (!complete) {
            replicatedBytes = Math.clamp(bytes, replicatedBytes, totalBytes);
        } else if (rescanning) {
            rescannedBytes = Math.clamp(bytes, rescannedBytes, totalBytes);
        }
    }

    void committed(boolean fuzzy) {
        complete = true;
        replicatedBytes = totalBytes;
        rescannedBytes = rescanning ? totalBytes : rescannedBytes;
        rescanning = false;
        ofOneMoment = !fuzzy;
    }

    boolean isInSession() {
        return inSession;
    }

    /** Whether the agent of the newest session has named the disk. */
    boolean isOffered() {
        return offered;
    }

    /** Whether what the source writes to the disk can reach its volume in the newest session. */
    boolean isServed() {
        return inSession && !isBroken();
    }

    // --- the volume

    void opened() {
        available = true;
        unavailableReason = null;
        failedCause = null;
        failedMillis = 0;
    }

    /** It could not be opened. */
    void unavailable(String reason, long nowNanos) {
        notOpen(reason, nowNanos);
        awaited = false;
    }

    /** Its device has not appeared. */
    void awaited(String reason, long nowNanos) {
        notOpen(reason, nowNanos);
        awaited = true;
    }

    private void notOpen(String reason, long nowNanos) {
        askedNanos = available ? nowNanos : askedNanos;
        available = false;
        ofOneMoment = false;
        unavailableReason = reason;
    }

    /** The same failure may be told again, by whoever else has found it. */
    void failed(String cause, long wallMillis) {
        failedCause = cause;
        ofOneMoment = false;
        failedMillis = failedMillis == 0 ? wallMillis : failedMillis;
    }

    boolean isAvailable() {
        return available;
    }

    /** Whether the volume takes no writes for another reason than that it is not there yet. */
    boolean isBroken() {
        return failedCause != null || (!available && !awaited);
    }

    /** Whether the volume could not be opened, or has been waited for so long. */
    boolean isMissing(Moment now, Duration duration) {
        return !available && (!awaited || now.isAfter(askedNanos, duration));
    }

    /** Whether its device was looked for and has not appeared. */
    boolean isAwaited() {
        return !available && awaited && unavailableReason != null;
    }

    long missingSeconds(Moment now) {
        return now.secondsSince(askedNanos);
    }

    String unavailableReason() {
        return unavailableReason == null ? "it was not found yet" : unavailableReason;
    }

    @Nullable
    String failedCause() {
        return failedCause;
    }

    /** When it failed, or when this process first heard of that; 0 if it has not. */
    long failedMillis() {
        return failedMillis;
    }

    /** Whether the volume holds the disk as it was at one moment, as far as is known. */
    boolean isOfOneMoment() {
        return ofOneMoment && available && difference == null;
    }

    /** A verification has found blocks of the volume that are not what its agent sent. */
    void foundDifferent(long offsetBytes, long bytes, long wallMillis) {
        difference =
                new FoundDifference(difference == null ? wallMillis : difference.sinceMillis(), offsetBytes, bytes);
    }

    /** Null if nothing was found since the disk was last sent or compared. */
    @Nullable
    FoundDifference difference() {
        return difference;
    }

    /** Until the next commit. */
    void notOfOneMoment() {
        ofOneMoment = false;
    }

    // --- counters

    long totalBytes() {
        return totalBytes;
    }

    long replicatedBytes() {
        return replicatedBytes;
    }

    /** Sent again so far in the present rescan, or in the last one. */
    long rescannedBytes() {
        return rescannedBytes;
    }

    /** Whether no commit has had it, in this rescan if there is one. */
    boolean isIncomplete() {
        return rescanning || !complete;
    }

    /** How much of the present sending of the whole disk is done. */
    long passBytes() {
        return rescanning ? rescannedBytes : replicatedBytes;
    }

    /** Why WELCOME said that everything must be sent. */
    String passReason() {
        return passReason;
    }

    /** Not replicated yet, 0 once a commit had the disk. */
    long missingBytes() {
        return totalBytes - replicatedBytes;
    }

    boolean hasReport() {
        return reportedBytes != UNKNOWN;
    }

    /** What is left of the reported backlog; 0 if none was reported. */
    long remainingBytes() {
        return hasReport() ? Math.max(0, reportedBytes - durableSinceReportBytes) : 0;
    }
}
