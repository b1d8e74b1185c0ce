package org.replicationserver.receiver.replication;

/**
 * What an agent tells of its waiting, each since its session opened. Wall time, not summed over connections or disks.
 *
 * @param sourceNanos something was to be sent and no block was ready
 * @param networkNanos a socket took no more
 * @param windowNanos the server's window was used up
 */
public record AgentWaits(long sourceNanos, long networkNanos, long windowNanos) {
    static final AgentWaits NONE = new AgentWaits(0, 0, 0);
}
