package org.replicationserver.agent;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.replicationserver.receiver.protocol.TestResult;

/** A {@link SpeedTestReport} for people and for programs. */
final class SpeedTestText {
    private static final double MIB = 1024 * 1024;
    private static final double BITS_OF_A_MEGABIT = 125_000;

    private SpeedTestText() {}

    static List<String> lines(SpeedTestReport report) {
        TestResult result = report.result();
        SpeedTestReport.SourceWork source = report.source();
        List<String> lines = new ArrayList<>();
        lines.add(String.format(
                Locale.ROOT,
                "speed test of %s to %s: %.1f s, %d streams, ended by %s",
                report.sourceServerId(),
                report.server(),
                result.millis() / 1000.0,
                report.streams(),
                result.ended()));
        lines.add(line(
                "arrived", "%s; on the wire %s", rate(report.rawBytesPerSecond()), rate(report.wireBytesPerSecond())));
        lines.add(line(
                "source",
                "%s thread(s) can read %s and compress %s; waited for them %s",
                source.threads(),
                mib(report.readBytesPerSecond()),
                mib(report.packBytesPerSecond()),
                percent(report.share(report.waits().sourceMillis()))));
        lines.add(line(
                "network",
                "took no more %s, the server's window was used up %s; TLS took %s of a processor here",
                percent(report.share(report.waits().networkMillis())),
                percent(report.share(report.waits().windowMillis())),
                percent(report.share(source.eventLoopMillis()))));
        lines.add(line(
                "throttle", "held up %s", percent(report.share(result.waits().throttleMillis()))));
        lines.add(line(
                "replication",
                "went first %s; received %s meanwhile",
                percent(report.share(result.waits().replicationMillis())),
                mib(result.millis() == 0 ? 0 : result.replicatedBytes() * 1000.0 / result.millis())));
        lines.add(line(
                "server",
                "TLS of all took %s of a processor, LZ4 and CRC %s; blocks waited for that %s",
                percent(report.share(result.busy().eventLoopMillis())),
                percent(report.share(result.busy().expandMillis())),
                percent(report.share(result.waits().checkMillis()))));
        result.volumes().forEach(volume -> lines.add(line("volume", "%s", volume(volume))));
        SpeedTestLimit limit = SpeedTestLimit.of(report);
        lines.add(line("limit", "%s: %s", limit, limit.text()));
        return lines;
    }

    private static String volume(TestResult.Volume volume) {
        String name = volume.volumeId() + " of " + volume.deviceName();
        if (volume.spanMillis() == 0) {
            return name + " is not open";
        }
        String lately = " in the last " + volume.spanMillis() / 1000 + " s";
        if (volume.writtenBytes() == 0) {
            return name + ": nothing was written" + lately + ", so what it can take is not known";
        }
        double written = volume.writtenBytes() * 1000.0 / volume.spanMillis();
        return name + ": wrote " + mib(written) + lately + ", busy "
                + percent((double) volume.busyMillis() / volume.spanMillis()) + " of it, so it can take about "
                + mib(SpeedTestReport.capacityBytesPerSecond(volume));
    }

    private static String line(String stage, String format, Object... values) {
        return String.format(Locale.ROOT, "  %-12s " + format, prepend(stage, values));
    }

    private static Object[] prepend(String stage, Object[] values) {
        List<Object> all = new ArrayList<>(List.of(stage));
        all.addAll(List.of(values));
        return all.toArray();
    }

    private static String rate(double bytesPerSecond) {
        return String.format(
                Locale.ROOT, "%.1f MiB/s (%.0f Mbps)", bytesPerSecond / MIB, bytesPerSecond / BITS_OF_A_MEGABIT);
    }

    private static String mib(double bytesPerSecond) {
        return String.format(Locale.ROOT, "%.1f MiB/s", bytesPerSecond / MIB);
    }

    private static String percent(double part) {
        return String.format(Locale.ROOT, "%.0f %%", 100 * part);
    }

    static JsonObject json(SpeedTestReport report) {
        SpeedTestReport.SourceWork source = report.source();
        SpeedTestLimit limit = SpeedTestLimit.of(report);
        JsonArray volumes = new JsonArray();
        for (TestResult.Volume volume : report.result().volumes()) {
            JsonObject told = new JsonObject()
                    .put("volumeId", volume.volumeId())
                    .put("deviceName", volume.deviceName())
                    .put("spanMillis", volume.spanMillis())
                    .put("busyMillis", volume.busyMillis())
                    .put("writtenBytes", volume.writtenBytes());
            double capacity = SpeedTestReport.capacityBytesPerSecond(volume);
            // Left out where it is not known, as nobody may take that for a volume that takes nothing.
            volumes.add(capacity == 0 ? told : told.put("capacityBytesPerSecond", whole(capacity)));
        }
        return new JsonObject()
                .put("sourceServerId", report.sourceServerId())
                .put("server", report.server())
                .put("streams", report.streams())
                .put("limit", limit.name())
                .put("limitText", limit.text())
                .put("rawBytesPerSecond", whole(report.rawBytesPerSecond()))
                .put("wireBytesPerSecond", whole(report.wireBytesPerSecond()))
                .put("result", new JsonObject(report.result().toJson().toString()))
                .put(
                        "source",
                        new JsonObject()
                                .put("threads", source.threads())
                                .put("preparedBytes", source.preparedBytes())
                                .put("readMillis", source.readMillis())
                                .put("packMillis", source.packMillis())
                                .put("eventLoopMillis", source.eventLoopMillis())
                                .put("sourceWaitMillis", report.waits().sourceMillis())
                                .put("networkWaitMillis", report.waits().networkMillis())
                                .put("windowWaitMillis", report.waits().windowMillis()))
                .put("volumes", volumes);
    }

    private static long whole(double value) {
        return Math.round(value);
    }
}
