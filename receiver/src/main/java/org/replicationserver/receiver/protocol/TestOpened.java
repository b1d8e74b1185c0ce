package org.replicationserver.receiver.protocol;

/**
 * Body of TEST_OPENED: the speed test that opens.
 *
 * @param test 32 hexadecimal digits, by which its test connections name it
 * @param streams test connections granted, which the agent must open exactly
 * @param attachMillis in which all of them must be attached
 */
public record TestOpened(int version, String test, int streams, int seconds, long bytesMax, int attachMillis)
        implements Body {
    public static TestOpened parse(JsonBody json) throws ProtocolException {
        return new TestOpened(
                (int) json.integer("version", 1, 65535),
                json.string("test", Hello.HEX_128),
                (int) json.integer("streams", 1, ProtocolLimits.STREAMS_MAX),
                (int) json.integer("seconds", 1, ProtocolLimits.TEST_SECONDS_MAX),
                json.integer("bytesMax", 1, ProtocolLimits.TEST_BYTES_MAX),
                (int) json.integer("attachMillis", 1, Integer.MAX_VALUE));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .put("version", version)
                .put("test", test)
                .put("streams", streams)
                .put("seconds", seconds)
                .put("bytesMax", bytesMax)
                .put("attachMillis", attachMillis);
    }
}
