package org.replicationserver.receiver.protocol;

/** Body of ATTACH: the session and the stream that this data connection is. */
public record Attach(long generation, int stream) implements Body {
    public static Attach parse(JsonBody json) throws ProtocolException {
        return new Attach(json.number64("generation"), (int) json.integer("stream", 0, Integer.MAX_VALUE));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty().putNumber64("generation", generation).put("stream", stream);
    }
}
