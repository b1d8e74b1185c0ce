package org.replicationserver.receiver.server;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.ReplicationRecord;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;

/** Turns what is kept of a source server into what is told of it, and what was told back into what is kept. Any thread. */
public final class ReportedRecord {
    private ReportedRecord() {}

    /** Volumes that have failed are left out: nobody knows what they hold. */
    public static ReplicationRecord of(SourceRecord record) {
        Map<String, String> dataGens = new LinkedHashMap<>();
        record.volumes().forEach((id, volume) -> {
            if (volume.failedCause() == null) {
                dataGens.put(id, volume.dataGen());
            }
        });
        return new ReplicationRecord(
                record.generation(),
                record.writtenGeneration(),
                record.commit().epoch(),
                record.commit().previousEpoch(),
                record.commit().fuzzy(),
                instant(record.commit().markTimeMillis()),
                instant(record.firstByteMillis()),
                dataGens);
    }

    private static @Nullable Instant instant(long millis) {
        return millis == 0 ? null : Instant.ofEpochMilli(millis);
    }

    /** The record with which another server begins. */
    public static SourceRecord toSourceRecord(ReplicationRecord told) {
        SourceRecord record = SourceRecord.initial()
                .withGeneration(told.generation())
                .withWriter(told.writtenGeneration())
                .withCommit(told.previousEpoch(), false, 0)
                .withCommit(told.committedEpoch(), told.committedFuzzy(), millis(told.markDateTime()))
                .withFirstByte(millis(told.firstByteDateTime()));
        for (Map.Entry<String, String> volume : told.dataGens().entrySet()) {
            record = record.withVolume(volume.getKey(), new VolumeRecord(volume.getValue(), Origin.NEW_VOLUME, null));
        }
        return record;
    }

    private static long millis(@Nullable Instant instant) {
        return instant == null ? 0 : instant.toEpochMilli();
    }
}
