package org.replicationserver.bench;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;

/** What one round cost the receiving side, and how long it took. */
record Sample(double cpuSeconds, double wallSeconds) {
    static List<Double> cpuSeconds(List<Sample> samples) {
        return samples.stream().map(Sample::cpuSeconds).toList();
    }

    static List<Double> wallSeconds(List<Sample> samples) {
        return samples.stream().map(Sample::wallSeconds).toList();
    }

    static JsonArray toJson(List<Sample> samples) {
        return new JsonArray(samples.stream()
                .map(sample -> new JsonObject()
                        .put("cpuSeconds", sample.cpuSeconds())
                        .put("wallSeconds", sample.wallSeconds()))
                .toList());
    }
}
