package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;

/**
 * What this server says of itself.
 *
 * @param currentPin of the key that agents meet now
 * @param nextPin of the key that the coming rotation brings, null if none is drawn
 * @param port on which agents are accepted
 * @param softwareVersion 1 to 64 characters
 * @param protocolVersion as the protocol's ALPN name
 * @param startedDateTime of this process
 */
public record ReplicationServerInfo(
        Pin currentPin,
        @Nullable Pin nextPin,
        int port,
        String softwareVersion,
        String protocolVersion,
        Instant startedDateTime) {

    /** The schema ReplicationServer of the API. */
    public JsonObject toJson() {
        JsonObject pins = new JsonObject().put("current", currentPin.toString());
        if (nextPin != null) {
            pins.put("next", nextPin.toString());
        }
        return new JsonObject()
                .put("pins", pins)
                .put("port", port)
                .put("softwareVersion", softwareVersion)
                .put("protocolVersion", protocolVersion)
                .put("startedDateTime", startedDateTime.toString());
    }
}
