package org.replicationserver.demo;

import org.jspecify.annotations.Nullable;
import org.replicationserver.agent.AgentReport;
import org.replicationserver.process.RunException;

/** One way to lead a replication from an empty volume to a replica that can be compared with its source. */
interface Story {
    /**
     * What remains when it is over and nothing runs any more.
     *
     * @param seconds from the first connection to the end of the agent
     * @param account null without a control plane
     */
    record End(
            AgentReport report,
            double seconds,
            double serverCpuSeconds,
            @Nullable Account account) {}

    /** Runs it in the thread of the run, and says what happens. */
    End play(Scene scene) throws RunException, InterruptedException;
}
