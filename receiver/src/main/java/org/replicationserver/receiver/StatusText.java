package org.replicationserver.receiver;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.Amounts;
import org.replicationserver.receiver.replication.ExplanationCode;

/** Writes the server's status for a terminal, a few lines for each source server. */
final class StatusText {
    private static final String SOFTWARE_CODE = ExplanationCode.SOFTWARE_NOT_FETCHED.name();
    private static final double PERCENT = 100;
    private static final double PERCENT_TOLD_MIN = 0.5;

    private final StringBuilder text = new StringBuilder();
    private final Instant now;

    /** Whether a fetch that failed is told. */
    private boolean tellsSoftware;

    private StatusText(Instant now) {
        this.now = now;
    }

    /** @param status as the administrator's socket tells it */
    static String of(JsonObject status, Instant now) {
        StatusText written = new StatusText(now);
        if (status.containsKey("drainedDateTime")) {
            written.line("drained at " + status.getString("drainedDateTime")
                    + ", no session opens any more: replace this server, or start it again");
        }
        ControlPlaneText controlPlane = new ControlPlaneText(status.getJsonObject("controlPlane"), now);
        if (status.containsKey("replicationServerId")) {
            written.line("replication server: " + status.getString("replicationServerId"));
        }
        controlPlane.lines().forEach(written::line);
        written.software(status.getJsonObject("software", new JsonObject()));
        List<JsonObject> sources = objects(status, "sourceServers");
        List<JsonObject> notTaken = objects(status, "notTaken");
        if (sources.isEmpty() && notTaken.isEmpty()) {
            written.line(
                    controlPlane.isWithoutAssignments()
                            ? "what is assigned is not known yet: the control plane has not said so"
                            : "no source server is assigned");
        }
        sources.forEach(written::source);
        notTaken.forEach(written::notTaken);
        written.limit("limit of bandwidth of all source servers together", status);
        return written.text.toString();
    }

    private static List<JsonObject> objects(JsonObject json, String name) {
        JsonArray array = json.getJsonArray(name, new JsonArray());
        return IntStream.range(0, array.size()).mapToObj(array::getJsonObject).toList();
    }

    private void line(String line) {
        text.append(line).append('\n');
    }

    /** Nothing where nothing is fetched, and nothing has failed. */
    private void software(JsonObject software) {
        JsonObject fetch = software.getJsonObject("fetch");
        if (fetch != null) {
            long size = fetch.getLong("sizeBytes");
            line("software: " + fetch.getString("name") + " is being fetched from " + fetch.getString("source") + ", "
                    + (size == 0
                            ? "nothing of it is here yet"
                            : Amounts.bytes(fetch.getLong("bytes")) + " of " + Amounts.bytes(size)));
        }
        JsonObject failure = software.getJsonObject("lastFailure");
        tellsSoftware = failure != null;
        if (failure != null) {
            line("software: " + failure.getString("object") + " was not fetched");
            line("  " + failure.getString("kind") + ": " + failure.getString("sentence"));
            line("    " + failure.getString("nextAction"));
        }
    }

    private void notTaken(JsonObject association) {
        line(association.getString("sourceServerId") + ": assigned but not taken: " + association.getString("cause"));
        line("  " + association.getString("nextAction"));
    }

    private void source(JsonObject source) {
        JsonObject info = source.getJsonObject("dataReplicationInfo");
        JsonObject detail = info.getJsonObject("detail");
        line(String.format(
                Locale.ROOT,
                "%s: %s, lag %s, agent %s for %s%s%s",
                source.getString("sourceServerId"),
                info.getString("dataReplicationState"),
                Amounts.seconds(Duration.parse(info.getString("lagDuration")).toSeconds()),
                detail.getBoolean("agentConnected") ? "connected" : "not connected",
                Amounts.seconds(Math.max(0, since(detail.getString("agentSinceDateTime")))),
                rate(detail),
                eta(detail)));
        initiation(info.getJsonObject("dataReplicationInitiation"));
        Set<String> notOpen = deviceNames(detail, "VOLUME_FAILED", "VOLUME_MISSING", "VOLUME_AWAITED");
        List<JsonObject> disks = objects(info, "replicatedDisks");
        disks.forEach(disk -> disk(disk, notOpen));
        int inconsistent = detail.getJsonArray("inconsistentVolumes").size();
        line(String.format(Locale.ROOT, "  consistent: %d of %d volumes", disks.size() - inconsistent, disks.size()));
        String snapshot = info.getString("lastSnapshotDateTime");
        if (snapshot != null) {
            line("  last snapshot group: " + Amounts.seconds(Math.max(0, since(snapshot))) + " ago");
        }
        hold(source.getJsonObject("hold"));
        limit("  limit of bandwidth", source);
        attribution(objects(detail, "lagAttribution"));
        for (JsonObject explanation : objects(detail, "explanations")) {
            if (tellsSoftware && explanation.getString("code").equals(SOFTWARE_CODE)) {
                continue; // of the whole server, and told in full at the top
            }
            if (explanation.getString("code").startsWith(ControlPlaneText.CODES)) {
                line(String.format(
                        Locale.ROOT,
                        "  %s %s: see the control plane at the top",
                        explanation.getString("severity"),
                        explanation.getString("code")));
                continue; // the same for every source server, and told there in full
            }
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

    private long since(String dateTime) {
        return Duration.between(Instant.parse(dateTime), now).toSeconds();
    }

    /** Of the shortest window; nothing where nothing moves. */
    private static String rate(JsonObject detail) {
        List<JsonObject> rates = objects(detail, "rates");
        if (rates.isEmpty() || !detail.getBoolean("agentConnected")) {
            return "";
        }
        JsonObject rate = rates.getFirst();
        long bytesPerSecond = rate.getLong("durableBytesPerSecond");
        return bytesPerSecond == 0
                ? ""
                : ", " + Amounts.bytes(bytesPerSecond) + "/s in the last "
                        + Amounts.seconds(rate.getLong("windowSeconds"));
    }

    /** From now, since who waits does not want to compare clocks. */
    private String eta(JsonObject detail) {
        if (!detail.containsKey("etaLatestDateTime")) {
            return "";
        }
        String earliest = fromNow(detail.getString("etaEarliestDateTime"));
        String latest = fromNow(detail.getString("etaLatestDateTime"));
        return earliest.equals(latest) ? ", done in about " + latest : ", done in " + earliest + " to " + latest;
    }

    private String fromNow(String dateTime) {
        return Amounts.seconds(
                Math.max(0, Duration.between(now, Instant.parse(dateTime)).toSeconds()));
    }

    /** Which step is not done yet; nothing where the last of them is, since then replication has begun. */
    private void initiation(JsonObject initiation) {
        List<JsonObject> steps = objects(initiation, "steps");
        if (steps.stream()
                .anyMatch(step -> step.getString("name").equals("START_DATA_TRANSFER")
                        && step.getString("status").equals("SUCCEEDED"))) {
            return;
        }
        for (JsonObject step : steps) {
            String status = step.getString("status");
            if (!status.equals("SUCCEEDED") && !status.equals("SKIPPED")) {
                line(String.format(Locale.ROOT, "  initiation: %s %s", step.getString("name"), status));
                return;
            }
        }
    }

    private static Set<String> deviceNames(JsonObject detail, String... codes) {
        return objects(detail, "explanations").stream()
                .filter(explanation -> List.of(codes).contains(explanation.getString("code")))
                .map(explanation -> explanation.getJsonObject("facts").getString("deviceName"))
                .collect(Collectors.toSet());
    }

    private void disk(JsonObject disk, Set<String> notOpen) {
        String deviceName = disk.getString("deviceName");
        long total = disk.getLong("totalStorageBytes");
        long replicated = disk.getLong("replicatedStorageBytes");
        long rescanned = disk.getLong("rescannedStorageBytes");
        long backlogged = disk.getLong("backloggedStorageBytes");
        line(String.format(
                Locale.ROOT,
                "  %s: %.1f %% of %s replicated%s%s%s",
                deviceName,
                total == 0 ? PERCENT : PERCENT * replicated / total,
                Amounts.bytes(total),
                rescanned == 0 || rescanned == total
                        ? ""
                        : ", " + Amounts.bytes(rescanned) + " of it compared or sent again",
                backlogged == 0 ? "" : ", " + Amounts.bytes(backlogged) + " backlogged",
                notOpen.contains(deviceName) ? ", and its volume takes no writes" : ""));
    }

    private void hold(@Nullable JsonObject hold) {
        if (hold != null) {
            line("  held at epoch " + hold.getLong("epoch") + " until " + hold.getString("untilDateTime") + ", "
                    + (hold.getString("origin").equals("BY_HAND") ? "by hand" : "for a snapshot group")
                    + ": nothing is written until then or its release");
        }
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
        if (Math.round(sum) > 0) {
            StringBuilder shares = new StringBuilder();
            for (JsonObject stage : stages) {
                double percent = PERCENT * stage.getDouble("seconds") / sum;
                if (percent < PERCENT_TOLD_MIN) {
                    continue;
                }
                shares.append(shares.isEmpty() ? "" : ", ")
                        .append(String.format(Locale.ROOT, "%s %.0f %%", stage.getString("stage"), percent));
            }
            line(String.format(Locale.ROOT, "  %s of lag went to: %s", Amounts.seconds(Math.round(sum)), shares));
        }
    }
}
