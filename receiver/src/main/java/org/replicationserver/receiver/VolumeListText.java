package org.replicationserver.receiver;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.replicationserver.receiver.replication.Amounts;

/** Writes the list of volumes for a terminal, a line each in columns. */
final class VolumeListText {
    private static final List<String> HEAD = List.of("VOLUME", "EBS DEVICE NAME", "SIZE", "PATH", "STATE");

    private VolumeListText() {}

    /** @param list as the administrator's socket tells it */
    static String of(JsonObject list) {
        JsonArray volumes = list.getJsonArray("volumes");
        if (volumes.isEmpty()) {
            return "no volume is assigned, and no EBS volume is attached\n";
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(HEAD);
        for (int i = 0; i < volumes.size(); i++) {
            JsonObject volume = volumes.getJsonObject(i);
            rows.add(List.of(
                    volume.getString("volumeId"),
                    volume.getString("blockDeviceName", "unknown"),
                    Amounts.bytes(volume.getLong("sizeBytes")),
                    volume.getString("path", "-"),
                    stateOf(volume)));
        }
        return inColumns(rows);
    }

    private static String stateOf(JsonObject volume) {
        String words = volume.getString("state").toLowerCase(Locale.ROOT).replace('_', ' ');
        String disk = volume.containsKey("sourceServerId")
                ? " for " + volume.getString("deviceName") + " of " + volume.getString("sourceServerId")
                : "";
        return words + disk + (volume.containsKey("reason") ? ": " + volume.getString("reason") : "");
    }

    private static String inColumns(List<List<String>> rows) {
        int[] widths = new int[HEAD.size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length - 1; i++) {
                text.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length() + 2));
            }
            text.append(row.getLast()).append('\n');
        }
        return text.toString();
    }
}
