package org.replicationserver.demo;

import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.ServerAddress;
import org.replicationserver.agent.ServerPins;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;

/** A server is killed with SIGKILL in the middle of the initial sync and started again, then files are changed. */
final class KillStory {
    /** When so many hundredths of the disk are known to be durable the server is killed. */
    private static final int KILL_FROM_PERCENT = 20;

    private static final int CYCLES = 2;

    private final Scene scene;
    private final LocalServer.Settings settings;
    private double serverCpuSeconds;

    private KillStory(Scene scene) throws RunException {
        this.scene = scene;
        this.settings = scene.server("server", null);
    }

    /** A {@link Story}. */
    static Story.End play(Scene scene) throws RunException, InterruptedException {
        return new KillStory(scene).play();
    }

    private Story.End play() throws RunException, InterruptedException {
        try (LocalServer first = LocalServer.start(settings, scene.cleanup())) {
            scene.sayListening(first);
            long syncNanos = System.nanoTime();
            try (DemoAgent agent = scene.startAgent(AgentOptions.of(
                    scene.sources(),
                    new ServerAddress("127.0.0.1", first.port()),
                    ServerPins.of(first.pin()),
                    LocalServer.SOURCE_SERVER,
                    scene.agentIdentity()))) {
                replicate(agent, first);
                return new Story.End(agent.report(), (System.nanoTime() - syncNanos) / 1e9, serverCpuSeconds, null);
            }
        }
    }

    private void replicate(DemoAgent agent, LocalServer first) throws RunException, InterruptedException {
        Transcript transcript = scene.transcript();
        agent.watch(first)
                .await("the initial sync", Watch.SYNC_TIMEOUT, () -> agent.durablePercent() >= KILL_FROM_PERCENT);
        serverCpuSeconds += first.usage().cpuSeconds();
        first.kill();
        transcript.say("server: killed with SIGKILL at " + percentWhenKilled(agent) + " % of the initial sync");
        try (LocalServer second = LocalServer.start(settings.withPort(first.port()), scene.cleanup())) {
            transcript.say("server: started again");
            agent.awaitCommit(1, second);
            transcript.say("initial sync: committed");
            for (int cycle = 1; cycle <= CYCLES; cycle++) {
                agent.runCycle(cycle, second);
            }
            agent.end();
            serverCpuSeconds += second.usage().cpuSeconds();
        }
    }

    /** What was acknowledged up to the kill: counted once the agent has noticed it, and before another server is there. */
    private static long percentWhenKilled(DemoAgent agent) throws RunException, InterruptedException {
        agent.awaitLoss();
        agent.requireUnfinished("the server could be killed");
        return agent.durablePercent();
    }
}
