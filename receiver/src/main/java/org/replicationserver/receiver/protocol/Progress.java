package org.replicationserver.receiver.protocol;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Body of PROGRESS: the server is alive and this is what it waits for. */
public record Progress(WaitingFor waitingFor, List<Volume> volumes) implements Body {
    /** What takes the time. */
    public enum WaitingFor {
        /** The writes of an older session have not all ended. */
        FENCING,
        /** A volume is slow. */
        VOLUME,
        /** A commit waits for fences or for durable frames. */
        COMMIT,
        /** The volumes are held at the last commit, for snapshots or copies. */
        HOLD
    }

    /** A volume with something queued. */
    public record Volume(
            int index,
            long queuedBytes,
            long oldestMillis,
            @Nullable String lastError) {}

    public static Progress parse(JsonBody json) throws ProtocolException {
        List<Volume> volumes = new ArrayList<>();
        for (JsonBody volume : json.objects("volumes", 0, ProtocolLimits.DISKS_MAX)) {
            volumes.add(new Volume(
                    (int) volume.integer("index", 0, 65535),
                    volume.integer("queuedBytes", 0, Long.MAX_VALUE),
                    volume.integer("oldestMillis", 0, Long.MAX_VALUE),
                    volume.has("lastError")
                            ? volume.string("lastError", 0, ProtocolLimits.ERROR_TEXT_CHARS_MAX)
                            : null));
        }
        return new Progress(json.constant("waitingFor", WaitingFor.class), List.copyOf(volumes));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .put("waitingFor", waitingFor.name())
                .put(
                        "volumes",
                        volumes.stream()
                                .map(v -> JsonBody.empty()
                                        .put("index", v.index())
                                        .put("queuedBytes", v.queuedBytes())
                                        .put("oldestMillis", v.oldestMillis())
                                        .putIfPresent("lastError", v.lastError()))
                                .toList());
    }
}
