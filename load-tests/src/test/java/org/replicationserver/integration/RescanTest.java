package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
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

/** Rescans by hash and verifications between the reference agent and real servers. */
@ExtendWith(ServerLogs.class)
@Timeout(180)
final class RescanTest {
    private static final int BLOCK = Images.BLOCK_BYTES;
    private static final int SIZE_BYTES = 64 << 20;
    private static final int TAIL_BYTES = 3 * BLOCK + 512;
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    @TempDir
    Path directory;

    private Path identityDirectory() {
        return directory.resolve("agent-identity");
    }

    private TestSource source(long sizeBytes) throws Exception {
        Identity identity = AgentIdentity.loadOrCreate(identityDirectory(), "s-1");
        AgentKey key = new AgentKey(
                "s-1",
                identity,
                identityDirectory().resolve("agent.cert.pem"),
                identityDirectory().resolve("agent.key.pem"));
        TestSource assigned = TestSource.of(directory, "s-1", sizeBytes);
        return new TestSource(key, assigned.volumes(), List.of(key.pin()));
    }

    private AgentOptions options(Endpoint endpoint, TestSource source, Path image) {
        return AgentOptions.of(
                        List.of(new SourceDisk(source.volume(0).deviceName(), image)),
                        new ServerAddress(Endpoint.HOST, endpoint.port()),
                        ServerPins.of(endpoint.pin()),
                        source.sourceServerId(),
                        identityDirectory())
                .withStreams(3)
                .withQuietSource(true)
                .withCycles(AgentOptions.ENDLESS, Duration.ofHours(1))
                .withSeed(1);
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long deadlineNanos = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime() - deadlineNanos).as(what).isNegative();
            Thread.sleep(10);
        }
    }

    private static void stop(ReplicationAgent agent) throws InterruptedException {
        agent.stop();
        agent.awaitEnd(Duration.ofSeconds(60));
    }

    /** Turns a bit at each of these places. */
    private static void damage(Path image, long... places) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            for (long at : places) {
                file.seek(at);
                int was = file.read();
                file.seek(at);
                file.write(was ^ 1);
            }
        }
    }

    private static AgentReport.Disk disk(ReplicationAgent agent) {
        return agent.report().disks().getFirst();
    }

    @Test
    void rescanSendsOnlyTheDamagedBlocksAndGoesOnAfterACut() throws Exception {
        int sizeBytes = SIZE_BYTES + TAIL_BYTES;
        Path image = Images.write(directory.resolve("source.img"), Images.random(1, sizeBytes));
        TestSource source = source(sizeBytes);
        try (ServerProcess server = ServerProcess.in(directory).start(source)) {
            ReplicationAgent agent = ReplicationAgent.start(options(server.endpoint(), source, image), event -> {});
            try {
                assertThat(agent.awaitCommitted(1, PATIENCE)).isTrue();
                assertThat(disk(agent).comparedBytes())
                        .as("the initial sync is sent")
                        .isZero();
                long sent = agent.report().rawBytesSent();
                server.sigterm();
                server.awaitEnd();

                damage(source.path(0), 7, 20L << 20, (20L << 20) + BLOCK, SIZE_BYTES - 1, sizeBytes - 1);
                Files.writeString(ServerProcess.stateDirectory(directory).resolve("sources/s-1.json"), "rubbish");
                server.restart();
                await("a part of the rescan", () -> disk(agent).comparedBytes() > 0);
                server.sigkill();
                server.restart();
                await("the rescan", () -> agent.report().commits() == 2);

                AgentReport.Disk rescanned = disk(agent);
                assertThat(rescanned.differingBytes()).isEqualTo(4L * BLOCK + 512);
                assertThat(agent.report().rawBytesSent() - agent.report().bytesResent() - sent)
                        .isEqualTo(4L * BLOCK + 512);
                assertThat(rescanned.equalBytes() + rescanned.differingBytes()).isEqualTo(sizeBytes);
                assertThat(rescanned.comparedBytes())
                        .as("nothing twice but the MiBs whose blocks had no answer yet")
                        .isLessThanOrEqualTo(sizeBytes + (5L << 20));
            } finally {
                stop(agent);
            }
        }
        Images.assertIdentical(source.path(0), image);
    }

    @Test
    void restartedAgentComparesInsteadOfSendingEverything() throws Exception {
        Path image = Images.write(directory.resolve("source.img"), Images.random(2, SIZE_BYTES));
        TestSource source = source(SIZE_BYTES);
        try (InProcessServer server = InProcessServer.onImages(directory, List.of(source))) {
            AgentOptions once = options(server.endpoint(), source, image).withCycles(0, Duration.ZERO);
            ReplicationAgent first = ReplicationAgent.start(once, event -> {});
            assertThat(first.awaitEnd(PATIENCE)).isNotNull();
            double received = server.count("replication_received_raw_bytes");
            damage(image, 5L << 20);
            ReplicationAgent second = ReplicationAgent.start(once, event -> {});
            assertThat(second.awaitEnd(PATIENCE)).isNotNull();
            assertThat(second.report().rawBytesSent()).isEqualTo(BLOCK);
            assertThat(server.count("replication_received_raw_bytes") - received)
                    .isLessThanOrEqualTo(1.1 * BLOCK);
            assertThat(server.count("replication_equal_bytes", "verified", "false"))
                    .isEqualTo(SIZE_BYTES - BLOCK);
            assertThat(server.count("replication_differing_bytes", "verified", "false"))
                    .isEqualTo(BLOCK);
            assertThat(server.info("s-1")
                            .getJsonArray("replicatedDisks")
                            .getJsonObject(0)
                            .getLong("rescannedStorageBytes"))
                    .isEqualTo(SIZE_BYTES);
        }
        Images.assertIdentical(source.path(0), image);
    }

    @Test
    void verificationFindsATurnedBitAndSaysWhere() throws Exception {
        Path image = Images.write(directory.resolve("source.img"), Images.mixed(3, SIZE_BYTES));
        TestSource source = source(SIZE_BYTES);
        try (LogCapture log = LogCapture.begin();
                InProcessServer server = InProcessServer.onImages(directory, List.of(source))) {
            AgentOptions verifying = options(server.endpoint(), source, image)
                    .withCycles(AgentOptions.ENDLESS, Duration.ofMillis(200))
                    .withVerifyEvery(Duration.ofMillis(100));
            ReplicationAgent agent = ReplicationAgent.start(verifying, event -> {});
            try {
                await("a verification", () -> verifications(agent) > 0);
                assertThat(differingBytes(agent)).isZero();
                damage(source.path(0), 33L * BLOCK + 17);
                await("a difference", () -> differingBytes(agent) > 0);
                AgentReport.Verified verified =
                        Objects.requireNonNull(agent.report().verified());
                assertThat(verified.differences())
                        .containsExactly(new AgentReport.Difference("/dev/disk0", 33L * BLOCK, BLOCK));
            } finally {
                stop(agent);
            }
            assertThat(server.count("replication_differing_bytes", "verified", "true"))
                    .isPositive();
            assertThat(log.linesWith("verification found"))
                    .isNotEmpty()
                    .allMatch(line -> line.contains("offset=" + 33L * BLOCK));
        }
        assertThat(Files.mismatch(source.path(0), image))
                .as("nothing is mended by it")
                .isEqualTo(33L * BLOCK + 17);
    }

    @Test
    void verificationBesideAWriterGivesNoFalseAlarm() throws Exception {
        Path image = Images.write(directory.resolve("source.img"), Images.mixed(4, SIZE_BYTES));
        TestSource source = source(SIZE_BYTES);
        AtomicBoolean writing = new AtomicBoolean(true);
        Thread writer = Thread.ofPlatform().start(() -> write(image, writing));
        try (InProcessServer server = InProcessServer.onImages(directory, List.of(source))) {
            AgentOptions verifying = options(server.endpoint(), source, image)
                    .withQuietSource(false)
                    .withCycles(AgentOptions.ENDLESS, Duration.ofMillis(100))
                    .withVerifyEvery(Duration.ofMillis(50));
            ReplicationAgent agent = ReplicationAgent.start(verifying, event -> {});
            try {
                await("three verifications", () -> verifications(agent) >= 3);
            } finally {
                stop(agent);
                writing.set(false);
                writer.join();
            }
            assertThat(server.count("replication_compared_bytes", "verified", "true"))
                    .isGreaterThan(SIZE_BYTES);
            assertThat(server.count("replication_differing_bytes", "verified", "true"))
                    .isZero();
            assertThat(differingBytes(agent)).isZero();
        }
    }

    /** Writes to the first half of the disk all the time. */
    private static void write(Path image, AtomicBoolean going) {
        Random random = new Random(5);
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            while (going.get()) {
                file.seek(random.nextInt(SIZE_BYTES / 2 / 4096) * 4096L);
                file.write(Images.random(random.nextLong(), 4096));
                Thread.onSpinWait();
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static long verifications(ReplicationAgent agent) {
        AgentReport.Verified verified = agent.report().verified();
        return verified == null ? 0 : verified.verifications();
    }

    private static long differingBytes(ReplicationAgent agent) {
        AgentReport.Verified verified = agent.report().verified();
        return verified == null ? 0 : verified.differingBytes();
    }
}
