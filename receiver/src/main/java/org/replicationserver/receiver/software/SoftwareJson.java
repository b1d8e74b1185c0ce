package org.replicationserver.receiver.software;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Map;
import org.replicationserver.receiver.software.FetchProgress.Progress;

/** Software as others are told of it. Stateless. */
public final class SoftwareJson {
    private SoftwareJson() {}

    /** A version, without its name. */
    public static JsonObject of(InstalledVersion version) {
        return version.toJson();
    }

    /** A name with all that is known of it. */
    public static JsonObject of(String name, TrustedName trusted) {
        return trusted.toJson().put("name", name);
    }

    /** What is in use of a name. */
    static JsonObject current(String name, TrustedName trusted) {
        return of(trusted.currentVersion()).put("name", name);
    }

    /** A fetch that is under way. */
    static JsonObject of(Progress progress) {
        FetchRequest request = progress.request();
        JsonObject json = new JsonObject().put("name", request.name());
        if (request.version() != null) {
            json.put("version", request.version().toString());
        }
        return json.put("object", request.object().toString())
                .put("source", progress.source())
                .put("step", progress.step().name())
                .put("bytes", progress.bytes())
                .put("sizeBytes", progress.sizeBytes())
                .put("startedDateTime", progress.started().toString());
    }

    static JsonArray currents(Map<String, TrustedName> names) {
        JsonArray all = new JsonArray();
        names.forEach((name, trusted) -> all.add(current(name, trusted)));
        return all;
    }
}
