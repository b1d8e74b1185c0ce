package org.replicationserver.controlplane;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;

/** Adds to answers what a control plane of tomorrow may know, and a client of today has to ignore. Any thread. */
final class UnknownMembers {
    static final String NAME = "memberOfTomorrow";

    private UnknownMembers() {}

    /** A copy with one more member in each object. */
    static JsonObject addTo(JsonObject object) {
        JsonObject added = new JsonObject();
        for (String name : object.fieldNames()) {
            added.put(name, addToValue(object.getValue(name)));
        }
        return added.put(NAME, "anything");
    }

    private static Object addToValue(Object value) {
        return switch (value) {
            case JsonObject object -> addTo(object);
            case JsonArray array ->
                new JsonArray(array.stream().map(UnknownMembers::addToValue).toList());
            default -> value;
        };
    }
}
