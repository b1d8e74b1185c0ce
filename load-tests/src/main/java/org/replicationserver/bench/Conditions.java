package org.replicationserver.bench;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.ByteSize;

/** What the figures of a run depend on. */
record Conditions(Machine machine, Bench.Settings settings, String image, String fileSystem, PreparedFrames frames) {
    /** One line for people. */
    String line(String serverEngine) {
        return "TLS 1.2, server " + serverEngine + ", sender " + TlsClient.engine() + "; " + settings.streams()
                + " streams; volumes on " + fileSystem
                + "; GiB and MiB are of DATA, without zeros; replicas identical";
    }

    /** CPU seconds per GiB; null without samples. */
    @Nullable
    Spread cpuPerGib(List<Sample> samples) {
        return Spread.scaled(Sample.cpuSeconds(samples), 1 / frames.dataGib());
    }

    /** MiB per second; null without samples. */
    @Nullable
    Spread rates(List<Sample> samples) {
        return samples.isEmpty()
                ? null
                : Spread.of(samples.stream()
                        .map(sample -> frames.dataBytes() / sample.wallSeconds() / ByteSize.MIB)
                        .toList());
    }

    JsonObject toJson(String serverEngine) {
        return new JsonObject()
                .put("at", Instant.now().toString())
                .put("machine", machineJson())
                .put("settings", settingsJson(serverEngine))
                .put("bytes", bytesJson());
    }

    private JsonObject machineJson() {
        return new JsonObject()
                .put("processor", machine.processor())
                .put("processors", machine.processors())
                .put("kernel", machine.kernel())
                .put("java", machine.java())
                .put("loadAverage", machine.loadAverage());
    }

    private JsonObject settingsJson(String serverEngine) {
        return new JsonObject()
                .put("sizeBytes", settings.sizeBytes())
                .put("image", image)
                .put("fileSystem", fileSystem)
                .put("streams", settings.streams())
                .put("serverEngine", serverEngine)
                .put("senderEngine", TlsClient.engine())
                .put("jvmOptions", new JsonArray(settings.jvmOptions()));
    }

    private JsonObject bytesJson() {
        return new JsonObject()
                .put("dataBytes", frames.dataBytes())
                .put("zeroBytes", frames.zeroBytes())
                .put("payloadBytes", frames.payloadBytes())
                .put("lz4Ratio", frames.lz4Ratio());
    }
}
