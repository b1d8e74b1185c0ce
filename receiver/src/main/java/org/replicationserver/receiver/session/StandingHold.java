package org.replicationserver.receiver.session;

/**
 * A hold of a source server's volumes.
 *
 * @param epoch whose commit the volumes are
 * @param untilMillis when it ends by itself, since 1970-01-01T00:00Z
 */
public record StandingHold(HoldRequest.Origin origin, long epoch, long untilMillis) {}
