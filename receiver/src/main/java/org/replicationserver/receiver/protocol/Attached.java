package org.replicationserver.receiver.protocol;

/** Body of ATTACHED: how much of each volume may be unacknowledged on this connection. */
public record Attached(int windowBytes, int rawLenMax, int unackedFramesMax) implements Body {
    public static Attached parse(JsonBody json) throws ProtocolException {
        return new Attached(
                (int) json.integer("windowBytes", ProtocolLimits.SECTOR_BYTES, Integer.MAX_VALUE),
                (int) json.integer("rawLenMax", ProtocolLimits.SECTOR_BYTES, ProtocolLimits.RAW_LEN_MAX),
                (int) json.integer("unackedFramesMax", 1, Integer.MAX_VALUE));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .put("windowBytes", windowBytes)
                .put("rawLenMax", rawLenMax)
                .put("unackedFramesMax", unackedFramesMax);
    }
}
