package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import org.replicationserver.receiver.log.LogRecord;

/**
 * Log records, oldest first.
 *
 * @param dropped how many were dropped since the process started
 * @param records at most 500
 */
public record ClientLogs(long dropped, List<LogRecord> records) {
    /** How many records one call takes. */
    public static final int RECORDS_MAX = WireForms.BATCH_MAX;

    public ClientLogs {
        records = List.copyOf(records);
        WireForms.requireBatch(records.size());
    }

    JsonObject toJson() {
        return new JsonObject()
                .put("dropped", dropped)
                .put(
                        "records",
                        new JsonArray(records.stream().map(LogRecord::toJson).toList()));
    }
}
