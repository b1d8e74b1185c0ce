package org.replicationserver.receiver.replication;

/**
 * What the server has measured of a source server, cumulative; the model takes differences, and a clock that begins again at 0 counts
 * as one that stood still. Each is wall time (CPU time for {@code loopCpuNanos}) in which something was true of <em>any</em> of the source
 * server's connections or volumes, not a sum over them, and what is true now counts up to now.
 *
 * @param throttlePausedNanos a data connection was not read because of the throttle
 * @param memoryPausedNanos a data connection was not read because memory was used up
 * @param holdNanos the agent waited for the end of a hold, to be told of its commit or to open an epoch
 * @param deviceBusyNanos a volume writer was inside a write or force of its device
 * @param expandBusyNanos a volume writer expanded or checked blocks
 * @param loopCpuNanos CPU time of the event loop, of all source servers
 * @param windowUsedUpNanos a stream had used up its window, so that the agent may not have sent
 * @param blocksUnderWayNanos a block was received and not durable yet
 * @param instanceLimitedNanos the instance exceeded its EBS limit, or {@link #UNKNOWN}
 * @param blocksUnderWay blocks that are received and not durable now, not cumulative
 */
public record StageClocks(
        long throttlePausedNanos,
        long memoryPausedNanos,
        long holdNanos,
        long deviceBusyNanos,
        long expandBusyNanos,
        long loopCpuNanos,
        long windowUsedUpNanos,
        long blocksUnderWayNanos,
        long instanceLimitedNanos,
        long blocksUnderWay) {
    /** Nobody measures it. */
    public static final long UNKNOWN = -1;

    boolean knowsInstanceLimit() {
        return instanceLimitedNanos != UNKNOWN;
    }
}
