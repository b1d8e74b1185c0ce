package org.replicationserver.controlplane;

import java.time.Instant;

/**
 * Something in the order of durable messages that a control plane need not accept as usual.
 *
 * @param outboxId of the outbox that the message came from
 */
public record Irregularity(Instant receivedAt, String replicationServerId, String outboxId, Kind kind, String text) {
    /** What it is. */
    public enum Kind {
        /** A sequence that is lower than one that came before, as after a restart; the newest one again is none. */
        BACK,
        /** A sequence that does not follow the one before. */
        GAP,
        /** A sequence that came before, with another content. */
        CHANGED,
        /** A state change whose previous state is not the one told before. */
        STATE
    }
}
