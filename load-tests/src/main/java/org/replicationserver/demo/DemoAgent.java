package org.replicationserver.demo;

import org.replicationserver.agent.AgentReport;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;

/** The agent of a demo, and what a story waits for. The thread of the run. */
record DemoAgent(Scene scene, ReplicationAgent agent) implements AutoCloseable {
    AgentReport report() {
        return agent.report();
    }

    /** Waits with an eye on the server too. */
    Watch watch(LocalServer server) {
        return new Watch(server, agent);
    }

    /** How many hundredths of the disk are known to be durable; more are by then. */
    long durablePercent() {
        return report().durableBytes() * 100 / scene.diskBytes();
    }

    void awaitCommit(long epoch, LocalServer server) throws RunException, InterruptedException {
        watch(server)
                .await("the commit of epoch " + epoch, Watch.SYNC_TIMEOUT, () -> report().committedEpoch() >= epoch);
    }

    /** Changes the disk, says how, and replicates that. */
    void runCycle(int cycle, LocalServer server) throws RunException, InterruptedException {
        scene.transcript().say("cycle " + cycle + ": " + scene.disk().change(cycle));
        agent.cycleNow();
        awaitCommit(cycle + 1, server);
        scene.transcript().say("cycle " + cycle + ": committed");
    }

    /** Waits until the agent has noticed that its server is gone. */
    void awaitLoss() throws RunException, InterruptedException {
        new Watch(null, agent)
                .await(
                        "the loss of the server",
                        Watch.STEP_TIMEOUT,
                        () -> report().phase() == AgentReport.Phase.CONNECTING);
    }

    /** Fails if the initial sync has no middle any more in which something could be shown. */
    void requireUnfinished(String shown) throws RunException {
        AgentReport report = report();
        if (report.committedEpoch() > 0 || report.durableBytes() >= scene.diskBytes()) {
            throw new RunException(
                    "the initial sync was complete before " + shown + "; a larger disk takes longer, see --size");
        }
    }

    /** Ends it in good order. */
    void end() throws RunException, InterruptedException {
        agent.stop();
        if (agent.awaitEnd(Watch.STEP_TIMEOUT) == null) {
            throw new RunException("the agent did not end within " + Watch.STEP_TIMEOUT.toSeconds() + " s");
        }
    }

    @Override
    public void close() {
        agent.stop();
    }
}
