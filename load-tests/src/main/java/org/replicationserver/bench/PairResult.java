package org.replicationserver.bench;

import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;

/** Rounds of what is measured, each beside one of what it is compared with. */
final class PairResult implements Figures {
    /**
     * One of the two.
     *
     * @param name in rows
     * @param shortName in ratios and, in this form, for programs
     */
    record Side(String name, String shortName, List<Sample> samples) {
        static Side of(String name, String shortName) {
            return new Side(name, shortName, new ArrayList<>());
        }

        void add(Sample sample) {
            samples.add(sample);
        }
    }

    final Side base;
    final Side measured;

    private final Conditions conditions;
    private final String serverEngine;

    PairResult(Conditions conditions, String serverEngine, Side base, Side measured) {
        this.conditions = conditions;
        this.serverEngine = serverEngine;
        this.base = base;
        this.measured = measured;
    }

    @Override
    public String table() {
        FigureTable table = new FigureTable();
        for (Side side : List.of(base, measured)) {
            table.row(side.name() + ", CPU s/GiB", conditions.cpuPerGib(side.samples()));
        }
        for (Side side : List.of(base, measured)) {
            table.rateRow(side.name() + ", MiB/s", conditions.rates(side.samples()));
        }
        String ratio = measured.shortName() + " to " + base.shortName();
        table.row(ratio + ", CPU", cpuRatio());
        table.row(ratio + ", MiB/s", rateRatio());
        table.line("ratios are of rounds that follow each other");
        table.line(conditions.line(serverEngine));
        return table.toString();
    }

    private Spread cpuRatio() {
        return Spread.ofRatios(Sample.cpuSeconds(measured.samples()), Sample.cpuSeconds(base.samples()));
    }

    private Spread rateRatio() {
        return Spread.ofRatios(Sample.wallSeconds(base.samples()), Sample.wallSeconds(measured.samples()));
    }

    @Override
    public JsonObject toJson() {
        JsonObject json = conditions
                .toJson(serverEngine)
                .put(base.shortName(), Sample.toJson(base.samples()))
                .put(measured.shortName(), Sample.toJson(measured.samples()));
        Spread.put(json, "cpuRatio", cpuRatio());
        Spread.put(json, "rateRatio", rateRatio());
        return json;
    }
}
