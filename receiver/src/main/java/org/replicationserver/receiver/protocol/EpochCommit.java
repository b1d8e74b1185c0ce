package org.replicationserver.receiver.protocol;

import java.util.Arrays;
import java.util.List;

/** Body of EPOCH_COMMIT: {@code fences.get(i)} is the seq of the FENCE on stream i. */
public record EpochCommit(long epoch, List<Long> fences, long markTimeMillis) implements Body {
    /** Far more than streams, so that a wrong number of fences is the session's to refuse. */
    private static final int FENCES_MAX = 1024;

    public static EpochCommit parse(JsonBody json) throws ProtocolException {
        return new EpochCommit(
                json.number64("epoch"),
                Arrays.stream(json.numbers64("fences", 0, FENCES_MAX)).boxed().toList(),
                json.integer("markTimeMillis", 0, Long.MAX_VALUE));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .putNumber64("epoch", epoch)
                .put("fences", fences.stream().map(Long::toUnsignedString).toList())
                .put("markTimeMillis", markTimeMillis);
    }
}
