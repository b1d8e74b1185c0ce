package org.replicationserver.receiver.protocol;

/** Body of TEST_ATTACH: the speed test and the stream that this connection is. */
public record TestAttach(String test, int stream) implements Body {
    public static TestAttach parse(JsonBody json) throws ProtocolException {
        return new TestAttach(json.string("test", Hello.HEX_128), (int) json.integer("stream", 0, Integer.MAX_VALUE));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty().put("test", test).put("stream", stream);
    }
}
