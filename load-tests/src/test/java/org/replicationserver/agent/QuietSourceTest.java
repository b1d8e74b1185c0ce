package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Epochs of a source to which nobody writes while it is read, but maybe between two attempts at an epoch. */
class QuietSourceTest {
    private static final ReplicationPlan.Disk ROOT = new ReplicationPlan.Disk("/dev/sda", 3 * 1024 * 1024 + 1536, 512);

    /** The server goes down in the middle of the initial sync, and the source is closed. */
    private static Simulation cut(long seed) {
        Simulation sim = new Simulation(seed, new ModelServer.Settings(), Simulation.plan(0, true, false, ROOT));
        sim.consistentCommits = true;
        sim.fillDisks(0);
        sim.runUntil("half of it", 60, () -> sim.replication().report().durableBytes() > ROOT.sizeBytes() / 2);
        sim.server.goDown();
        sim.runFor(2);
        return sim;
    }

    @Test
    void whatIsWrittenBetweenTwoAttemptsAtAnEpochIsInIt() {
        for (int seed = 0; seed < 20; seed++) {
            Simulation sim = cut(seed);
            sim.mutate(20);
            sim.server.comeUp();
            sim.runToEnd(120);
            assertThat(sim.commitsCompared).as("seed %d", seed).isEqualTo(1);
        }
    }

    @Test
    void whatWasAcknowledgedAndHasNotChangedIsNotSentAgain() {
        for (int seed = 0; seed < 20; seed++) {
            Simulation sim = cut(seed);
            AgentReport before = sim.replication().report();
            long lostBytes = before.rawBytesSent() - before.durableBytes();
            assertThat(before.durableBytes()).isLessThan(ROOT.sizeBytes());
            sim.server.comeUp();
            sim.runToEnd(120);
            assertThat(sim.commitsCompared).as("seed %d", seed).isEqualTo(1);
            assertThat(sim.replication().report().rawBytesSent())
                    .as("seed %d: all once, and what was lost on the way again", seed)
                    .isEqualTo(ROOT.sizeBytes() + lostBytes);
        }
    }
}
