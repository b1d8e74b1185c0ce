package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.volume.Mark;
import org.replicationserver.volume.Volume;

/**
 * What must be known of a source server after a restart; immutable. One file, so that a commit of all its disks is one atomic
 * write.
 *
 * @param generation of the newest session that was given out
 * @param writtenGeneration the newest whose session opened an epoch, and so may have written; what an agent remembers holds only if
 *     it remembers this one or a newer
 * @param commit the newest
 * @param firstByteMillis when the first block came, 0 if none
 * @param stateLost whether the record before this one could not be read, so that nothing is known of volumes that are not in this one
 * @param takenOver whether it is what another server reported last, and no agent came since: that server may have committed more
 * @param volumes by volume id
 * @param refusedAgents those that were found to be duplicates, until an operator accepts them
 */
public record SourceRecord(
        long generation,
        long writtenGeneration,
        Commit commit,
        long firstByteMillis,
        boolean stateLost,
        boolean takenOver,
        Map<String, VolumeRecord> volumes,
        List<RefusedAgent> refusedAgents) {

    /** Volumes that were ever assigned, before those that are no more are forgotten. */
    static final int VOLUMES_KEPT_MAX = 512;

    private static final int VOLUMES_MAX = VOLUMES_KEPT_MAX + ProtocolLimits.DISKS_MAX;

    /** With the bounds of its members no record is larger. */
    private static final int BYTES_MAX = 1024 * 1024;

    /**
     * Of sessions that another server may have given out after its last report. None of them may be given out again: two copies of an agent
     * could have the same one then, and the one that did not write would be believed.
     */
    static final long GENERATIONS_UNREPORTED = 1L << 20;

    private static final int FAILED_CAUSE_CHARS_MAX = 256;
    private static final int PHYSICAL_ID_CHARS_MAX = 256;
    private static final int PATH_CHARS_MAX = 128;
    private static final int REFUSED_AGENTS_MAX = InstanceHistory.REFUSED_MAX;

    /** Why a volume has the data generation that it has; the words are those of WELCOME. */
    public enum Origin {
        NEW_VOLUME,
        STATE_LOST,
        VOLUME_REOPENED,
        RESCAN_REQUESTED,
        VOLUME_REPLACED,
        /** An agent that is behind could not be told so, and would not show it the next time. */
        AGENT_BEHIND
    }

    /**
     * What is kept of a volume.
     *
     * @param dataGen random id of the content's history, 32 hexadecimal digits
     * @param origin why it was drawn
     * @param failedCause why the volume has failed, or null if it has not
     * @param heldBytes how long an image file has been while sessions may have written to it, so that a shorter one has lost something; 0 if
     *     none has, {@link #HELD_UNKNOWN} if nobody knows
     * @param physicalId what told its device from others when it was open last, or null
     * @param path under which it was open last, only its last {@value #PATH_CHARS_MAX} characters; empty if it was found by its id, null if
     *     nobody knows
     * @param staleId what told a device that had this volume with another content before another server reported this one, or null
     * @param sinceGeneration of the first session that could write to it; 0 if that is not known
     */
    public record VolumeRecord(
            String dataGen,
            Origin origin,
            @Nullable String failedCause,
            long heldBytes,
            @Nullable String physicalId,
            @Nullable String path,
            @Nullable String staleId,
            long sinceGeneration) {
        static final long HELD_UNKNOWN = Long.MAX_VALUE;

        /** Of a volume that was not open here. */
        public VolumeRecord(String dataGen, Origin origin, @Nullable String failedCause) {
            this(dataGen, origin, failedCause, HELD_UNKNOWN, null, null, null, 0);
        }

        /** Of a volume to which no session has written under this data generation, and which was not open either. */
        static VolumeRecord drawn(String dataGen, Origin origin, long sinceGeneration) {
            return new VolumeRecord(dataGen, origin, null, 0, null, null, null, sinceGeneration);
        }

        public VolumeRecord {
            if (failedCause != null && failedCause.length() > FAILED_CAUSE_CHARS_MAX) {
                failedCause = failedCause.substring(0, FAILED_CAUSE_CHARS_MAX);
            }
        }

        VolumeRecord withFailure(@Nullable String newCause) {
            return new VolumeRecord(dataGen, origin, newCause, heldBytes, physicalId, path, staleId, sinceGeneration);
        }

        VolumeRecord withOrigin(Origin newOrigin) {
            return new VolumeRecord(
                    dataGen, newOrigin, failedCause, heldBytes, physicalId, path, staleId, sinceGeneration);
        }

        /** The same volume with another data generation. */
        VolumeRecord withDataGen(String newDataGen, Origin newOrigin) {
            return new VolumeRecord(newDataGen, newOrigin, failedCause, heldBytes, physicalId, path, staleId, 0);
        }

        /** It is open as it is assigned, on the device that is told so, if anything tells. */
        VolumeRecord opened(VolumeAssignment as, @Nullable String newPhysicalId) {
            return new VolumeRecord(
                    dataGen,
                    origin,
                    failedCause,
                    as.sizeBytes(),
                    newPhysicalId == null ? physicalId : newPhysicalId,
                    pathOf(as),
                    null,
                    sinceGeneration);
        }

        /** Whether what was opened is not what had the content of this record. */
        boolean isReplacedBy(Volume opened, VolumeAssignment as) {
            String found = opened.physicalId();
            if (physicalId != null) {
                // What tells nothing, as a loop device, may be the same one as long as nobody leads to another path.
                return found == null ? path != null && !path.equals(pathOf(as)) : !found.equals(physicalId);
            }
            if (as.path() == null) {
                return false; // its id is its serial number: it has come with its content
            }
            boolean openedFirst = heldBytes == HELD_UNKNOWN;
            return (openedFirst && opened.mark() == Mark.ABSENT) || (found != null && found.equals(staleId));
        }

        private static String pathOf(VolumeAssignment as) {
            String path = as.path() == null ? "" : as.path().toString();
            return path.substring(Math.max(0, path.length() - PATH_CHARS_MAX));
        }

        /** This record, which another server reported, with what is known here of the volume's device. */
        private VolumeRecord takenOver(@Nullable VolumeRecord here) {
            if (here == null) {
                return this;
            }
            boolean same = here.dataGen.equals(dataGen);
            return new VolumeRecord(
                    dataGen,
                    origin,
                    failedCause,
                    heldBytes,
                    same ? here.physicalId : null,
                    same ? here.path : null,
                    same || here.physicalId == null ? here.staleId : here.physicalId,
                    sinceGeneration);
        }

        /** The device for people. */
        String device() {
            return physicalId != null ? physicalId : path != null ? "path=" + path : "not known here";
        }

        private JsonBody toJson(String volumeId) {
            JsonBody json = JsonBody.empty()
                    .put("volumeId", volumeId)
                    .put("dataGen", dataGen)
                    .put("origin", origin.name())
                    .putIfPresent("failedCause", failedCause)
                    .putIfPresent("physicalId", physicalId)
                    .putIfPresent("path", path)
                    .putIfPresent("staleId", staleId)
                    .putNumber64("sinceGeneration", sinceGeneration);
            return heldBytes == HELD_UNKNOWN ? json : json.put("heldBytes", heldBytes);
        }

        private static VolumeRecord of(JsonBody json) throws ProtocolException {
            return new VolumeRecord(
                    json.string("dataGen", 1, 32),
                    json.constant("origin", Origin.class),
                    stringOf(json, "failedCause", FAILED_CAUSE_CHARS_MAX),
                    json.has("heldBytes") ? json.integer("heldBytes", 0, ProtocolLimits.DISK_BYTES_MAX) : HELD_UNKNOWN,
                    stringOf(json, "physicalId", PHYSICAL_ID_CHARS_MAX),
                    stringOf(json, "path", PATH_CHARS_MAX),
                    stringOf(json, "staleId", PHYSICAL_ID_CHARS_MAX),
                    json.has("sinceGeneration") ? json.number64("sinceGeneration") : 0);
        }

        private static @Nullable String stringOf(JsonBody json, String member, int charsMax) throws ProtocolException {
            return json.has(member) ? json.string(member, 0, charsMax) : null;
        }
    }

    /**
     * A committed epoch.
     *
     * @param epoch 0 if none is committed
     * @param previousEpoch the one that was committed before, 0 if none was
     * @param fuzzy whether it was opened fuzzy
     * @param markTimeMillis its mark, 0 if none is committed
     */
    public record Commit(long epoch, long previousEpoch, boolean fuzzy, long markTimeMillis) {}

    public SourceRecord {
        volumes = Map.copyOf(volumes);
        refusedAgents = List.copyOf(refusedAgents);
    }

    /** The record of a source server that was never seen. */
    public static SourceRecord initial() {
        return new SourceRecord(0, 0, new Commit(0, 0, false, 0), 0, false, false, Map.of(), List.of());
    }

    /** The record of a source server whose own could not be read. */
    public static SourceRecord lost() {
        SourceRecord none = initial();
        return new SourceRecord(0, 0, none.commit, 0, true, false, none.volumes, none.refusedAgents);
    }

    /** Why a volume has failed, or null if it has not. One that has failed is not opened until an operator reopens it. */
    public @Nullable String failedCause(String volumeId) {
        VolumeRecord known = volumes.get(volumeId);
        return known == null ? null : known.failedCause;
    }

    /** Whether an image file that is missing may be made: nobody has written it, or says so where that is not known any more. */
    public boolean mayMake(VolumeAssignment volume) {
        return volumes.get(volume.volumeId()) == null && (!stateLost || volume.fresh());
    }

    /** So many bytes an image file must have, if not all, or it has lost something; 0 if that does not matter. */
    public long heldBytes(String volumeId) {
        VolumeRecord known = volumes.get(volumeId);
        return known == null ? 0 : known.heldBytes;
    }

    private SourceRecord takenOver(SourceRecord here) {
        Map<String, VolumeRecord> known = new LinkedHashMap<>(volumes);
        known.replaceAll((id, volume) -> volume.takenOver(here.volumes.get(id)));
        return new SourceRecord(
                generation + GENERATIONS_UNREPORTED,
                writtenGeneration,
                commit,
                firstByteMillis,
                here.stateLost,
                true,
                known,
                refusedAgents);
    }

    /**
     * The record with which the first agent is met after a takeover. What the other server reported last may be older than what it
     * did; an agent that knows this content's history is believed that it saw a newer epoch committed.
     */
    SourceRecord met(Hello hello, SourceAssignment assignment) {
        if (!takenOver) {
            return this;
        }
        long seen = hello.remembers() == null ? 0 : newestSeen(hello.remembers(), assignment);
        Commit newest = seen > commit.epoch()
                ? new Commit(seen, Math.max(commit.epoch(), seen - 1), true, commit.markTimeMillis())
                : commit;
        return new SourceRecord(
                generation, writtenGeneration, newest, firstByteMillis, stateLost, false, volumes, refusedAgents);
    }

    private long newestSeen(Hello.Remembered remembers, SourceAssignment assignment) {
        if (remembers.generation() < writtenGeneration) {
            return 0;
        }
        long newest = 0;
        for (VolumeAssignment volume : assignment.volumes()) {
            Hello.RememberedDisk disk = remembers.disk(volume.deviceName());
            VolumeRecord known = volumes.get(volume.volumeId());
            if (disk != null && known != null && known.dataGen().equals(disk.dataGen())) {
                newest = Math.max(newest, disk.committedEpoch());
            }
        }
        return newest;
    }

    /** What to go by: this record, or what another server reported later of the same source server. */
    SourceRecord newerOf(@Nullable SourceRecord lastReported) {
        return lastReported != null && lastReported.generation > generation ? lastReported.takenOver(this) : this;
    }

    public SourceRecord withGeneration(long newGeneration) {
        return new SourceRecord(
                newGeneration,
                writtenGeneration,
                commit,
                firstByteMillis,
                stateLost,
                takenOver,
                volumes,
                refusedAgents);
    }

    /** The session of this generation may write. */
    public SourceRecord withWriter(long newWrittenGeneration) {
        return new SourceRecord(
                generation,
                newWrittenGeneration,
                commit,
                firstByteMillis,
                stateLost,
                takenOver,
                volumes,
                refusedAgents);
    }

    public SourceRecord withCommit(long epoch, boolean fuzzy, long markTimeMillis) {
        Commit newCommit = new Commit(epoch, commit.epoch(), fuzzy, markTimeMillis);
        return new SourceRecord(
                generation,
                writtenGeneration,
                newCommit,
                firstByteMillis,
                stateLost,
                takenOver,
                volumes,
                refusedAgents);
    }

    public SourceRecord withFirstByte(long millis) {
        return new SourceRecord(
                generation, writtenGeneration, commit, millis, stateLost, takenOver, volumes, refusedAgents);
    }

    public SourceRecord withVolume(String volumeId, VolumeRecord volume) {
        Map<String, VolumeRecord> changed = new LinkedHashMap<>(volumes);
        changed.put(volumeId, volume);
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
                generation, writtenGeneration, commit, firstByteMillis, stateLost, takenOver, changed, refusedAgents);
    }

    public SourceRecord withRefusedAgents(List<RefusedAgent> agents) {
        return new SourceRecord(
                generation, writtenGeneration, commit, firstByteMillis, stateLost, takenOver, volumes, agents);
    }

    /** Reads what {@link #toBytes} wrote; members that a later version added are ignored. */
    public static SourceRecord parse(byte[] bytes) throws ProtocolException {
        JsonBody json = JsonBody.parse(ByteBuffer.wrap(bytes), BYTES_MAX);
        Map<String, VolumeRecord> volumes = new LinkedHashMap<>();
        for (JsonBody volume : json.objects("volumes", 0, VOLUMES_MAX)) {
            volumes.put(volume.string("volumeId", 1, 128), VolumeRecord.of(volume));
        }
        return new SourceRecord(
                json.number64("generation"),
                json.number64("writtenGeneration"),
                new Commit(
                        json.number64("committedEpoch"),
                        json.number64("previousEpoch"),
                        json.bool("committedFuzzy"),
                        json.integer("markTimeMillis", 0, Long.MAX_VALUE)),
                json.integer("firstByteMillis", 0, Long.MAX_VALUE),
                json.bool("stateLost"),
                json.has("takenOver") && json.bool("takenOver"),
                volumes,
                refusedAgents(json));
    }

    private static List<RefusedAgent> refusedAgents(JsonBody json) throws ProtocolException {
        List<RefusedAgent> agents = new ArrayList<>();
        if (!json.has("refusedAgents")) {
            return agents;
        }
        for (JsonBody agent : json.objects("refusedAgents", 0, REFUSED_AGENTS_MAX)) {
            agents.add(new RefusedAgent(
                    agent.string("instance", 1, ProtocolLimits.JSON_STRING_CHARS_MAX),
                    agent.string("address", 0, ProtocolLimits.JSON_STRING_CHARS_MAX),
                    agent.string("pin", 0, ProtocolLimits.JSON_STRING_CHARS_MAX),
                    agent.string("otherAddress", 0, ProtocolLimits.JSON_STRING_CHARS_MAX),
                    agent.string("otherPin", 0, ProtocolLimits.JSON_STRING_CHARS_MAX)));
        }
        return agents;
    }

    private static JsonBody json(RefusedAgent agent) {
        return JsonBody.empty()
                .put("instance", agent.instance())
                .put("address", agent.address())
                .put("pin", agent.pin())
                .put("otherAddress", agent.otherAddress())
                .put("otherPin", agent.otherPin());
    }

    public byte[] toBytes() {
        List<JsonBody> list = new ArrayList<>();
        volumes.forEach((id, volume) -> list.add(volume.toJson(id)));
        return JsonBody.empty()
                .putNumber64("generation", generation)
                .putNumber64("writtenGeneration", writtenGeneration)
                .putNumber64("committedEpoch", commit.epoch())
                .putNumber64("previousEpoch", commit.previousEpoch())
                .put("committedFuzzy", commit.fuzzy())
                .put("markTimeMillis", commit.markTimeMillis())
                .put("firstByteMillis", firstByteMillis)
                .put("stateLost", stateLost)
                .put("takenOver", takenOver)
                .put("volumes", list)
                .put(
                        "refusedAgents",
                        refusedAgents.stream().map(SourceRecord::json).toList())
                .toBytes();
    }
}
