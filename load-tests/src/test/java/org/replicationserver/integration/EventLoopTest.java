package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.TestSource;

/** Nothing on the walk of a write blocks the event loop or writes a log line. */
@Timeout(120)
final class EventLoopTest {
    private static final int SIZE_BYTES = 64 << 20;
    private static final int SYNCS_MAX = 10;
    private static final String CHECKER = "BlockedThreadChecker";
    private static final int FRAMES = 10_000;
    private static final int BLOCK_BYTES = 4096;

    @TempDir
    Path directory;

    /** What blocks on the walk of a write does so in every sync; a machine that is short of CPU delays one now and then. */
    @Test
    void fullSyncNeverBlocksTheEventLoop() throws Exception {
        byte[] image = Images.mixed(7, SIZE_BYTES);
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (LogCapture log = LogCapture.begin();
                InProcessServer server =
                        TightThreadChecker.during(() -> InProcessServer.onImages(directory, List.of(source)));
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 4)) {
            int syncs = 0;
            do {
                log.clear();
                agent.openNextEpoch();
                agent.sendImage(0, image);
                agent.commit();
                syncs++;
            } while (syncs < SYNCS_MAX && !log.linesWith(CHECKER).isEmpty());
            assertThat(log.linesWith(CHECKER))
                    .as("the checker's warnings in the last of %d syncs, none of which was without", syncs)
                    .isEmpty();
        }
        byte[] replica = Files.readAllBytes(source.path(0));
        assertThat(Arrays.mismatch(replica, image)).isEqualTo(-1);
    }

    @Test
    void framesWriteNoLogLines() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        byte[] block = Images.random(8, BLOCK_BYTES);
        try (LogCapture log = LogCapture.begin();
                InProcessServer server = InProcessServer.start(directory, List.of(source), TestDevices.inMemory());
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 2)) {
            agent.openNextEpoch();
            agent.sendDurably(0, 0, block); // the first block of a source is told
            log.clear();
            for (int i = 1; i < FRAMES; i++) {
                agent.send(0, (long) i * BLOCK_BYTES % SIZE_BYTES, block);
            }
            for (RawStream stream : agent.streams()) {
                stream.awaitAllDurable();
            }
            assertThat(agent.durableFrames()).isEqualTo(FRAMES);
            assertThat(server.count("replication_received_data_frames")).isEqualTo(FRAMES);
            assertThat(log.lines()).isEmpty();
            assertThat(server.count("replication_event_loop_cpu_seconds")).isPositive();
        }
    }

    /** The checker is really on. */
    @Test
    void checkerSeesALoopThatIsBlocked() throws Exception {
        try (LogCapture log = LogCapture.begin()) {
            io.vertx.core.Vertx vertx = TightThreadChecker.during(io.vertx.core.Vertx::vertx);
            vertx.runOnContext(ignored -> sleepTooLong());
            org.awaitility.Awaitility.await()
                    .untilAsserted(() -> assertThat(log.linesWith(CHECKER)).isNotEmpty());
            vertx.close().toCompletionStage().toCompletableFuture().join();
        }
    }

    @SuppressWarnings("ThreadSleepMillis")
    private static void sleepTooLong() {
        try {
            Thread.sleep(5 * TightThreadChecker.EXECUTE_MILLIS_MAX);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
