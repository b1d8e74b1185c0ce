package org.replicationserver.bench;

import io.vertx.core.json.JsonObject;

/** What a run has measured. */
interface Figures {
    /** For people. */
    String table();

    /** For programs. */
    JsonObject toJson();
}
