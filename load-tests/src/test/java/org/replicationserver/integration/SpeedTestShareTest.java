package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawConnection;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.TestAck;
import org.replicationserver.receiver.protocol.TestAttach;
import org.replicationserver.receiver.protocol.TestOpen;
import org.replicationserver.receiver.protocol.TestOpened;
import org.replicationserver.receiver.protocol.TestResult;

/**
 * What a speed test takes from a session that sends as fast as it may, without a disk that would be the limit. Rounds with and without a
 * speed test take turns, so that what else the machine does falls on both; the ratio is printed, and what is asserted are bytes.
 */
@Tag("alone")
class SpeedTestShareTest {
    private static final long SIZE_BYTES = 1L << 30;
    private static final byte[] BLOCK = Images.random(7, 256 * 1024);
    private static final int SECONDS = 5;
    private static final int ROUNDS = 10;
    private static final Duration ROUND = Duration.ofSeconds(5);

    @TempDir
    Path directory = Path.of("");

    @Tag("long")
    @Test
    void speedTestTakesItsShareOfReplicationAndNoMore() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        List<Double> without = new ArrayList<>();
        List<Double> with = new ArrayList<>();
        List<Double> shares = new ArrayList<>();
        try (InProcessServer server = InProcessServer.start(
                        directory, List.of(source), spec -> new NullDevice(spec.sizeBytes()), "listen.port=0");
                FullStreams full = FullStreams.begin(server.endpoint(), source, 2, 256 * 1024)) {
            full.during(ROUND);
            for (int i = 0; i < ROUNDS; i++) {
                without.add(full.during(ROUND).mbps());
                CompletableFuture<TestResult> test =
                        CompletableFuture.supplyAsync(() -> speedTest(server.endpoint(), source.key()));
                with.add(full.during(ROUND).mbps());
                TestResult result = test.join();
                double share = (double) result.payloadBytes() / result.replicatedBytes();
                shares.add(share);
                report(i, without.getLast(), with.getLast(), share);
                assertThat(result.waits().replicationMillis()).isGreaterThan(result.millis() / 2);
                assertThat(share).isBetween(0.002, 0.03);
            }
        }
        report(ROUNDS, mean(without), mean(with), mean(shares));
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    @SuppressWarnings("SystemOut")
    private static void report(int round, double without, double with, double share) {
        System.out.printf(
                "speed test, %s: session %.1f Mbps without, %.1f with, ratio %.3f; share %.4f%n",
                round == ROUNDS ? "mean" : "round " + round, without, with, with / without, share);
    }

    /** Sends as fast as it may, what was made before, so that it takes next to nothing of the machine by itself. */
    private static TestResult speedTest(Endpoint endpoint, AgentKey key) {
        try (RawConnection control = RawConnection.open(endpoint, key);
                RawConnection stream = RawConnection.open(endpoint, key)) {
            control.send(
                    FrameType.TEST_OPEN,
                    new TestOpen(List.of(1), key.sourceServerId(), 1, SECONDS, ProtocolLimits.TEST_BYTES_MAX));
            TestOpened opened =
                    TestOpened.parse(control.await(FrameType.TEST_OPENED).json());
            FrameWriter writer = new FrameWriter();
            stream.sendRaw(writer.json(FrameType.TEST_ATTACH, new TestAttach(opened.test(), 0)));
            long limitBytes =
                    Attached.parse(stream.await(FrameType.ATTACHED).json()).windowBytes();
            ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES + BLOCK.length);
            CRC32C crc = new CRC32C();
            crc.update(BLOCK);
            for (long sent = 0; !stream.isEnded(); sent += BLOCK.length) {
                while (sent + BLOCK.length > limitBytes && !stream.isEnded()) {
                    RawConnection.Received next = stream.poll(RawConnection.PATIENCE);
                    limitBytes = next != null && next.type() == FrameType.TEST_ACK
                            ? TestAck.parse(next.json()).limitBytes()
                            : Long.MAX_VALUE;
                }
                frame.clear();
                writer.testHeader(frame, FrameHeader.CODEC_STORED, BLOCK.length, BLOCK.length, (int) crc.getValue());
                try {
                    stream.sendRaw(frame.put(BLOCK).flip());
                } catch (IOException e) {
                    break; // the server has ended it
                }
            }
            return TestResult.parse(control.await(FrameType.TEST_RESULT).json());
        } catch (IOException | ProtocolException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
