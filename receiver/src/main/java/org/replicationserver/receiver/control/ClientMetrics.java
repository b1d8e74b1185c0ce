package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.replicationserver.receiver.status.ResourceMetric;

/**
 * Samples of one moment.
 *
 * @param dropped how many were dropped since the process started
 * @param metrics at most 500
 */
public record ClientMetrics(Instant sampledDateTime, long dropped, List<ResourceMetric> metrics) {
    /** How many samples one call takes. */
    public static final int METRICS_MAX = WireForms.BATCH_MAX;

    public ClientMetrics {
        metrics = List.copyOf(metrics);
        WireForms.requireBatch(metrics.size());
    }

    JsonObject toJson() {
        return new JsonObject()
                .put("sampledDateTime", sampledDateTime.toString())
                .put("dropped", dropped)
                .put(
                        "metrics",
                        new JsonArray(
                                metrics.stream().map(ClientMetrics::toJson).toList()));
    }

    private static JsonObject toJson(ResourceMetric metric) {
        JsonObject json = new JsonObject()
                .put("name", metric.name())
                .put("unit", metric.unit())
                .put("value", metric.value());
        return metric.dimensions().isEmpty()
                ? json
                : json.put("dimensions", new JsonObject(Map.copyOf(metric.dimensions())));
    }
}
