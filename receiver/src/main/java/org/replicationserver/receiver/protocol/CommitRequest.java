package org.replicationserver.receiver.protocol;

/**
 * Body of COMMIT_REQUEST: the server would have an epoch committed soon.
 *
 * @param reason a word; agents take every word
 */
public record CommitRequest(String reason) implements Body {
    /** The volumes are to be held at the commit. */
    public static final String HOLD = "HOLD";

    public static CommitRequest parse(JsonBody json) throws ProtocolException {
        return new CommitRequest(json.string("reason", 1, 64));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty().put("reason", reason);
    }
}
