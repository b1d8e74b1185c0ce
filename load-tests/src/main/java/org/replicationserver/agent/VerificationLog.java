package org.replicationserver.agent;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * When the volumes are verified, and what came of it. Event loop only.
 *
 * <p>A verification is made of rounds, each of which looks once at every block that is left; a round is made of parts, between which epochs
 * run. After a round whatever has changed is left, and waits for the next commit.
 */
final class VerificationLog {
    /** So many ranges are told in an event; the report has more. */
    private static final int TOLD_MAX = 8;

    private final List<ReplicatedDisk> disks;
    private final long pauseNanos;
    private long dueNanos;
    private boolean underWay;
    private boolean roundOpen;
    private boolean committed;
    private boolean foundDifferences;
    private long done;

    /** Of the verification before the one under way. */
    private AgentReport.Verified last = AgentReport.Verified.NONE;

    /** @param pauseNanos from the end of a verification to the begin of the next; 0 for none */
    VerificationLog(List<ReplicatedDisk> disks, long pauseNanos, long nowNanos) {
        this.disks = disks;
        this.pauseNanos = pauseNanos;
        this.dueNanos = nowNanos;
    }

    /** An epoch was committed. */
    void committed() {
        committed = true;
    }

    /** Whether there is something to verify now. */
    boolean isDue(long nowNanos) {
        if (pauseNanos == 0) {
            return false;
        }
        return underWay ? roundOpen || committed : committed && nowNanos - dueNanos >= 0;
    }

    /** Begins the next part; says whether it is the first of a verification. */
    boolean begin() {
        boolean first = !underWay;
        if (first) {
            underWay = true;
            disks.stream().filter(disk -> !disk.isLeftOut()).forEach(ReplicatedDisk::beginVerification);
        }
        roundOpen = true;
        committed = false;
        return first;
    }

    /** There never will be anything to verify in this session; another server may be asked after the next commit. */
    void impossible() {
        committed = false;
        roundOpen = false;
    }

    /**
     * A part was done.
     *
     * @param stopped before the end of its round
     * @param noMoreCommits so that what has changed cannot be looked at again
     * @return what is to be told of it
     */
    List<AgentEvent> partDone(boolean stopped, boolean noMoreCommits, long nowNanos) {
        roundOpen = stopped;
        if (!stopped) {
            verifications().forEach(Verification::roundDone);
        }
        List<AgentEvent> told = new ArrayList<>(newDifferences());
        boolean over = !stopped && (noMoreCommits || verifications().allMatch(Verification::isDone));
        if (over) {
            done++;
            last = sum();
            told.add(AgentEvent.state(summary(last)));
            disks.forEach(ReplicatedDisk::endVerification);
            underWay = false;
            committed = false;
            dueNanos = nowNanos + pauseNanos;
        }
        return told;
    }

    /** Gives the disk its new size. If it is being verified, that begins anew for it; says what is to be told. */
    List<AgentEvent> resize(ReplicatedDisk disk, DiskLook look) {
        List<AgentEvent> told = new ArrayList<>(newDifferences());
        boolean isVerified = disk.verification() != null;
        disk.resize(look);
        if (isVerified) {
            disk.beginVerification();
            told.add(AgentEvent.state(
                    disk.spec.deviceName() + ": its verification is given up and begins anew with the new size"));
        }
        return told;
    }

    private List<AgentEvent> newDifferences() {
        List<AgentReport.Difference> fresh = verifications()
                .flatMap(verification -> verification.takeNewDifferences().stream())
                .toList();
        if (fresh.isEmpty()) {
            return List.of();
        }
        foundDifferences = true;
        String more = fresh.size() > TOLD_MAX ? " and " + (fresh.size() - TOLD_MAX) + " ranges more" : "";
        return List.of(AgentEvent.warning(
                fresh.stream().limit(TOLD_MAX).map(AgentReport.Difference::text).collect(Collectors.joining("; "))
                        + more
                        + ": the volume is not what was sent to it; a rescan sends this again (RESCAN_VOLUMES, or start"
                        + " the agent again)"));
    }

    private static String summary(AgentReport.Verified verified) {
        return "verified: " + ProgressLine.bytes(verified.equalBytes()) + " are as they were sent, "
                + ProgressLine.bytes(verified.differingBytes()) + " are not"
                + (verified.leftBytes() == 0
                        ? ""
                        : ", " + ProgressLine.bytes(verified.leftBytes()) + " were not compared because they changed");
    }

    private Stream<Verification> verifications() {
        return disks.stream().map(ReplicatedDisk::verification).filter(Objects::nonNull);
    }

    private AgentReport.Verified sum() {
        return new AgentReport.Verified(
                done,
                verifications().mapToLong(Verification::equalBytes).sum(),
                verifications().mapToLong(Verification::differingBytes).sum(),
                verifications().mapToLong(Verification::leftBytes).sum(),
                verifications()
                        .flatMap(verification -> verification.differences().stream())
                        .toList());
    }

    /** Whether any verification has found a difference. */
    boolean foundDifferences() {
        return foundDifferences;
    }

    /** The verification under way, or the last one; null if there never was one. */
    AgentReport.@Nullable Verified report() {
        if (underWay) {
            return sum();
        }
        return done == 0 ? null : last;
    }
}
