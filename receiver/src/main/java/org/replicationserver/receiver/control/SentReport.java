package org.replicationserver.receiver.control;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;

/**
 * A report with its place among all others of this server, as it is sent.
 *
 * @param outboxId 32 hexadecimal digits
 * @param sequence one more than that of the report before it, unless some between them were given up
 */
public record SentReport(String outboxId, long sequence, Report report) {
    /** The request's body. */
    JsonObject toJson() {
        return new JsonObject(Buffer.buffer(report.body()))
                .put(
                        "event",
                        new JsonObject()
                                .put("outboxId", outboxId)
                                .put("sequence", sequence)
                                .put("observedDateTime", report.observed().toString()));
    }
}
