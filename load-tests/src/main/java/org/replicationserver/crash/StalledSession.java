package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.process.RunException;

/**
 * A session of the reference agent whose volume takes nothing for a long time. The agent is told to wait, keeps its session and its
 * connections, and goes on afterwards; another source server is not slowed.
 */
final class StalledSession {
    /** The server tells it at least so often. */
    private static final Duration PROGRESS_INTERVAL = Duration.ofSeconds(5);

    /** What takes nothing. */
    interface Device {
        void stall() throws IOException, InterruptedException, RunException;

        void goOn() throws IOException, InterruptedException, RunException;
    }

    private StalledSession() {}

    /**
     * Lets the volume stall.
     *
     * @param directory where the agent keeps its key, as {@link FileAgent#assigned} was told
     */
    static void run(
            ServerProcess server,
            Path directory,
            TestSource assigned,
            TestSource steadySource,
            Device device,
            Duration stall,
            Random random)
            throws IOException, InterruptedException, RunException {
        try (SteadySource steady = SteadySource.begin(server, steadySource, random);
                FileAgent agent =
                        FileAgent.start(directory, assigned, server.endpoint(), random, Duration.ofHours(1))) {
            agent.awaitInitialSync();
            device.stall();
            try {
                agent.change(random);
                agent.cycleNow();
                // The time is what is tested: nothing ends it earlier.
                Thread.sleep(stall);
                steady.finish();
                requireOneSession(agent);
                long toldMin = stall.dividedBy(PROGRESS_INTERVAL) - 2;
                if (agent.serverWaits() < toldMin) {
                    throw new AssertionError("PROGRESS came " + agent.serverWaits() + " times in " + stall);
                }
            } finally {
                device.goOn();
            }
            agent.converge();
            requireOneSession(agent);
        }
    }

    private static void requireOneSession(FileAgent agent) {
        int connections = agent.network().links().size();
        if (agent.sessions() != 1 || connections != 1 + FileAgent.STREAMS) {
            throw new AssertionError("the volume stalled, and the agent had " + agent.sessions() + " sessions and "
                    + connections + " connections");
        }
    }
}
