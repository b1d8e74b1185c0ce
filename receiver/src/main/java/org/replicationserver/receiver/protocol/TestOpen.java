package org.replicationserver.receiver.protocol;

import java.util.List;

/**
 * Body of TEST_OPEN: who wants a speed test, and how large.
 *
 * @param streams test connections wanted, 1 to 16
 * @param seconds wanted from the moment when all are attached, 1 to {@link ProtocolLimits#TEST_SECONDS_MAX}
 * @param bytesMax raw bytes after which it ends, 1 to {@link ProtocolLimits#TEST_BYTES_MAX}
 */
public record TestOpen(List<Integer> versions, String sourceServerId, int streams, int seconds, long bytesMax)
        implements Body {
    public static TestOpen parse(JsonBody json) throws ProtocolException {
        return new TestOpen(
                Hello.versions(json),
                json.string("sourceServerId", Hello.ID),
                (int) json.integer("streams", 1, ProtocolLimits.STREAMS_MAX),
                (int) json.integer("seconds", 1, ProtocolLimits.TEST_SECONDS_MAX),
                json.integer("bytesMax", 1, ProtocolLimits.TEST_BYTES_MAX));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .put("versions", versions)
                .put("sourceServerId", sourceServerId)
                .put("streams", streams)
                .put("seconds", seconds)
                .put("bytesMax", bytesMax);
    }
}
