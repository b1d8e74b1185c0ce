package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.BandwidthSchedule;

/**
 * All source servers that this replication server serves. No source server, volume or pin is in it twice.
 *
 * @param associations in the order of the answer
 * @param bandwidth of the whole server, beside that of each source server; null is no throttle
 */
public record Associations(
        List<Association> associations, @Nullable BandwidthSchedule bandwidth) {
    /** Nothing is assigned. */
    public static final Associations NONE = new Associations(List.of(), null);

    public Associations {
        associations = List.copyOf(associations);
    }

    /** The association of a source server, or null. */
    public @Nullable Association of(String sourceServerId) {
        for (Association association : associations) {
            if (association.sourceServerId().equals(sourceServerId)) {
                return association;
            }
        }
        return null;
    }

    JsonObject toJson() {
        JsonObject json = new JsonObject()
                .put(
                        AssociationsAnswer.ASSOCIATIONS,
                        new JsonArray(
                                associations.stream().map(Association::toJson).toList()));
        return bandwidth == null ? json : json.put(AssociationsAnswer.BANDWIDTH, BandwidthJson.of(bandwidth));
    }
}
