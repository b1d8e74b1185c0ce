package org.replicationserver.controlplane;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** Snapshot groups, requests and credits. Used under the fleet's lock. */
final class SnapshotDesk {
    private static final int KEPT_MAX = 4096;
    private static final int LISTED_MAX = 100;
    private static final int CREDITS_DEFAULT = 1000;

    private final Map<String, Integer> credits = new HashMap<>();
    private final SequencedMap<String, JsonObject> started = new LinkedHashMap<>();
    private final SequencedMap<String, JsonObject> groups = new LinkedHashMap<>();
    private final SequencedMap<String, JsonObject> requests = new LinkedHashMap<>();
    private int requestNumber;

    void setCredits(String sourceServerId, int number) {
        credits.put(sourceServerId, number);
    }

    int credits(String sourceServerId) {
        return credits.getOrDefault(sourceServerId, CREDITS_DEFAULT);
    }

    /** The tags of its snapshots; the same again for the same group. */
    JsonObject start(String groupId, String sourceServerId) throws ApiException {
        JsonObject before = started.get(groupId);
        if (before != null
                && !before.getString("AWSApplicationMigrationServiceSourceServerID")
                        .equals(sourceServerId)) {
            throw new ApiException(ErrorCode.CONFLICT, "snapshot group " + groupId + " is of another source server");
        }
        if (before != null) {
            return before.copy();
        }
        int left = credits(sourceServerId);
        if (left == 0) {
            throw new ApiException(ErrorCode.CONFLICT, "there is no snapshot credit of " + sourceServerId);
        }
        credits.put(sourceServerId, left - 1);
        JsonObject tags = new JsonObject()
                .put("AWSApplicationMigrationServiceManaged", "mgn")
                .put("AWSApplicationMigrationServiceSourceServerID", sourceServerId);
        keep(started, groupId, tags);
        return tags.copy();
    }

    /** Takes a registered group, the same as often as it comes; whether the message is new is not looked at. */
    void register(JsonObject request) throws ApiException {
        JsonObject group = request.copy();
        group.remove("event");
        String groupId = group.getString("snapshotGroupId");
        JsonObject before = groups.get(groupId);
        if (before != null && !before.equals(group)) {
            throw new ApiException(ErrorCode.CONFLICT, "snapshot group " + groupId + " has another content");
        }
        keep(groups, groupId, group);
    }

    List<JsonObject> groups() {
        return groups.values().stream().map(JsonObject::copy).toList();
    }

    List<String> announced() {
        return List.copyOf(started.keySet());
    }

    List<String> requestIds() {
        return List.copyOf(requests.keySet());
    }

    String request(String sourceServerId, Instant now) {
        String requestId = "sr-" + ++requestNumber;
        JsonObject request = new JsonObject()
                .put("snapshotRequestId", requestId)
                .put("sourceServerId", sourceServerId)
                .put("requestedDateTime", now.toString());
        keep(requests, requestId, request);
        return requestId;
    }

    JsonArray requests(List<String> sourceServerIds) {
        return new JsonArray(requests.values().stream()
                .filter(request -> sourceServerIds.contains(request.getString("sourceServerId")))
                .limit(LISTED_MAX)
                .map(JsonObject::copy)
                .toList());
    }

    /** Null if it is gone, or is of one of these source servers and now gone; otherwise why not. */
    @Nullable
    String delete(String requestId, List<String> sourceServerIds) {
        JsonObject request = requests.get(requestId);
        if (request != null && !sourceServerIds.contains(request.getString("sourceServerId"))) {
            return "the request is of " + request.getString("sourceServerId") + ", which another server serves";
        }
        requests.remove(requestId);
        return null;
    }

    private static void keep(SequencedMap<String, JsonObject> map, String id, JsonObject value) {
        map.put(id, value);
        Bounds.removeOldest(map, KEPT_MAX);
    }
}
