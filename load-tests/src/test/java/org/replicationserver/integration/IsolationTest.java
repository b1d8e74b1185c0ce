package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.testing.FailingDevice;
import org.replicationserver.volume.testing.MemoryDevice;
import org.replicationserver.volume.testing.SlowDevice;

/** One volume of three fails, one stalls: the third's blocks are written and acknowledged as if it were alone. */
@Timeout(120)
final class IsolationTest {
    private static final int SIZE_BYTES = 16 << 20;
    private static final int BLOCK_BYTES = 64 * 1024;
    private static final int ROUNDS = 4;
    private static final int RUNS = 3;
    private static final byte[] IMAGE = Images.random(3, SIZE_BYTES);

    private final TestDevices devices = TestDevices.inMemory();
    private final SlowDevice stalled = new SlowDevice(new MemoryDevice(SIZE_BYTES));

    @TempDir
    Path directory;

    private TestDevices failing(String failingVolume, String stalledVolume) {
        return devices.behind(failingVolume, device -> new FailingDevice(device).failWrite(1, Errno.EIO))
                .behind(stalledVolume, device -> stalled);
    }

    /** The nanoseconds until all is acknowledged. */
    private static long sendHealthy(RawAgent agent, int volume) throws Exception {
        long began = System.nanoTime();
        for (int round = 0; round < ROUNDS; round++) {
            agent.sendImage(volume, IMAGE);
        }
        for (RawStream stream : agent.streams()) {
            stream.awaitVolumeDurable(volume);
        }
        return System.nanoTime() - began;
    }

    /** Fills the window of a volume that takes nothing. */
    private static int sendUntilWindowIsFull(RawAgent agent, int volume) throws Exception {
        int blocks = 0;
        for (int at = 0; at < SIZE_BYTES; at += BLOCK_BYTES) {
            if (agent.streamOf(volume, at).hasRoom(volume, BLOCK_BYTES)) {
                agent.send(volume, at, Arrays.copyOfRange(IMAGE, at, at + BLOCK_BYTES));
                blocks++;
            }
        }
        return blocks;
    }

    private static void assertFailed(RawAgent agent, int volume) throws Exception {
        ErrorBody error = agent.control().awaitError(ErrorCode.VOLUME_FAILED);
        assertThat(error.volume()).isEqualTo(volume);
        assertThat(error.text()).contains("EIO");
    }

    /** The best of three, so that what else the machine does is not taken for a disturbance. */
    private static long bestNanos(RawAgent agent, int volume) throws Exception {
        long bestNanos = Long.MAX_VALUE;
        for (int i = 0; i < RUNS; i++) {
            bestNanos = Math.min(bestNanos, sendHealthy(agent, volume));
        }
        return bestNanos;
    }

    /** Whoever waited for the stalled volume would not come to a hundredth. */
    @SuppressWarnings("SystemOut")
    private static void assertSameRate(String which, long aloneNanos, long besideNanos) {
        double aloneRate = ROUNDS * (SIZE_BYTES >> 20) * 1e9 / aloneNanos;
        double share = (double) aloneNanos / besideNanos;
        System.out.printf(
                "isolation, %s: %.0f MiB/s alone, %.2f of it beside a failed and a stalled volume%n",
                which, aloneRate, share);
        assertThat(share).as("rate beside the others, of the rate alone").isGreaterThan(1.0 / 3);
    }

    @Test
    void thirdVolumeOfTheSameSessionIsNotDisturbed() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES, SIZE_BYTES, SIZE_BYTES);
        stalled.holdWrites();
        try (InProcessServer server =
                        InProcessServer.start(directory, List.of(source), failing("vol-s-1-0", "vol-s-1-1"));
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 2)) {
            agent.openNextEpoch();
            sendHealthy(agent, 2); // warms the code up
            long aloneNanos = bestNanos(agent, 2);
            agent.send(0, 0, Arrays.copyOf(IMAGE, BLOCK_BYTES));
            assertFailed(agent, 0);
            int waiting = sendUntilWindowIsFull(agent, 1);
            assertThat(waiting).isGreaterThan(64);
            stalled.awaitHeldWrite();
            long before = agent.durableFrames();

            long besideNanos = bestNanos(agent, 2);

            assertThat(agent.durableFrames() - before).isEqualTo((long) RUNS * ROUNDS * SIZE_BYTES / BLOCK_BYTES);
            assertThat(agent.streams().stream()
                            .mapToLong(s -> s.unacknowledgedFrames(1))
                            .sum())
                    .isEqualTo(waiting);
            assertThat(agent.streams().stream()
                            .mapToLong(s -> s.unacknowledgedFrames(0))
                            .sum())
                    .isEqualTo(1);
            assertThat(Arrays.mismatch(devices.bytes("vol-s-1-2"), IMAGE)).isEqualTo(-1);
            assertSameRate("one source", aloneNanos, besideNanos);
            stalled.releaseWrites();
        }
    }

    @Test
    void thirdSourceIsNotDisturbed() throws Exception {
        List<TestSource> sources = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            sources.add(TestSource.of(directory, "s-" + i, SIZE_BYTES));
        }
        stalled.holdWrites();
        try (InProcessServer server = InProcessServer.start(directory, sources, failing("vol-s-0-0", "vol-s-1-0"));
                RawAgent failing = RawAgent.connect(server.endpoint(), sources.get(0), 2);
                RawAgent stalling = RawAgent.connect(server.endpoint(), sources.get(1), 2);
                RawAgent healthy = RawAgent.connect(server.endpoint(), sources.get(2), 2)) {
            healthy.openNextEpoch();
            sendHealthy(healthy, 0); // warms the code up
            long aloneNanos = bestNanos(healthy, 0);
            failing.openNextEpoch();
            failing.send(0, 0, Arrays.copyOf(IMAGE, BLOCK_BYTES));
            assertFailed(failing, 0);
            stalling.openNextEpoch();
            int waiting = sendUntilWindowIsFull(stalling, 0);
            stalled.awaitHeldWrite();

            long besideNanos = bestNanos(healthy, 0);
            healthy.commit();

            assertThat(healthy.unacknowledgedBytes()).isZero();
            assertThat(stalling.durableFrames()).isZero();
            assertThat(stalling.unacknowledgedBytes()).isEqualTo((long) waiting * BLOCK_BYTES);
            assertThat(failing.durableFrames()).isZero();
            assertThat(server.count("replication_volume_failures")).isEqualTo(1);
            assertThat(Arrays.mismatch(devices.bytes("vol-s-2-0"), IMAGE)).isEqualTo(-1);
            assertSameRate("three sources", aloneNanos, besideNanos);
            stalled.releaseWrites();
        }
    }
}
