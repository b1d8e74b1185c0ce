package org.replicationserver.receiver.control;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;

/** For tests of other packages, which see what is told and not only that it is. */
public final class ReportText {
    private ReportText() {}

    public static JsonObject body(Report report) {
        return new JsonObject(Buffer.buffer(report.body()));
    }
}
