package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * What must be known of a source server after a restart; immutable. One file, so that a commit of all its disks is one atomic
 * write.
 *
 * @param sessions who had the newest sessions
 * @param committedEpoch the newest epoch that is committed, 0 if none
 * @param committedFuzzy whether that epoch was opened fuzzy
 * @param markTimeMillis the mark of that epoch, 0 if none
 * @param firstByteMillis when the first block came, 0 if none
 * @param volumes by volume id
 * @param refusedInstances agents that were found to be duplicates, until an operator accepts them
 */
public record SourceRecord(
        SessionHistory sessions,
        long committedEpoch,
        boolean committedFuzzy,
        long markTimeMillis,
        long firstByteMillis,
        Map<String, VolumeRecord> volumes,
        List<String> refusedInstances) {

    /** Volumes that were ever assigned, before those that are no more are forgotten. */
    static final int VOLUMES_KEPT_MAX = 512;

    private static final int VOLUMES_MAX = VOLUMES_KEPT_MAX + ProtocolLimits.DISKS_MAX;

    /** With the bounds of its members no record is larger. */
    private static final int BYTES_MAX = 1024 * 1024;

    private static final int FAILED_CAUSE_CHARS_MAX = 256;
    private static final int REFUSED_INSTANCES_MAX = 16;

    /** Why a volume has the data generation that it has; the words are those of WELCOME. */
    public enum Origin {
        NEW_VOLUME,
        STATE_LOST,
        VOLUME_REOPENED
    }

    /**
     * What is kept of a volume.
     *
     * @param dataGen random id of the content's history, 32 hexadecimal digits
     * @param origin why it was drawn
     * @param failedCause why the volume has failed, or null if it has not
     */
    public record VolumeRecord(
            String dataGen, Origin origin, @Nullable String failedCause) {
        public VolumeRecord {
            if (failedCause != null && failedCause.length() > FAILED_CAUSE_CHARS_MAX) {
                failedCause = failedCause.substring(0, FAILED_CAUSE_CHARS_MAX);
            }
        }
    }

    public SourceRecord {
        volumes = Map.copyOf(volumes);
        refusedInstances = List.copyOf(refusedInstances);
    }

    /** The record of a source server that was never seen. */
    public static SourceRecord initial() {
        return new SourceRecord(SessionHistory.none(), 0, false, 0, 0, Map.of(), List.of());
    }

    public SourceRecord withSessions(SessionHistory newSessions) {
        return new SourceRecord(
                newSessions,
                committedEpoch,
                committedFuzzy,
                markTimeMillis,
                firstByteMillis,
                volumes,
                refusedInstances);
    }

    public SourceRecord withCommit(long epoch, boolean fuzzy, long newMarkTimeMillis) {
        return new SourceRecord(sessions, epoch, fuzzy, newMarkTimeMillis, firstByteMillis, volumes, refusedInstances);
    }

    public SourceRecord withFirstByte(long millis) {
        return new SourceRecord(
                sessions, committedEpoch, committedFuzzy, markTimeMillis, millis, volumes, refusedInstances);
    }

    public SourceRecord withVolume(String volumeId, VolumeRecord volume) {
        Map<String, VolumeRecord> changed = new LinkedHashMap<>(volumes);
        changed.put(volumeId, volume);
        return withVolumes(changed);
    }

    /** Forgets a volume, so that its next session begins with a new data generation. */
    public SourceRecord withoutVolume(String volumeId) {
        Map<String, VolumeRecord> changed = new LinkedHashMap<>(volumes);
        changed.remove(volumeId);
        return withVolumes(changed);
    }

    /**
     * Forgets volumes that are not assigned any more, if there are so many of them that the record could become too large to be
     * read back. Otherwise they are kept: one that is assigned again, said to be fresh, is not.
     */
    SourceRecord pruned(SourceAssignment assignment) {
        if (volumes.size() <= VOLUMES_KEPT_MAX) {
            return this;
        }
        Map<String, VolumeRecord> kept = new LinkedHashMap<>(volumes);
        kept.keySet()
                .retainAll(assignment.volumes().stream()
                        .map(VolumeAssignment::volumeId)
                        .toList());
        return withVolumes(kept);
    }

    private SourceRecord withVolumes(Map<String, VolumeRecord> changed) {
        return new SourceRecord(
                sessions, committedEpoch, committedFuzzy, markTimeMillis, firstByteMillis, changed, refusedInstances);
    }

    public SourceRecord withRefusedInstances(List<String> instances) {
        List<String> newest =
                instances.subList(Math.max(0, instances.size() - REFUSED_INSTANCES_MAX), instances.size());
        return new SourceRecord(
                sessions, committedEpoch, committedFuzzy, markTimeMillis, firstByteMillis, volumes, newest);
    }

    /** Reads what {@link #toBytes} wrote; members that a later version added are ignored. */
    public static SourceRecord parse(byte[] bytes) throws ProtocolException {
        JsonBody json = JsonBody.parse(ByteBuffer.wrap(bytes), BYTES_MAX);
        Map<String, VolumeRecord> volumes = new LinkedHashMap<>();
        for (JsonBody volume : json.objects("volumes", 0, VOLUMES_MAX)) {
            volumes.put(
                    volume.string("volumeId", 1, 128),
                    new VolumeRecord(
                            volume.string("dataGen", 1, 32),
                            volume.constant("origin", Origin.class),
                            volume.has("failedCause")
                                    ? volume.string("failedCause", 0, FAILED_CAUSE_CHARS_MAX)
                                    : null));
        }
        return new SourceRecord(
                new SessionHistory(
                        json.number64("generation"), json.string("instance", 0, 32), json.number64("sinceGeneration")),
                json.number64("committedEpoch"),
                json.bool("committedFuzzy"),
                json.integer("markTimeMillis", 0, Long.MAX_VALUE),
                json.integer("firstByteMillis", 0, Long.MAX_VALUE),
                volumes,
                json.strings("refusedInstances", 0, REFUSED_INSTANCES_MAX));
    }

    public byte[] toBytes() {
        List<JsonBody> list = new ArrayList<>();
        volumes.forEach((id, volume) -> list.add(JsonBody.empty()
                .put("volumeId", id)
                .put("dataGen", volume.dataGen())
                .put("origin", volume.origin().name())
                .putIfPresent("failedCause", volume.failedCause())));
        return JsonBody.empty()
                .putNumber64("generation", sessions.generation())
                .put("instance", sessions.instance())
                .putNumber64("sinceGeneration", sessions.sinceGeneration())
                .putNumber64("committedEpoch", committedEpoch)
                .put("committedFuzzy", committedFuzzy)
                .put("markTimeMillis", markTimeMillis)
                .put("firstByteMillis", firstByteMillis)
                .put("volumes", list)
                .put("refusedInstances", refusedInstances)
                .toBytes();
    }
}
