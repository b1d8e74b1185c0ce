package org.replicationserver.receiver;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Writes the server's status for a terminal, a few lines for each source server. */
final class StatusText {
    private static final double PERCENT = 100;

    private final StringBuilder text = new StringBuilder();

    private StatusText() {}

    /** @param status as the administrator's socket tells it */
    static String of(JsonObject status) {
        StatusText written = new StatusText();
        List<JsonObject> sources = objects(status, "sourceServers");
        if (sources.isEmpty()) {
            written.line("no source server is assigned");
        }
        sources.forEach(written::source);
        written.limit("limit of bandwidth of all source servers together", status);
        written.controlPlane(status.getJsonObject("controlPlane"));
        return written.text.toString();
    }

    private static List<JsonObject> objects(JsonObject json, String name) {
        JsonArray array = json.getJsonArray(name, new JsonArray());
        return IntStream.range(0, array.size()).mapToObj(array::getJsonObject).toList();
    }

    private void line(String line) {
        text.append(line).append('\n');
    }

    private void source(JsonObject source) {
        JsonObject info = source.getJsonObject("dataReplicationInfo");
        JsonObject detail = info.getJsonObject("detail");
        line(String.format(
                Locale.ROOT,
                "%s: %s, lag %s%s",
                source.getString("sourceServerId"),
                info.getString("dataReplicationState"),
                Amounts.time(Duration.parse(info.getString("lagDuration"))),
                info.containsKey("etaDateTime")
                        ? ", done between " + toTheSecond(detail.getString("etaEarliestDateTime")) + " and "
                                + toTheSecond(detail.getString("etaLatestDateTime"))
                        : ""));
        objects(info, "replicatedDisks").forEach(this::disk);
        limit("  limit of bandwidth", source);
        attribution(objects(detail, "lagAttribution"));
        for (JsonObject explanation : objects(detail, "explanations")) {
            line(String.format(
                    Locale.ROOT,
                    "  %s %s: %s",
                    explanation.getString("severity"),
                    explanation.getString("code"),
                    explanation.getString("sentence")));
            String next = Objects.requireNonNullElse(explanation.getString("nextAction"), "");
            if (!next.isEmpty()) {
                line(String.format(Locale.ROOT, "    %s", next));
            }
        }
    }

    private void disk(JsonObject disk) {
        long total = disk.getLong("totalStorageBytes");
        long replicated = disk.getLong("replicatedStorageBytes");
        line(String.format(
                Locale.ROOT,
                "  %s: %.1f %% of %s replicated, %s rescanned, %s backlogged",
                disk.getString("deviceName"),
                total == 0 ? PERCENT : PERCENT * replicated / total,
                Amounts.bytes(total),
                Amounts.bytes(disk.getLong("rescannedStorageBytes")),
                Amounts.bytes(disk.getLong("backloggedStorageBytes"))));
    }

    /** Nothing where none is assigned and nobody has set one. */
    private void limit(String what, JsonObject limited) {
        JsonObject limit = limited.getJsonObject("bandwidth", new JsonObject());
        int mbps = limit.getInteger("bandwidthThrottling", 0);
        String origin = switch (limit.getString("origin", "")) {
            case "BY_HAND" -> "set by hand";
            case "SCHEDULE" -> "by schedule";
            default -> mbps == 0 ? "" : "assigned";
        };
        if (!origin.isEmpty()) {
            line(String.format(Locale.ROOT, "%s: %s, %s", what, mbps == 0 ? "none" : mbps + " Mbps", origin));
        }
    }

    private void attribution(List<JsonObject> stages) {
        double sum =
                stages.stream().mapToDouble(stage -> stage.getDouble("seconds")).sum();
        if (sum > 0) {
            String shares = stages.stream()
                    .filter(stage -> Math.round(PERCENT * stage.getDouble("seconds") / sum) > 0)
                    .map(stage -> share(stage, sum))
                    .collect(Collectors.joining(", "));
            line(String.format(Locale.ROOT, "  time went to, %s in all: %s", seconds(sum), shares));
        }
    }

    private static String share(JsonObject stage, double sum) {
        double stageSeconds = stage.getDouble("seconds");
        return String.format(
                Locale.ROOT,
                "%s %s (%.0f %%)",
                stage.getString("stage"),
                seconds(stageSeconds),
                PERCENT * stageSeconds / sum);
    }

    private static String seconds(double seconds) {
        return seconds < 10
                ? String.format(Locale.ROOT, "%.1f s", seconds)
                : Amounts.time(Duration.ofMillis(Math.round(seconds * 1000)));
    }

    /** Without the fractions that only a machine reads. */
    private static String toTheSecond(String moment) {
        return Instant.parse(moment).truncatedTo(ChronoUnit.SECONDS).toString();
    }

    private void controlPlane(JsonObject status) {
        if (status.containsKey("failingSinceDateTime")) {
            line(String.format(
                    Locale.ROOT,
                    "control plane: failing since %s, %s",
                    toTheSecond(status.getString("failingSinceDateTime")),
                    status.getJsonObject("lastFailure", new JsonObject()).getString("sentence")));
        } else if (status.containsKey("lastAnsweredDateTime")) {
            line(String.format(
                    Locale.ROOT, "control plane: answered %s", toTheSecond(status.getString("lastAnsweredDateTime"))));
        }
    }
}
