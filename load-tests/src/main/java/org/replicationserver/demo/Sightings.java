package org.replicationserver.demo;

import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import org.jspecify.annotations.Nullable;
import org.replicationserver.controlplane.LocalControlPlane;
import org.replicationserver.process.Mebibytes;

/** Says what the control plane knows of the initial sync, each time that it was told something else. The thread of the run. */
final class Sightings {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("HH:mm:ss").withZone(ZoneOffset.UTC);

    private final LocalControlPlane controlPlane;
    private final Transcript transcript;
    private @Nullable JsonObject seen;
    private String said = "";

    Sightings(LocalControlPlane controlPlane, Transcript transcript) {
        this.controlPlane = controlPlane;
        this.transcript = transcript;
    }

    /** Looks, and says what is new. */
    void look() {
        seen = controlPlane.source().info();
        if (seen != null && !text(seen).equals(said)) {
            said = text(seen);
            transcript.say("initial sync: the control plane sees " + said);
        }
    }

    /** Whether it was told when the sync will end, at the last look. */
    boolean hasEta() {
        return seen != null && eta(seen) != null;
    }

    static String text(JsonObject info) {
        JsonObject disk = info.getJsonArray("replicatedDisks").getJsonObject(0);
        String eta = eta(info);
        return info.getString("dataReplicationState") + ", " + Mebibytes.text(disk.getLong("replicatedStorageBytes"))
                + " of " + Mebibytes.text(disk.getLong("totalStorageBytes")) + (eta == null ? "" : ", " + eta);
    }

    static String lag(JsonObject info) {
        String lag = info.getString("lagDuration");
        return lag == null ? "lag unknown" : "lag " + Duration.parse(lag).toSeconds() + " s";
    }

    private static @Nullable String eta(JsonObject info) {
        JsonObject detail = info.getJsonObject("detail");
        String earliest = detail.getString("etaEarliestDateTime");
        String latest = detail.getString("etaLatestDateTime");
        if (earliest == null || latest == null) {
            return null;
        }
        String begin = TIME.format(Instant.parse(earliest));
        String end = TIME.format(Instant.parse(latest));
        String when = begin.equals(end) ? "at " + end : "between " + begin + " and " + end;
        return "complete " + when + " UTC at this rate";
    }
}
