package org.replicationserver.receiver;

import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.replicationserver.receiver.replication.Amounts;

/** Writes how it stands with the control plane for a terminal; nothing where assignments come from a file. */
final class ControlPlaneText {
    /** How the codes of explanations begin that are of the control plane. */
    static final String CODES = "CONTROL_PLANE_";

    private final JsonObject status;
    private final Instant now;

    /** @param status {@code controlPlane} of what the administrator's socket tells */
    ControlPlaneText(JsonObject status, Instant now) {
        this.status = status;
        this.now = now;
    }

    /** Whether assignments come from a control plane that has not told any, neither now nor to an earlier start. */
    boolean isWithoutAssignments() {
        return status.containsKey("associations") && !associations().containsKey("answeredDateTime");
    }

    private JsonObject associations() {
        return status.getJsonObject("associations");
    }

    List<String> lines() {
        List<String> lines = new ArrayList<>();
        if (status.containsKey("failingSinceDateTime")) {
            fails(lines);
        } else if (status.containsKey("nextAttemptDateTime")) {
            lines.add("control plane: it has asked for time, " + nextAttempt());
        } else if (status.containsKey("lastAnsweredDateTime")) {
            lines.add("control plane: answered " + ago("lastAnsweredDateTime", status) + " ago");
        } else if (status.containsKey("associations")) {
            lines.add("control plane: no call has ended yet");
        }
        if (status.containsKey("associations") && associations().getBoolean("fromDisk", false)) {
            lines.add("  what is assigned is what it said " + ago("answeredDateTime", associations())
                    + " ago, before this server was started");
        }
        // While calls fail that is the trouble, and told already.
        if (status.containsKey("associations")
                && associations().containsKey("trouble")
                && !status.containsKey("failingSinceDateTime")) {
            lines.add("  trouble with what it assigns: " + associations().getString("trouble"));
        }
        reports(lines);
        return lines;
    }

    private void fails(List<String> lines) {
        JsonObject failure = status.getJsonObject("lastFailure", new JsonObject());
        lines.add("control plane: calls have failed for " + ago("failingSinceDateTime", status) + ", " + nextAttempt());
        String request = failure.containsKey("requestId") ? " (request " + failure.getString("requestId") + ")" : "";
        lines.add("  " + failure.getString("kind") + ": " + failure.getString("sentence") + request);
        lines.add("    " + failure.getString("nextAction"));
    }

    private String nextAttempt() {
        String next = status.getString("nextAttemptDateTime");
        if (next == null) {
            return "the next is made soon";
        }
        Duration wait = Duration.between(now, Instant.parse(next));
        return wait.isPositive()
                ? "the next is made in " + Amounts.seconds(Math.max(1, wait.toSeconds()))
                : "the next is under way";
    }

    /** Where all that was to be told is told there is nothing to say. */
    private void reports(List<String> lines) {
        JsonObject outbox = status.getJsonObject("outbox", new JsonObject());
        int reports = outbox.getInteger("reports", 0);
        if (reports > 0) {
            String oldest =
                    outbox.containsKey("oldestDateTime") ? ", the oldest for " + ago("oldestDateTime", outbox) : "";
            lines.add("  reports that wait to be told: " + reports + oldest);
        }
    }

    private String ago(String name, JsonObject json) {
        Duration since = Duration.between(Instant.parse(json.getString(name)), now);
        return Amounts.seconds(Math.max(0, since.toSeconds()));
    }
}
