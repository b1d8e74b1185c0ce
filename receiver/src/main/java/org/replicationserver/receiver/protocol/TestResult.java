package org.replicationserver.receiver.protocol;

import java.util.ArrayList;
import java.util.List;

/**
 * Body of TEST_RESULT: what the server has counted.
 *
 * @param ended one of the specification's words; an agent accepts others
 * @param millis from the moment when all streams were attached to the end
 * @param frames TEST frames that were checked
 * @param rawBytes of these, after expansion
 * @param payloadBytes of these, as they came
 * @param replicatedBytes that data connections of a session of this source server received meanwhile
 */
public record TestResult(
        String ended,
        long millis,
        long frames,
        long rawBytes,
        long payloadBytes,
        long replicatedBytes,
        Waits waits,
        Busy busy,
        List<Volume> volumes)
        implements Body {
    /** Why a speed test ended by itself. */
    public enum Ended {
        /** Its seconds were over. */
        TIME,
        /** bytesMax was reached. */
        BYTES,
        /** The agent said BYE. */
        AGENT
    }

    /**
     * Time in which the server read a test connection no further. It is time on the clock, whatever the number of connections; several may
     * run at once.
     *
     * @param throttleMillis some connection of the source server waited for a limit of bandwidth
     * @param replicationMillis some test connection waited because replication goes first
     * @param checkMillis some test connection waited for blocks that were not checked yet
     */
    public record Waits(long throttleMillis, long replicationMillis, long checkMillis) {}

    /**
     * Processor time of the server.
     *
     * @param eventLoopMillis TLS and frames, of all source servers
     * @param expandMillis blocks of this speed test were expanded and checked
     */
    public record Busy(long eventLoopMillis, long expandMillis) {}

    /**
     * What the writer of a volume of the source server did lately.
     *
     * @param spanMillis how long it was watched, a minute or less; 0 if it is not open
     * @param busyMillis of these, in calls of the device
     * @param writtenBytes in the same time, those of ZERO left out
     */
    public record Volume(String volumeId, String deviceName, long spanMillis, long busyMillis, long writtenBytes) {}

    public static TestResult parse(JsonBody json) throws ProtocolException {
        JsonBody waits = json.object("waits");
        JsonBody busy = json.object("busy");
        List<Volume> volumes = new ArrayList<>();
        for (JsonBody volume : json.objects("volumes", 0, ProtocolLimits.DISKS_MAX)) {
            volumes.add(new Volume(
                    volume.string("volumeId", 1, 128),
                    volume.string("deviceName", 1, Hello.DEVICE_NAME_CHARS_MAX),
                    natural(volume, "spanMillis"),
                    natural(volume, "busyMillis"),
                    natural(volume, "writtenBytes")));
        }
        return new TestResult(
                json.string("ended", 1, 64),
                natural(json, "millis"),
                natural(json, "frames"),
                natural(json, "rawBytes"),
                natural(json, "payloadBytes"),
                natural(json, "replicatedBytes"),
                new Waits(
                        natural(waits, "throttleMillis"),
                        natural(waits, "replicationMillis"),
                        natural(waits, "checkMillis")),
                new Busy(natural(busy, "eventLoopMillis"), natural(busy, "expandMillis")),
                List.copyOf(volumes));
    }

    private static long natural(JsonBody json, String name) throws ProtocolException {
        return json.integer(name, 0, Long.MAX_VALUE);
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .put("ended", ended)
                .put("millis", millis)
                .put("frames", frames)
                .put("rawBytes", rawBytes)
                .put("payloadBytes", payloadBytes)
                .put("replicatedBytes", replicatedBytes)
                .put(
                        "waits",
                        JsonBody.empty()
                                .put("throttleMillis", waits.throttleMillis())
                                .put("replicationMillis", waits.replicationMillis())
                                .put("checkMillis", waits.checkMillis()))
                .put(
                        "busy",
                        JsonBody.empty()
                                .put("eventLoopMillis", busy.eventLoopMillis())
                                .put("expandMillis", busy.expandMillis()))
                .put("volumes", volumes.stream().map(TestResult::volumeJson).toList());
    }

    private static JsonBody volumeJson(Volume volume) {
        return JsonBody.empty()
                .put("volumeId", volume.volumeId())
                .put("deviceName", volume.deviceName())
                .put("spanMillis", volume.spanMillis())
                .put("busyMillis", volume.busyMillis())
                .put("writtenBytes", volume.writtenBytes());
    }
}
