package org.replicationserver.receiver.session;

/**
 * How long each stage of a source server's data has been busy, or has waited, in nanoseconds since the server began. Each is time on the
 * clock, however many connections and volumes it holds for; several may run at once; none decreases. What is not over yet counts as far
 * as it has come.
 *
 * @param throttlePausedNanos some data connection had bytes, and waited for nothing but the throttle
 * @param memoryPausedNanos some connection waited for the source server's share of memory
 * @param holdNanos an answer to the agent waited for the end of a hold
 * @param windowUsedUpNanos of some volume on some stream less than a largest block of the window was left
 * @param blocksUnderWayNanos some block was with a volume
 * @param blocksUnderWay blocks that are with a volume now
 * @param deviceBusyNanos the busiest volume's device had not returned from a call; which one that is, is judged a few times a second
 * @param expandBusyNanos the busiest volume's writer expanded and checked blocks; judged in the same way
 */
public record SourceClocks(
        long throttlePausedNanos,
        long memoryPausedNanos,
        long holdNanos,
        long windowUsedUpNanos,
        long blocksUnderWayNanos,
        int blocksUnderWay,
        long deviceBusyNanos,
        long expandBusyNanos) {}
