package org.replicationserver.demo;

import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.replicationserver.agent.AgentOutcome;
import org.replicationserver.agent.AgentReport;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.controlplane.LocalControlPlane;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.Mebibytes;
import org.replicationserver.process.RunException;
import org.replicationserver.process.Waiting;

/**
 * Waits for what must come, and fails as soon as it cannot come any more, because the server or the agent has ended. Immutable; the
 * thread of the run.
 */
record Watch(@Nullable LocalServer server, @Nullable ReplicationAgent agent) {
    /** Of what depends on the size of the disk. */
    static final Duration SYNC_TIMEOUT = Duration.ofMinutes(10);

    /** Of everything else. */
    static final Duration STEP_TIMEOUT = Duration.ofSeconds(30);

    /** @param reached asked every few milliseconds */
    void await(String awaited, Duration timeout, Waiting.Reached reached) throws RunException, InterruptedException {
        Waiting.until(awaited, timeout, this::standing, () -> {
            boolean here = reached.test();
            if (!here) {
                requireRunning(awaited);
            }
            return here;
        });
    }

    /** @throws RunException if the command was answered with anything but success */
    void awaitSuccess(LocalControlPlane controlPlane, String commandId) throws RunException, InterruptedException {
        String type = controlPlane.fleet().command(commandId).command().getString("type");
        await("the result of " + type, STEP_TIMEOUT, () -> controlPlane.hasSucceeded(commandId));
    }

    private void requireRunning(String awaited) throws RunException, InterruptedException {
        if (server != null) {
            server.requireAlive();
        }
        AgentOutcome outcome = agent == null ? null : agent.report().outcome();
        if (outcome != null) {
            throw new RunException("waiting for " + awaited + " the agent ended: " + outcome.text());
        }
    }

    private String standing() {
        if (agent == null) {
            return "";
        }
        AgentReport report = agent.report();
        return ": the agent is " + report.phase().name().toLowerCase(Locale.ROOT) + ", durable are "
                + Mebibytes.text(report.durableBytes());
    }
}
