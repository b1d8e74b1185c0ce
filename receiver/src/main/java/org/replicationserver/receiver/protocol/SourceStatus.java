package org.replicationserver.receiver.protocol;

import java.util.ArrayList;
import java.util.List;

/** Body of SOURCE_STATUS: how much the agent has still to send, and what it has waited for. */
public record SourceStatus(List<Volume> volumes, Waits waits) implements Body {
    /** Bytes of the blocks of a disk that differ from what was acknowledged, those under way included. */
    public record Volume(int index, long backlogBytes) {}

    /**
     * Time since WELCOME in which the agent had something to send, and waited. It is time on the clock, whatever the number of volumes
     * and connections; two of them may run at once.
     *
     * @param sourceMillis no block was read yet
     * @param networkMillis a data connection took no more bytes
     * @param windowMillis limit_bytes or unackedFramesMax allowed no more
     */
    public record Waits(long sourceMillis, long networkMillis, long windowMillis) {
        /** What a session begins with. */
        public static final Waits NONE = new Waits(0, 0, 0);

        /** Whether none of them is less than in {@code earlier}. */
        public boolean isNoLessThan(Waits earlier) {
            return sourceMillis >= earlier.sourceMillis
                    && networkMillis >= earlier.networkMillis
                    && windowMillis >= earlier.windowMillis;
        }
    }

    public static SourceStatus parse(JsonBody json) throws ProtocolException {
        List<Volume> volumes = new ArrayList<>();
        for (JsonBody volume : json.objects("volumes", 0, ProtocolLimits.DISKS_MAX)) {
            volumes.add(new Volume(
                    (int) volume.integer("index", 0, 65535),
                    volume.integer("backlogBytes", 0, ProtocolLimits.DISK_BYTES_MAX)));
        }
        JsonBody waits = json.object("waits");
        return new SourceStatus(
                List.copyOf(volumes),
                new Waits(
                        waits.integer("sourceMillis", 0, Long.MAX_VALUE),
                        waits.integer("networkMillis", 0, Long.MAX_VALUE),
                        waits.integer("windowMillis", 0, Long.MAX_VALUE)));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .put(
                        "volumes",
                        volumes.stream()
                                .map(v ->
                                        JsonBody.empty().put("index", v.index()).put("backlogBytes", v.backlogBytes()))
                                .toList())
                .put(
                        "waits",
                        JsonBody.empty()
                                .put("sourceMillis", waits.sourceMillis())
                                .put("networkMillis", waits.networkMillis())
                                .put("windowMillis", waits.windowMillis()));
    }
}
