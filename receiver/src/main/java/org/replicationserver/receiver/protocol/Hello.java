package org.replicationserver.receiver.protocol;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Body of HELLO: who the agent is, its disks, and what it remembers of its last session. */
public record Hello(
        List<Integer> versions,
        List<String> features,
        String sourceServerId,
        String instance,
        int streams,
        List<Disk> disks,
        @Nullable Remembered remembers)
        implements Body {
    public static final Pattern ID = Pattern.compile("[A-Za-z0-9._-]{1,128}");
    static final int DEVICE_NAME_CHARS_MAX = 128;

    /** So that the next generation never overflows, whatever an agent remembers. */
    private static final long GENERATION_END = 1L << 62;

    static final Pattern HEX_128 = Pattern.compile("[0-9a-f]{32}");

    /** A disk of the source server. */
    public record Disk(String deviceName, long sizeBytes, int blockSizeBytes) {}

    /** What an agent that has not been restarted still knows. */
    public record Remembered(long generation, List<RememberedDisk> disks) {
        /** What is known of a disk, or null. */
        public @Nullable RememberedDisk disk(String deviceName) {
            for (RememberedDisk disk : disks) {
                if (disk.deviceName().equals(deviceName)) {
                    return disk;
                }
            }
            return null;
        }
    }

    /** The volume's data generation as last told, and the newest epoch that is known to be committed. */
    public record RememberedDisk(String deviceName, String dataGen, long committedEpoch) {}

    public static Hello parse(JsonBody json) throws ProtocolException {
        List<Disk> disks = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (JsonBody disk : json.objects("disks", 1, ProtocolLimits.DISKS_MAX)) {
            disks.add(parseDisk(disk));
            if (!names.add(disks.getLast().deviceName())) {
                throw new ProtocolException(ErrorCode.PROTOCOL, "two disks have the same deviceName");
            }
        }
        return new Hello(
                versions(json),
                json.has("features") ? json.strings("features", 0, 64) : List.of(),
                json.string("sourceServerId", ID),
                json.string("instance", HEX_128),
                (int) json.integer("streams", 1, ProtocolLimits.STREAMS_MAX),
                List.copyOf(disks),
                json.has("remembers") ? parseRemembered(json.object("remembers")) : null);
    }

    /** A version beyond an int is none that we speak, but must not be taken for one that we do. */
    static List<Integer> versions(JsonBody json) throws ProtocolException {
        return json.integers("versions", 1, 16).stream()
                .map(version -> (int) Math.min(version, Integer.MAX_VALUE))
                .toList();
    }

    private static Disk parseDisk(JsonBody json) throws ProtocolException {
        int blockSizeBytes = (int) json.integer("blockSizeBytes", 512, 4096);
        if (blockSizeBytes != 512 && blockSizeBytes != 4096) {
            throw new ProtocolException(ErrorCode.PROTOCOL, "member blockSizeBytes is not 512 or 4096");
        }
        return new Disk(
                json.string("deviceName", 1, DEVICE_NAME_CHARS_MAX),
                json.sectors("sizeBytes", ProtocolLimits.DISK_BYTES_MAX),
                blockSizeBytes);
    }

    private static Remembered parseRemembered(JsonBody json) throws ProtocolException {
        List<RememberedDisk> disks = new ArrayList<>();
        for (JsonBody disk : json.objects("disks", 0, ProtocolLimits.DISKS_MAX)) {
            disks.add(new RememberedDisk(
                    disk.string("deviceName", 1, DEVICE_NAME_CHARS_MAX),
                    disk.string("dataGen", HEX_128),
                    disk.number64("committedEpoch")));
        }
        long generation = json.number64("generation");
        if (generation >= GENERATION_END) {
            throw new ProtocolException(ErrorCode.PROTOCOL, "member generation is not below 2^62");
        }
        return new Remembered(generation, List.copyOf(disks));
    }

    @Override
    public JsonBody toJson() {
        JsonBody json = JsonBody.empty()
                .put("versions", versions)
                .put("features", features)
                .put("sourceServerId", sourceServerId)
                .put("instance", instance)
                .put("streams", streams)
                .put(
                        "disks",
                        disks.stream()
                                .map(d -> JsonBody.empty()
                                        .put("deviceName", d.deviceName())
                                        .put("sizeBytes", d.sizeBytes())
                                        .put("blockSizeBytes", d.blockSizeBytes()))
                                .toList());
        if (remembers != null) {
            json.put(
                    "remembers",
                    JsonBody.empty()
                            .putNumber64("generation", remembers.generation())
                            .put(
                                    "disks",
                                    remembers.disks().stream()
                                            .map(d -> JsonBody.empty()
                                                    .put("deviceName", d.deviceName())
                                                    .put("dataGen", d.dataGen())
                                                    .putNumber64("committedEpoch", d.committedEpoch()))
                                            .toList()));
        }
        return json;
    }
}
