package org.replicationserver.receiver.protocol;

/** Body of ATTACHED: how much of each volume may be unacknowledged on this connection. */
public record Attached(int windowBytes, int rawLenMax, int unackedFramesMax) implements Body {
    public static Attached parse(JsonBody json) throws ProtocolException {
        return new Attached(
                (int) json.integer("windowBytes", ProtocolLimits.WINDOW_BYTES_MIN, ProtocolLimits.WINDOW_BYTES_MAX),
                (int) json.sectors("rawLenMax", ProtocolLimits.RAW_LEN_MAX),
                (int) json.integer("unackedFramesMax", 1, ProtocolLimits.UNACKED_FRAMES_MAX));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .put("windowBytes", windowBytes)
                .put("rawLenMax", rawLenMax)
                .put("unackedFramesMax", unackedFramesMax);
    }
}
