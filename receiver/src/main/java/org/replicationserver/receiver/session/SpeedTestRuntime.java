package org.replicationserver.receiver.session;

import java.util.concurrent.Executor;
import java.util.function.LongSupplier;

/**
 * What speed tests need of the process.
 *
 * @param background runs tasks one after the other on one thread whose work may wait for all other work of the machine
 * @param eventLoopCpuNanos processor time of the event loop's thread so far
 */
public record SpeedTestRuntime(Executor background, LongSupplier eventLoopCpuNanos) {
    /** Tasks that wait at most: so many blocks fit into the memory, be it of tests that have ended. */
    public static final int TASKS_MAX = SpeedTests.MEMORY_BYTES_MAX / SpeedTests.BLOCK_BYTES_MIN;
}
