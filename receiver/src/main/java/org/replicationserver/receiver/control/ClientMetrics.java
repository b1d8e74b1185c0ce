package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Samples of one moment.
 *
 * @param dropped how many were dropped since the process started
 * @param metrics at most 500
 */
public record ClientMetrics(Instant sampledDateTime, long dropped, List<Metric> metrics) {
    /** How many samples one call takes. */
    public static final int METRICS_MAX = WireForms.BATCH_MAX;

    private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9_.]{0,127}");

    /**
     * One sample.
     *
     * @param name of letters, digits, _ and dots
     * @param unit as CloudWatch calls it
     * @param value finite
     * @param dimensions what tells it from others of the name
     */
    public record Metric(String name, String unit, double value, Map<String, String> dimensions) {
        public Metric {
            WireForms.require("name of a metric", name, NAME);
            if (!Double.isFinite(value)) {
                throw new IllegalArgumentException("not a number that JSON has: name=" + name + " value=" + value);
            }
            dimensions = Map.copyOf(dimensions);
        }

        private JsonObject toJson() {
            JsonObject json =
                    new JsonObject().put("name", name).put("unit", unit).put("value", value);
            return dimensions.isEmpty() ? json : json.put("dimensions", new JsonObject(Map.copyOf(dimensions)));
        }
    }

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
                        new JsonArray(metrics.stream().map(Metric::toJson).toList()));
    }
}
