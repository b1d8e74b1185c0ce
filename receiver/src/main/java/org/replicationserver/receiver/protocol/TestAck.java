package org.replicationserver.receiver.protocol;

/**
 * Body of TEST_ACK: what of this test connection was expanded, checked and thrown away. It says nothing of stable storage.
 *
 * @param checkedSeq every TEST frame with a seq up to this is checked
 * @param limitBytes raw bytes that may have been sent on this connection since ATTACHED; only grows
 */
public record TestAck(long checkedSeq, long limitBytes) implements Body {
    public static TestAck parse(JsonBody json) throws ProtocolException {
        return new TestAck(json.number64("checkedSeq"), json.integer("limitBytes", 0, Long.MAX_VALUE));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty().putNumber64("checkedSeq", checkedSeq).put("limitBytes", limitBytes);
    }
}
