package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentIdentity;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.AgentReport;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.ServerAddress;
import org.replicationserver.agent.ServerPins;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.cert.Identity;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;

/**
 * The reference agent and a server that is killed again and again: each epoch is committed in the end, what is sent again stays below
 * the window, and the replica is identical after every epoch.
 */
@ExtendWith(ServerLogs.class)
final class AgentKillTest {
    private static final int SIZE_BYTES = 48 << 20;
    private static final int STREAMS = 4;
    private static final int WINDOW_BYTES = 1 << 20;
    private static final int FRAME_BYTES_MAX = 256 * 1024;
    private static final int KILL_DELAY_MILLIS_MAX = 600;
    private static final Duration COMMIT_TIMEOUT = Duration.ofMinutes(2);

    @TempDir
    Path directory;

    @Test
    @Timeout(180)
    void agentEndsEveryEpochWhateverMomentTheServerIsKilled() throws Exception {
        run(3);
    }

    @Test
    @Tag("long")
    @Timeout(1800)
    void agentEndsManyEpochsWhateverMomentTheServerIsKilled() throws Exception {
        run(50);
    }

    @SuppressWarnings("SystemOut")
    private void run(int kills) throws Exception {
        long seed = Seeds.seed("kills under the reference agent");
        Random random = new Random(seed);
        Path image = Images.write(directory.resolve("source.img"), Images.mixed(seed, SIZE_BYTES));
        TestSource source = source();
        long resentBytesMax = 0;
        try (ServerProcess server = ServerProcess.in(directory)
                .set("memory.budget-bytes=" + STREAMS * WINDOW_BYTES)
                .start(source)) {
            ReplicationAgent agent = start(server.endpoint(), source, image, seed);
            try {
                for (int epoch = 1; epoch <= kills; epoch++) {
                    long before = agent.report().bytesResent();
                    Thread.sleep(random.nextInt(KILL_DELAY_MILLIS_MAX));
                    server.sigkill();
                    server.restart();
                    awaitCommitted(agent, epoch, seed);
                    long resentBytes = agent.report().bytesResent() - before;
                    assertThat(resentBytes)
                            .as("epoch %d, seed %d", epoch, seed)
                            .isLessThanOrEqualTo((long) STREAMS * (WINDOW_BYTES + FRAME_BYTES_MAX));
                    resentBytesMax = Math.max(resentBytesMax, resentBytes);
                    Images.assertIdentical(source.path(0), image);
                    change(image, random);
                    agent.cycleNow();
                }
                awaitCommitted(agent, kills + 1, seed);
            } finally {
                agent.stop();
                agent.awaitEnd(Duration.ofSeconds(60));
            }
        }
        Images.assertIdentical(source.path(0), image);
        System.out.println(kills + " kills, at most " + resentBytesMax + " bytes resent after one");
    }

    private static void awaitCommitted(ReplicationAgent agent, int epoch, long seed) throws InterruptedException {
        boolean committed = agent.awaitCommitted(epoch, COMMIT_TIMEOUT);
        AgentReport report = agent.report();
        assertThat(committed).as("epoch %d, seed %d, %s", epoch, seed, report).isTrue();
    }

    private Path identityDirectory() {
        return directory.resolve("agent-identity");
    }

    private TestSource source() throws Exception {
        Identity identity = AgentIdentity.loadOrCreate(identityDirectory(), "s-1");
        AgentKey key = new AgentKey(
                "s-1",
                identity,
                identityDirectory().resolve("agent.cert.pem"),
                identityDirectory().resolve("agent.key.pem"));
        TestSource assigned = TestSource.of(directory, "s-1", SIZE_BYTES);
        return new TestSource(key, assigned.volumes(), List.of(key.pin()));
    }

    private ReplicationAgent start(Endpoint endpoint, TestSource source, Path image, long seed) throws Exception {
        AgentOptions options = AgentOptions.of(
                        List.of(new SourceDisk(source.volume(0).deviceName(), image)),
                        new ServerAddress(Endpoint.HOST, endpoint.port()),
                        ServerPins.of(endpoint.pin()),
                        source.sourceServerId(),
                        identityDirectory())
                .withStreams(STREAMS)
                .withQuietSource(true)
                .withCycles(AgentOptions.ENDLESS, Duration.ofHours(1))
                .withSeed(seed);
        return ReplicationAgent.start(options, event -> {});
    }

    /** Rewrites a quarter of the disk, here and there. */
    private static void change(Path image, Random random) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            for (int i = 0; i < SIZE_BYTES / Images.BLOCK_BYTES / 4; i++) {
                file.seek((long) random.nextInt(SIZE_BYTES / Images.BLOCK_BYTES) * Images.BLOCK_BYTES);
                file.write(Images.random(random.nextLong(), Images.BLOCK_BYTES));
            }
        }
    }
}
