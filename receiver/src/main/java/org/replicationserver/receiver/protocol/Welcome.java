package org.replicationserver.receiver.protocol;

import java.util.ArrayList;
import java.util.List;

/** Body of WELCOME: the session that opens, and for each disk of HELLO its volume and what to send. */
public record Welcome(
        int version,
        List<String> features,
        long generation,
        int streams,
        int regionShift,
        Limits limits,
        List<Volume> volumes)
        implements Body {

    /** Limits that the server may set. */
    public record Limits(int jsonBytesMax, int controlFramesPerSecond, int controlFramesBurst, int attachMillis) {}

    /** What the agent has to send of a disk. */
    public enum Action {
        RESUME,
        RESCAN,
        FAILED
    }

    /** The volume of a disk; {@code reason} is one of the specification's words, or any text when {@code action} is FAILED. */
    public record Volume(
            int index,
            String volumeId,
            String deviceName,
            long sizeBytes,
            int blockSizeBytes,
            String dataGen,
            long committedEpoch,
            boolean fresh,
            Action action,
            String reason) {}

    public static Welcome parse(JsonBody json) throws ProtocolException {
        JsonBody limits = json.object("limits");
        List<Volume> volumes = new ArrayList<>();
        for (JsonBody volume : json.objects("volumes", 1, ProtocolLimits.DISKS_MAX)) {
            volumes.add(parseVolume(volume));
        }
        return new Welcome(
                (int) json.integer("version", 1, 65535),
                json.strings("features", 0, 64),
                json.number64("generation"),
                (int) json.integer("streams", 1, ProtocolLimits.STREAMS_MAX),
                (int) json.integer("regionShift", ProtocolLimits.REGION_SHIFT_MIN, ProtocolLimits.REGION_SHIFT_MAX),
                new Limits(
                        (int) limits.integer("jsonBytesMax", 1, ProtocolLimits.JSON_BYTES_MAX),
                        (int) limits.integer("controlFramesPerSecond", 1, Integer.MAX_VALUE),
                        (int) limits.integer("controlFramesBurst", 1, Integer.MAX_VALUE),
                        (int) limits.integer("attachMillis", 1, Integer.MAX_VALUE)),
                List.copyOf(volumes));
    }

    private static Volume parseVolume(JsonBody json) throws ProtocolException {
        return new Volume(
                (int) json.integer("index", 0, 65535),
                json.string("volumeId", 1, 128),
                json.string("deviceName", 1, Hello.DEVICE_NAME_CHARS_MAX),
                json.sectors("sizeBytes", ProtocolLimits.DISK_BYTES_MAX),
                (int) json.integer("blockSizeBytes", 512, 65536),
                json.string("dataGen", Hello.HEX_128),
                json.number64("committedEpoch"),
                json.bool("fresh"),
                json.constant("action", Action.class),
                json.string("reason", 1, ProtocolLimits.JSON_STRING_CHARS_MAX));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .put("version", version)
                .put("features", features)
                .putNumber64("generation", generation)
                .put("streams", streams)
                .put("regionShift", regionShift)
                .put(
                        "limits",
                        JsonBody.empty()
                                .put("jsonBytesMax", limits.jsonBytesMax())
                                .put("controlFramesPerSecond", limits.controlFramesPerSecond())
                                .put("controlFramesBurst", limits.controlFramesBurst())
                                .put("attachMillis", limits.attachMillis()))
                .put("volumes", volumes.stream().map(Welcome::volumeJson).toList());
    }

    private static JsonBody volumeJson(Volume volume) {
        return JsonBody.empty()
                .put("index", volume.index())
                .put("volumeId", volume.volumeId())
                .put("deviceName", volume.deviceName())
                .put("sizeBytes", volume.sizeBytes())
                .put("blockSizeBytes", volume.blockSizeBytes())
                .put("dataGen", volume.dataGen())
                .putNumber64("committedEpoch", volume.committedEpoch())
                .put("fresh", volume.fresh())
                .put("action", volume.action().name())
                .put("reason", volume.reason());
    }
}
