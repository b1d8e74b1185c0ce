package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.harness.BlockFrame;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawConnection;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * The server's memory is bounded, however many agents send to volumes that stall, and direct memory comes back whatever way sessions
 * end. The server's pool counts exactly, because it keeps no caches here, and every buffer that is lost is told.
 */
@Timeout(120)
@ExtendWith(ServerLogs.class)
final class MemoryTest {
    private static final int MIB = 1 << 20;
    private static final int SIZE_BYTES = 64 * MIB;
    private static final int BLOCK_BYTES = 256 * 1024;
    private static final int CUTS = 50;
    private static final byte[] BLOCK = Images.random(9, BLOCK_BYTES);

    private static final int SOURCES = 8;
    private static final int VOLUMES = 2;
    private static final int STREAMS = 4;
    private static final int BUDGET_BYTES = 32 * MIB;

    /** TLS, sockets and what the pool rounds up: less than a quarter of a MiB for each of the connections. */
    private static final int DIRECT_BESIDE_PAYLOADS_BYTES = 10 * MIB;

    /** The server alone needs about 12 MiB. */
    private static final int HEAP_BYTES = 24 * MIB;

    /** What one read from the kernel becomes: records of TLS, before and after decryption. Without a pause there would be hundreds. */
    private static final int PAUSED_BUFFERS_MAX = 40;

    private static final String THROTTLE = "throttle.server-mbps=";

    @TempDir
    Path directory;

    private ServerProcess.Plan plan() {
        return ServerProcess.in(directory)
                .main(TestServer.class)
                .jvm("-Dio.netty.allocator.type=pooled")
                .jvm("-Dio.netty.allocator.smallCacheSize=0")
                .jvm("-Dio.netty.allocator.normalCacheSize=0")
                .jvm("-Dio.netty.leakDetection.level=paranoid");
    }

    private static void awaitReceived(ServerProcess server, long payloadBytes) {
        Awaitility.await()
                .atMost(RawConnection.PATIENCE)
                .until(() -> TestServer.Usage.of(server).receivedBytes() == payloadBytes);
    }

    private static void awaitNoneInUse(ServerProcess server) throws IOException {
        Awaitility.await()
                .alias("no direct buffer is in use when no connection is open")
                .atMost(RawConnection.PATIENCE)
                .until(() -> TestServer.Usage.of(server).buffers() == 0);
        assertThat(server.logSinceStart()).doesNotContain("LEAK").doesNotContain("fault of this program");
    }

    // --- bounds

    /** All windows of all sources are full of what no volume takes. */
    @Test
    void memoryIsBoundedWhileEveryVolumeOfManySourcesStalls() throws Exception {
        TestSource[] sources = new TestSource[SOURCES];
        for (int i = 0; i < SOURCES; i++) {
            long[] sizesBytes = new long[VOLUMES];
            Arrays.fill(sizesBytes, SIZE_BYTES);
            sources[i] = TestSource.of(directory, "s-" + i, sizesBytes);
        }
        List<RawAgent> agents = new ArrayList<>();
        try (ServerProcess server = plan().set("memory.budget-bytes=" + BUDGET_BYTES)
                .jvm("-Xmx" + HEAP_BYTES)
                .jvm("-XX:MaxDirectMemorySize=" + (BUDGET_BYTES + DIRECT_BESIDE_PAYLOADS_BYTES))
                .start(sources)) {
            TestServer.hold(server);
            long sentBytes = 0;
            for (TestSource source : sources) {
                RawAgent agent = RawAgent.connect(server.endpoint(), source, STREAMS);
                agents.add(agent);
                agent.openNextEpoch();
                sentBytes += fillWindows(agent);
            }
            assertThat(sentBytes).as("the windows of all are the budget").isEqualTo(BUDGET_BYTES);
            awaitReceived(server, sentBytes);
            TestServer.Usage stalled = TestServer.Usage.of(server);
            report(stalled);
            assertThat(stalled.directBytes())
                    .isBetween((long) BUDGET_BYTES, (long) BUDGET_BYTES + DIRECT_BESIDE_PAYLOADS_BYTES);
            assertThat(stalled.heapBytes()).isLessThan(HEAP_BYTES);
            server.tell("release");
            for (RawAgent agent : agents) {
                agent.commit();
                agent.bye();
            }
            awaitNoneInUse(server);
        } finally {
            for (RawAgent agent : agents) {
                agent.close();
            }
        }
    }

    /** Sends to each volume on each stream what the windows allow; the bytes. */
    private static long fillWindows(RawAgent agent) throws IOException, InterruptedException {
        long sentBytes = 0;
        long regionBytes = 1L << agent.welcome().regionShift();
        for (int volume = 0; volume < VOLUMES; volume++) {
            for (int region = 0; region < STREAMS; region++) {
                long offsetBytes = region * regionBytes;
                while (agent.streamOf(volume, offsetBytes).hasRoom(volume, BLOCK_BYTES)) {
                    agent.send(volume, offsetBytes, BLOCK);
                    sentBytes += BLOCK_BYTES;
                    offsetBytes += BLOCK_BYTES;
                }
            }
        }
        return sentBytes;
    }

    @SuppressWarnings("SystemOut")
    private static void report(TestServer.Usage usage) {
        System.out.printf(
                "%d sources with %d volumes and %d streams each, all stalled, %d MiB of payload: %.1f MiB direct, %.1f MiB heap%n",
                SOURCES,
                VOLUMES,
                STREAMS,
                usage.receivedBytes() / MIB,
                (double) usage.directBytes() / MIB,
                (double) usage.heapBytes() / MIB);
    }

    /** So many volumes that even their smallest windows are more than the share of their source. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1000})
    void sourceThatSendsMoreThanItsShareIsPausedUntilItsVolumesTakeIt(int throttleMbps) throws Exception {
        int volumes = 24;
        long[] sizesBytes = new long[volumes];
        Arrays.fill(sizesBytes, MIB);
        TestSource source = TestSource.of(directory, "s-1", sizesBytes);
        int shareBytes = 2 * MIB;
        try (ServerProcess server = plan().set("memory.budget-bytes=" + shareBytes)
                        .set(THROTTLE + throttleMbps)
                        .start(source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            assertThat(volumes * ProtocolLimits.WINDOW_BYTES_MIN).isGreaterThan(2 * shareBytes);
            agent.openNextEpoch();
            TestServer.hold(server);
            // Not all of it fits the sockets when the server does not read, so that sending blocks.
            CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> sendOneBlockToEach(agent, volumes));
            Awaitility.await()
                    .atMost(RawConnection.PATIENCE)
                    .until(() -> TestServer.Usage.of(server).pauses() > 0);
            assertThat(TestServer.Usage.of(server).receivedBytes()).isEqualTo(shareBytes);
            Awaitility.await()
                    .alias("what is not read stays in the sockets")
                    .during(Duration.ofMillis(300))
                    .atMost(RawConnection.PATIENCE)
                    .until(() -> TestServer.Usage.of(server).buffers() < shareBytes / BLOCK_BYTES + PAUSED_BUFFERS_MAX);
            server.tell("release");
            sending.join();
            agent.commit();
            assertThat(TestServer.Usage.of(server).receivedBytes()).isEqualTo((long) volumes * BLOCK_BYTES);
            agent.bye();
            awaitNoneInUse(server);
        }
    }

    private static void sendOneBlockToEach(RawAgent agent, int volumes) {
        try {
            for (int volume = 0; volume < volumes; volume++) {
                agent.send(volume, 0, BLOCK);
            }
        } catch (IOException | InterruptedException e) {
            throw new CompletionException(e);
        }
    }

    // --- ends

    @ParameterizedTest
    @ValueSource(ints = {0, 200})
    void connectionsThatAreCutInTheMiddleOfABlockLeakNothing(int throttleMbps) throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        Random random = new Random(10);
        try (ServerProcess server = plan().set(THROTTLE + throttleMbps).start(source)) {
            for (int i = 0; i < CUTS; i++) {
                try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                    agent.openNextEpoch();
                    RawConnection data = agent.streams().getFirst().connection();
                    agent.send(0, 0, BLOCK);
                    data.partOfData(agent.frame(0, BLOCK_BYTES, BLOCK), 1 + random.nextInt(BLOCK_BYTES));
                    if (i % 2 == 0) {
                        data.cut();
                    }
                }
            }
            awaitNoneInUse(server);
        }
    }

    /** Under the throttle too, what still comes is thrown away, so that the error is not lost to a reset. */
    @ParameterizedTest
    @ValueSource(ints = {0, 200})
    void sessionsThatAreRefusedInTheMiddleOfAStreamLeakNothing(int throttleMbps) throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (ServerProcess server = plan().set(THROTTLE + throttleMbps).start(source)) {
            for (int i = 0; i < 10; i++) {
                try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                    agent.openNextEpoch();
                    RawConnection data = agent.streams().getFirst().connection();
                    data.data(agent.frame(0, 0, BLOCK));
                    BlockFrame bad = i % 2 == 0
                            ? agent.frame(0, BLOCK_BYTES, BLOCK).corrupt()
                            : agent.frame(0, SIZE_BYTES, BLOCK);
                    data.data(bad);
                    sendMoreUntilClosed(agent, data);
                    data.awaitError(i % 2 == 0 ? ErrorCode.INTEGRITY : ErrorCode.RANGE);
                }
            }
            awaitNoneInUse(server);
        }
    }

    private static void sendMoreUntilClosed(RawAgent agent, RawConnection data) {
        try {
            for (int block = 2; block < 12; block++) {
                data.data(agent.frame(0, (long) block * BLOCK_BYTES, BLOCK));
            }
        } catch (IOException e) {
            // The server has closed; why it did is in the error that it sent before.
        }
    }

    @Test
    void sessionThatEndsWhileItsVolumeStallsLeaksNothing() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (ServerProcess server = plan().start(source)) {
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 4)) {
                agent.openNextEpoch();
                TestServer.hold(server);
                int blocks = 0;
                while (agent.streamOf(0, 0).hasRoom(0, BLOCK_BYTES)) {
                    agent.send(0, 0, BLOCK);
                    blocks++;
                }
                awaitReceived(server, (long) blocks * BLOCK_BYTES);
                assertThat(TestServer.Usage.of(server).buffers()).isGreaterThanOrEqualTo(blocks);
            }
            server.tell("release");
            awaitNoneInUse(server);
        }
    }
}
