package org.replicationserver.receiver.protocol;

/** Body of EPOCH_OPEN. A fuzzy epoch is durable when committed, but never consistent. */
public record EpochOpen(long epoch, boolean fuzzy, long estimatedBytes) implements Body {
    public static EpochOpen parse(JsonBody json) throws ProtocolException {
        return new EpochOpen(
                json.number64("epoch"), json.bool("fuzzy"), json.integer("estimatedBytes", 0, Long.MAX_VALUE));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty().putNumber64("epoch", epoch).put("fuzzy", fuzzy).put("estimatedBytes", estimatedBytes);
    }
}
