package org.replicationserver.receiver.protocol;

/** Body of GOAWAY: finish what is under way within the deadline, then come back after the given time. */
public record GoAway(String reason, long deadlineMillis, long reconnectAfterMillis) implements Body {
    public static GoAway parse(JsonBody json) throws ProtocolException {
        return new GoAway(
                json.string("reason", 1, 64),
                json.integer("deadlineMillis", 0, Integer.MAX_VALUE),
                json.integer("reconnectAfterMillis", 0, Integer.MAX_VALUE));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .put("reason", reason)
                .put("deadlineMillis", deadlineMillis)
                .put("reconnectAfterMillis", reconnectAfterMillis);
    }
}
