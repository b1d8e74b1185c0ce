package org.replicationserver.receiver.software;

import io.vertx.core.json.JsonObject;
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

    static JsonObject of(SoftwareException failure) {
        return new JsonObject()
                .put("kind", failure.kind().name())
                .put("sentence", failure.sentence())
                .put("nextAction", failure.nextAction());
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
}
