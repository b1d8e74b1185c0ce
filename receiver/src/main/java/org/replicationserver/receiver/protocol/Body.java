package org.replicationserver.receiver.protocol;

/** A frame body that travels as a JSON object; section 5.1 of the specification gives members and bounds. */
public interface Body {
    JsonBody toJson();
}
