package org.replicationserver.bench;

import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;

/** Rounds of a server whose control plane answers, each followed by one of a server whose control plane is away. */
final class OutageResult implements Figures {
    final List<Sample> answering = new ArrayList<>();
    final List<Sample> away = new ArrayList<>();

    private final Conditions conditions;
    private final String serverEngine;

    OutageResult(Conditions conditions, String serverEngine) {
        this.conditions = conditions;
        this.serverEngine = serverEngine;
    }

    @Override
    public String table() {
        FigureTable table = new FigureTable();
        table.row("control plane answers, CPU s/GiB", conditions.cpuPerGib(answering));
        table.row("control plane away, CPU s/GiB", conditions.cpuPerGib(away));
        table.rateRow("control plane answers, MiB/s", conditions.rates(answering));
        table.rateRow("control plane away, MiB/s", conditions.rates(away));
        table.row("away to answering, CPU", cpuRatio());
        table.row("away to answering, MiB/s", rateRatio());
        table.line("ratios are of rounds that follow each other");
        table.line(conditions.line(serverEngine));
        return table.toString();
    }

    private Spread cpuRatio() {
        return Spread.ofRatios(Sample.cpuSeconds(away), Sample.cpuSeconds(answering));
    }

    private Spread rateRatio() {
        return Spread.ofRatios(Sample.wallSeconds(answering), Sample.wallSeconds(away));
    }

    @Override
    public JsonObject toJson() {
        JsonObject json = conditions
                .toJson(serverEngine)
                .put("answering", Sample.toJson(answering))
                .put("away", Sample.toJson(away));
        Spread.put(json, "awayToAnsweringCpu", cpuRatio());
        Spread.put(json, "awayToAnsweringRate", rateRatio());
        return json;
    }
}
