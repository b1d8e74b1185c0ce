package org.replicationserver.bench;

import io.vertx.core.json.JsonObject;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Smallest, middle and largest of some figures. */
record Spread(double min, double median, double max) {
    /** Of at least one figure; the median of an even number is the mean of the two in the middle. */
    static Spread of(List<Double> figures) {
        if (figures.isEmpty()) {
            throw new IllegalArgumentException("no figures");
        }
        double[] sorted = figures.stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(sorted[0], median, sorted[sorted.length - 1]);
    }

    /** Of the figures times a factor; null if there are none. */
    static @Nullable Spread scaled(List<Double> figures, double factor) {
        return figures.isEmpty()
                ? null
                : of(figures.stream().map(figure -> figure * factor).toList());
    }

    /** Of the quotients of figures that were measured one after the other. */
    static Spread ofRatios(List<Double> figures, List<Double> divisors) {
        if (figures.size() != divisors.size()) {
            throw new IllegalArgumentException(figures.size() + " figures for " + divisors.size() + " divisors");
        }
        Double[] ratios = new Double[figures.size()];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = figures.get(i) / divisors.get(i);
        }
        return of(Arrays.asList(ratios));
    }

    /** Puts it under a name; nothing if there is none. */
    static void put(JsonObject json, String name, @Nullable Spread spread) {
        if (spread != null) {
            json.put(
                    name,
                    new JsonObject()
                            .put("min", spread.min)
                            .put("median", spread.median)
                            .put("max", spread.max));
        }
    }
}
