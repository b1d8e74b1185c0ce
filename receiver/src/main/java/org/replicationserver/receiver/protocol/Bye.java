package org.replicationserver.receiver.protocol;

/** Body of BYE: the agent ends the session and wants all that it sent to be durable. */
public record Bye(String reason) implements Body {
    public static Bye parse(JsonBody json) throws ProtocolException {
        return new Bye(json.string("reason", 0, 64));
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty().put("reason", reason);
    }
}
