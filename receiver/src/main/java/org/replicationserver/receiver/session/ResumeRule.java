package org.replicationserver.receiver.session;

import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;

/** What an agent must send of a disk, by what it remembers: section 6, number 8, of the specification. Pure. */
final class ResumeRule {
    /** What WELCOME says of a volume, and why, in the words of the specification. */
    record Answer(Welcome.Action action, String reason) {}

    private static final Answer RESUME = new Answer(Welcome.Action.RESUME, "NONE");

    private ResumeRule() {}

    /**
     * Decides about a volume that takes writes.
     *
     * @param record of the source server
     * @param known what is kept of the volume
     * @param remembers what the agent remembers, null if nothing
     */
    static Answer of(SourceRecord record, VolumeRecord known, Hello.@Nullable Remembered remembers, String deviceName) {
        Hello.RememberedDisk disk = remembers == null ? null : remembers.disk(deviceName);
        if (remembers == null || disk == null) {
            // Of a volume that may have been written an agent had better compare than send everything; that other
            // volumes were says nothing.
            boolean written = record.writtenGeneration() >= known.sinceGeneration()
                    && (record.commit().epoch() > 0
                            || (known.origin() == Origin.NEW_VOLUME && record.writtenGeneration() > 0));
            return rescan(written ? "AGENT_REMEMBERS_NOTHING" : known.origin().name());
        }
        if (!disk.dataGen().equals(known.dataGen())) {
            return rescan(
                    known.origin() == Origin.NEW_VOLUME
                            ? "DATA_GENERATION_DIFFERS"
                            : known.origin().name());
        }
        if (knowsNotOfTheWriter(record, remembers) || knowsNotOfACommit(record, disk)) {
            return rescan(Origin.AGENT_BEHIND.name());
        }
        return record.commit().epoch() < disk.committedEpoch() ? rescan("EPOCH_BEHIND") : RESUME;
    }

    /** Whether something may have been written, to any volume, that an agent does not know of though it remembers something. */
    static boolean isBehind(SourceRecord record, Hello.@Nullable Remembered remembers) {
        return remembers != null
                && (knowsNotOfTheWriter(record, remembers)
                        || remembers.disks().stream().anyMatch(disk -> knowsNotOfACommit(record, disk)));
    }

    private static boolean knowsNotOfTheWriter(SourceRecord record, Hello.Remembered remembers) {
        return remembers.generation() < record.writtenGeneration();
    }

    /** Of the newest one it may have missed the answer. */
    private static boolean knowsNotOfACommit(SourceRecord record, Hello.RememberedDisk disk) {
        return disk.committedEpoch() < record.commit().previousEpoch();
    }

    private static Answer rescan(String reason) {
        return new Answer(Welcome.Action.RESCAN, reason);
    }
}
