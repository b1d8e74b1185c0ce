package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.SnapshotOperations.SnapshotRequest;
import org.replicationserver.receiver.log.PeerText;

/**
 * What the control plane answered to the question which snapshots are wanted: each request is read by itself, so that one that is
 * malformed does not take the others with it.
 *
 * @param requests all that are well-formed
 * @param mistake a sentence for people about the others; null if there are none
 */
record SnapshotRequestsAnswer(
        List<SnapshotRequest> requests, @Nullable String mistake) {
    private static final String REQUESTS = "requests";
    private static final int MISTAKE_CHARS_MAX = 1000;

    SnapshotRequestsAnswer {
        requests = List.copyOf(requests);
    }

    /** @throws MalformedException if there is no list of them at all */
    static SnapshotRequestsAnswer read(JsonMembers answer) throws MalformedException {
        JsonArray elements = answer.array(REQUESTS, 0, WireForms.SNAPSHOT_REQUESTS_MAX);
        List<SnapshotRequest> requests = new ArrayList<>();
        List<String> mistakes = new ArrayList<>();
        for (int i = 0; i < elements.size(); i++) {
            try {
                requests.add(read(elements.getValue(i)));
            } catch (MalformedException e) {
                mistakes.add(REQUESTS + "[" + i + "]: " + e.getMessage());
            }
        }
        return new SnapshotRequestsAnswer(
                requests, mistakes.isEmpty() ? null : PeerText.cut(String.join("; ", mistakes), MISTAKE_CHARS_MAX));
    }

    private static SnapshotRequest read(@Nullable Object element) throws MalformedException {
        if (!(element instanceof JsonObject object)) {
            throw new MalformedException("no object");
        }
        JsonMembers request = JsonMembers.of(object);
        return new SnapshotRequest(
                request.text("snapshotRequestId", WireForms.COMMAND_ID.pattern(), WireForms.COMMAND_ID.allowed()),
                WireForms.sourceServerId(request, Association.SOURCE_SERVER_ID));
    }
}
