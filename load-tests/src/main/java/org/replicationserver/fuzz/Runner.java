package org.replicationserver.fuzz;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Runs a target on one input, within its bound of memory, of which only what this thread allocates is counted. One thread. */
final class Runner {
    private static final int RUNS_AGAIN = 3;

    private final ThreadMXBean memory = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final FuzzTarget target;
    private final int timesAllowed;

    /** @param timesAllowed how many times the target's bound an input may cost; more than once where hooks of an engine allocate too */
    Runner(FuzzTarget target, int timesAllowed) {
        this.target = target;
        this.timesAllowed = timesAllowed;
    }

    void run(byte[] input) throws Exception {
        long bytesMax = timesAllowed * target.allocatedBytesMax(input.length);
        long allocated = allocatedBytes(input);
        // The first runs of a way through the code may load classes and fill caches.
        for (int again = 0; again < RUNS_AGAIN && allocated > bytesMax; again++) {
            allocated = allocatedBytes(input);
        }
        Rules.require(
                allocated <= bytesMax,
                input.length + " bytes of input make at most " + bytesMax + " bytes of memory, not " + allocated);
    }

    private long allocatedBytes(byte[] input) throws Exception {
        long before = memory.getCurrentThreadAllocatedBytes();
        target.run(input);
        return memory.getCurrentThreadAllocatedBytes() - before;
    }
}
