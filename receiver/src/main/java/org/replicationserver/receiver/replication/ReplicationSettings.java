package org.replicationserver.receiver.replication;

import java.time.Duration;

/**
 * The times and limits of the model.
 *
 * @param stalledAfter without durable progress while work waits: STALLED
 * @param backlogAfter of lag while work waits: CONTINUOUS becomes BACKLOG
 * @param disconnectedAfter without a session after there was one: DISCONNECTED
 * @param rateWindowShort over which rates are taken, the shorter
 * @param rateWindowLong over which rates are taken, the longer
 * @param rateObservedMin of observation before an ETA is given
 * @param unstableDisconnects so many lost sessions within {@code unstableWindow}: UNSTABLE_NETWORK
 * @param unstableWindow see there
 * @param volumeMissingAfter of waiting for a volume: its step has failed
 * @param connectAfter of waiting for a first session: its step has failed
 * @param firstByteAfter of a session without a durable byte: its step has failed
 * @param refusalKept a refused handshake or HELLO is told for so long
 * @param controlPlaneAfter of silence of the control plane before it is told
 * @param agentWaitsKept what an agent told of its waiting holds for so long
 * @param saturatedPercent of a CPU above which the event loop counts as the bottleneck, 1 to 99
 * @param diskBytesMin smaller disks are not supported
 */
public record ReplicationSettings(
        Duration stalledAfter,
        Duration backlogAfter,
        Duration disconnectedAfter,
        Duration rateWindowShort,
        Duration rateWindowLong,
        Duration rateObservedMin,
        int unstableDisconnects,
        Duration unstableWindow,
        Duration volumeMissingAfter,
        Duration connectAfter,
        Duration firstByteAfter,
        Duration refusalKept,
        Duration controlPlaneAfter,
        Duration agentWaitsKept,
        int saturatedPercent,
        long diskBytesMin) {

    public static ReplicationSettings defaults() {
        return new ReplicationSettings(
                Duration.ofSeconds(30),
                Duration.ofSeconds(60),
                Duration.ofSeconds(60),
                Duration.ofSeconds(60),
                Duration.ofSeconds(600),
                Duration.ofSeconds(10),
                3,
                Duration.ofMinutes(10),
                Duration.ofSeconds(60),
                Duration.ofMinutes(5),
                Duration.ofMinutes(2),
                Duration.ofMinutes(10),
                Duration.ofSeconds(60),
                Duration.ofSeconds(5),
                85,
                1024 * 1024);
    }
}
