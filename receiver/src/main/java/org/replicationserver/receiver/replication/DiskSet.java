package org.replicationserver.receiver.replication;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.DataReplicationInfo.ReplicatedDisk;
import org.replicationserver.receiver.replication.ReplicationCheckpoint.VolumeCheckpoint;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeBacklog;

/**
 * All disks of a source server, and the backlog over them. Event loop only.
 *
 * <p>The backlog is what the agent reports, less what became durable since; of a session whose agent has not reported, what is left of the
 * bytes that its newest EPOCH_OPEN estimated. Only disks of the newest session count: nothing is sent for the others.
 */
final class DiskSet {
    private Map<String, DiskProgress> disks = new LinkedHashMap<>();

    /** Whether the agent has reported in the newest session. */
    private boolean reporting;

    /** Volumes that came or grew since the newest session began. */
    private final Set<String> awaited = new HashSet<>();

    /** No report is newer than the newest commit, so that those there are cover what is committed. */
    private boolean reportsOutdated;

    private boolean estimated;
    private long estimateBytes;

    DiskSet(SourceAssignment assignment, Map<String, VolumeCheckpoint> kept, Moment now) {
        for (VolumeAssignment volume : assignment.volumes()) {
            disks.put(volume.volumeId(), new DiskProgress(volume, kept.get(volume.volumeId()), now));
        }
    }

    /** What an assignment means for the backlog. */
    enum Change {
        /** The disks are those that were there, and as large. */
        NONE,
        /** Disks went or shrank, and none came or grew. */
        LESS_TO_SEND,
        MORE_TO_SEND
    }

    /** Takes an assignment over; what it changes is against the one before, however often that was handed in. */
    Change assigned(SourceAssignment assignment, Moment now) {
        long bytesBefore = totalBytes();
        Map<String, DiskProgress> changed = new LinkedHashMap<>();
        boolean more = false;
        for (VolumeAssignment volume : assignment.volumes()) {
            DiskProgress known = disks.get(volume.volumeId());
            if (known == null) {
                known = new DiskProgress(volume, null, now);
                awaited.add(volume.volumeId());
                more = true;
            } else if (known.reassigned(volume)) {
                awaited.add(volume.volumeId());
                more = true;
            }
            changed.put(volume.volumeId(), known);
        }
        disks = changed;
        awaited.retainAll(changed.keySet());
        if (more) {
            return Change.MORE_TO_SEND;
        }
        return totalBytes() < bytesBefore ? Change.LESS_TO_SEND : Change.NONE;
    }

    Collection<DiskProgress> all() {
        return disks.values();
    }

    /** Null for a volume that is not assigned, or not any more. */
    @Nullable
    DiskProgress of(String volumeId) {
        return disks.get(volumeId);
    }

    Map<String, VolumeCheckpoint> checkpoints() {
        Map<String, VolumeCheckpoint> kept = new LinkedHashMap<>();
        disks.forEach((id, disk) -> {
            VolumeCheckpoint checkpoint = disk.checkpoint();
            if (checkpoint != null) {
                kept.put(id, checkpoint);
            }
        });
        return kept;
    }

    // --- events

    void sessionOpened(List<Welcome.Volume> volumes, long wallMillis) {
        reporting = false;
        awaited.clear();
        disks.values().forEach(DiskProgress::sessionOpens);
        for (Welcome.Volume volume : volumes) {
            DiskProgress disk = of(volume.volumeId());
            if (disk != null) {
                disk.welcomed(volume, wallMillis);
            }
        }
    }

    void epochOpened(long estimatedBytes) {
        if (!reporting) {
            estimated = true;
            estimateBytes = Math.max(0, estimatedBytes);
        }
    }

    void durable(String volumeId, long bytes) {
        DiskProgress disk = of(volumeId);
        if (disk != null) {
            disk.durable(bytes);
        }
        estimateBytes = Math.max(0, estimateBytes - bytes);
    }

    void reported(List<VolumeBacklog> backlogs) {
        reporting = true;
        reportsOutdated = false;
        estimated = false;
        for (VolumeBacklog backlog : backlogs) {
            DiskProgress disk = of(backlog.volumeId());
            if (disk != null && disk.isInSession()) {
                disk.reported(backlog.backlogBytes());
            }
        }
    }

    void committed(boolean fuzzy) {
        disks.values().stream().filter(DiskProgress::isInSession).forEach(disk -> disk.committed(fuzzy));
        reportsOutdated = true;
        estimateBytes = 0;
    }

    // --- the backlog

    /** Whether the newest session's agent has reported its backlog. */
    boolean isReporting() {
        return reporting;
    }

    /** What the agent has still to send and to have acknowledged, the initial sync included, as far as is known. */
    long remainingBytes() {
        if (estimated) {
            return estimateBytes;
        }
        long remaining = 0;
        for (DiskProgress disk : disks.values()) {
            if (disk.isInSession()) {
                remaining += disk.hasReport() ? disk.remainingBytes() : disk.missingBytes();
            }
        }
        return remaining;
    }

    /** The same, 0 after a commit until the agent reports again or opens an epoch. */
    long outstandingBytes() {
        return reportsOutdated && !estimated ? 0 : remainingBytes();
    }

    long missingBytes() {
        return disks.values().stream().mapToLong(DiskProgress::missingBytes).sum();
    }

    long totalBytes() {
        return disks.values().stream().mapToLong(DiskProgress::totalBytes).sum();
    }

    boolean areAvailable() {
        return disks.values().stream().allMatch(DiskProgress::isAvailable);
    }

    /** Whether a volume could not be opened, or has been waited for so long. */
    boolean isMissing(Moment now, Duration duration) {
        return disks.values().stream().anyMatch(disk -> disk.isMissing(now, duration));
    }

    /** Whether disks came or grew that no session has had since. */
    boolean areAwaited() {
        return !awaited.isEmpty();
    }

    /** Whether what the source writes can reach the volumes of all disks that are assigned, in the newest session. */
    boolean areServed() {
        return !areAwaited() && disks.values().stream().allMatch(DiskProgress::isServed);
    }

    /** Whether the volume of some disk takes no writes. */
    boolean areBroken() {
        return disks.values().stream().anyMatch(DiskProgress::isBroken);
    }

    /** Nobody knows what the volumes hold, until the next commit. */
    void notOfOneMoment() {
        disks.values().forEach(DiskProgress::notOfOneMoment);
    }

    /** Disks that the agent of the newest session did not name, although they were assigned and their volumes would have taken it. */
    List<DiskProgress> notOffered() {
        return disks.values().stream()
                .filter(disk -> !disk.isOffered() && disk.isAvailable() && !disk.isBroken())
                .filter(disk -> !awaited.contains(disk.assignment().volumeId()))
                .toList();
    }

    /** Whether the newest session has a disk that must be sent whole and no commit has had it since, or the next one will. */
    boolean isIncomplete() {
        return areAwaited() || disks.values().stream().anyMatch(disk -> disk.isInSession() && disk.isIncomplete());
    }

    /** The counters as they are published, in the order of the assignment. */
    List<ReplicatedDisk> counters() {
        List<ReplicatedDisk> counters = new ArrayList<>();
        long shared = estimated ? Math.max(0, estimateBytes - missingBytes()) : 0;
        long sharedBy = totalBytes();
        for (DiskProgress disk : disks.values()) {
            long backlogged = Math.max(0, disk.remainingBytes() - disk.missingBytes());
            if (estimated) {
                // Of an estimate for all disks each gets a part by its size, rounded down, the last what is left.
                backlogged = share(shared, disk.totalBytes(), sharedBy);
                shared -= backlogged;
                sharedBy -= disk.totalBytes();
            }
            counters.add(new ReplicatedDisk(
                    disk.assignment().deviceName(),
                    disk.totalBytes(),
                    disk.replicatedBytes(),
                    disk.rescannedBytes(),
                    backlogged));
        }
        return counters;
    }

    /** {@code bytes} × {@code part} ⁄ {@code whole}, no more than {@code part}. */
    private static long share(long bytes, long part, long whole) {
        if (bytes >= whole) {
            return part;
        }
        return Math.min(part, part == whole ? bytes : (long) (bytes * ((double) part / whole)));
    }
}
