package org.replicationserver.receiver.protocol;

/** Body of EPOCH_STATUS: the epoch is open, or it is committed. */
public record EpochStatus(long epoch, boolean committed) implements Body {
    public static EpochStatus parse(JsonBody json) throws ProtocolException {
        return new EpochStatus(json.number64("epoch"), json.bool("committed"));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty().putNumber64("epoch", epoch).put("committed", committed);
    }
}
