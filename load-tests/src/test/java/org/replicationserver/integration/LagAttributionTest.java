package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentIdentity;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.AgentStartException;
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
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;
import org.replicationserver.volume.testing.ForwardingDevice;

/** A bottleneck is put into each stage in turn, and the largest share of the lag names it. */
@Tag("alone")
@Timeout(120)
@ExtendWith(ServerLogs.class)
final class LagAttributionTest {
    private static final Duration PATIENCE = Duration.ofSeconds(40);
    private static final int DISK_BYTES = 64 << 20;
    private static final int MBPS = 16;
    private static final double LAG_SECONDS = 4;

    /** A writer that compiles its code also waits where no queue is. */
    private static final double WARM_SECONDS = 3;

    @TempDir
    Path directory;

    private TestSource source;

    @BeforeEach
    void begin() throws Exception {
        Path identityDirectory = identityDirectory();
        Identity identity = AgentIdentity.loadOrCreate(identityDirectory, "s-1");
        AgentKey key = new AgentKey(
                "s-1",
                identity,
                identityDirectory.resolve("agent.cert.pem"),
                identityDirectory.resolve("agent.key.pem"));
        TestSource assigned = TestSource.of(directory, "s-1", DISK_BYTES);
        source = new TestSource(key, assigned.volumes(), List.of(key.pin()));
    }

    private Path identityDirectory() {
        return directory.resolve("agent-identity");
    }

    private InProcessServer server(DeviceOpener devices, TestSource assigned) throws Exception {
        return InProcessServer.start(directory, List.of(assigned), devices);
    }

    private static BlockDevice nothing(long sizeBytes) {
        return new NullDevice(sizeBytes);
    }

    /** The reference agent, which begins a full sync. */
    private ReplicationAgent agent(int port, Endpoint server) throws Exception {
        Path image = Images.write(directory.resolve("source.img"), Images.random(1, DISK_BYTES));
        AgentOptions options = AgentOptions.of(
                        List.of(new SourceDisk(source.volume(0).deviceName(), image)),
                        new ServerAddress(Endpoint.HOST, port),
                        ServerPins.of(server.pin()),
                        "s-1",
                        identityDirectory())
                .withStreams(2)
                .withCycles(AgentOptions.ENDLESS, Duration.ofHours(1));
        try {
            return ReplicationAgent.start(options, event -> {});
        } catch (AgentStartException e) {
            throw new AssertionError(e);
        }
    }

    /** Seconds of each stage, the largest first. */
    private static Map<String, Double> shares(InProcessServer server) {
        JsonArray stages = server.info("s-1").getJsonObject("detail").getJsonArray("lagAttribution");
        Map<String, Double> seconds = new LinkedHashMap<>();
        for (Object stage : stages) {
            seconds.put(((JsonObject) stage).getString("stage"), ((JsonObject) stage).getDouble("seconds"));
        }
        return seconds;
    }

    private static double sum(Map<String, Double> shares) {
        return shares.values().stream().mapToDouble(Double::doubleValue).sum();
    }

    private static void awaitLag(InProcessServer server, double seconds) {
        Awaitility.await("lag to attribute").atMost(PATIENCE).until(() -> sum(shares(server)) >= seconds);
    }

    /** Of what lag there is from now on. */
    @SuppressWarnings("SystemOut")
    private static void assertLargest(InProcessServer server, String stage) {
        Map<String, Double> before = shares(server);
        awaitLag(server, sum(before) + LAG_SECONDS);
        Map<String, Double> shares = new LinkedHashMap<>();
        shares(server).forEach((name, seconds) -> shares.put(name, seconds - before.getOrDefault(name, 0.0)));
        System.out.println("lag with a bottleneck in " + stage + ": " + shares);
        assertThat(Collections.max(shares.entrySet(), Map.Entry.comparingByValue())
                        .getKey())
                .as("the largest of %s", shares)
                .isEqualTo(stage);
    }

    /** Until its agent tells what it waits for, the server cannot tell the source and the network apart. */
    private static void awaitReport(InProcessServer server) {
        Awaitility.await("first report of the agent")
                .atMost(PATIENCE)
                .until(() -> server.info("s-1").getJsonObject("detail").getBoolean("backlogKnown"));
    }

    private static void stop(ReplicationAgent agent) throws InterruptedException {
        agent.stop();
        agent.awaitEnd(PATIENCE);
    }

    @Tag("long")
    @Test
    void slowNetworkIsNamed() throws Exception {
        try (InProcessServer server = server(spec -> nothing(spec.sizeBytes()), source);
                NetworkProxy network = NetworkProxy.to(server.endpoint().port())) {
            network.limit(MBPS * 1_000_000 / 8);
            ReplicationAgent agent = agent(network.port(), server.endpoint());
            try {
                awaitReport(server);
                assertLargest(server, "NETWORK");
            } finally {
                stop(agent);
            }
        }
    }

    @Tag("long")
    @Test
    void throttleIsNamed() throws Exception {
        try (InProcessServer server = server(spec -> nothing(spec.sizeBytes()), source.throttled(MBPS))) {
            ReplicationAgent agent = agent(server.endpoint().port(), server.endpoint());
            try {
                awaitReport(server);
                assertLargest(server, "THROTTLE");
            } finally {
                stop(agent);
            }
        }
    }

    /** Takes its time for a write, as a volume at its limit does. */
    private static final class BusyDevice extends ForwardingDevice {
        private static final long WRITE_NANOS = 400_000_000;

        BusyDevice(BlockDevice device) {
            super(device);
        }

        @Override
        public void write(MemorySegment source, long offsetBytes) throws DeviceException {
            LockSupport.parkNanos(WRITE_NANOS);
            super.write(source, offsetBytes);
        }
    }

    @Test
    void slowVolumeIsNamed() throws Exception {
        try (InProcessServer server = server(spec -> new BusyDevice(nothing(spec.sizeBytes())), source)) {
            ReplicationAgent agent = agent(server.endpoint().port(), server.endpoint());
            try {
                awaitReport(server);
                assertLargest(server, "VOLUME");
            } finally {
                stop(agent);
            }
        }
    }

    /** In the place of the unit that asks the device, which tells more and more time beyond the limit, as much as passes. */
    private static final class LimitedInstance implements AutoCloseable {
        static final String VOLUME = "vol-0123456789abcdef0";
        private static final long INTERVAL_MILLIS = 500;

        private final Path statistics;
        private final CountDownLatch stop = new CountDownLatch(1);

        LimitedInstance(Path statistics) {
            this.statistics = statistics;
            Thread.ofPlatform().daemon().start(this::run);
        }

        private void run() {
            try {
                do {
                    Path draft = Files.write(statistics.resolve(".draft"), pages(System.currentTimeMillis() * 1000));
                    Files.move(draft, statistics.resolve("nvme1n1"), StandardCopyOption.ATOMIC_MOVE);
                } while (!stop.await(INTERVAL_MILLIS, TimeUnit.MILLISECONDS));
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        private static byte[] pages(long exceededMicros) {
            ByteBuffer pages = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
            pages.put(4, VOLUME.replace("-", "").getBytes(StandardCharsets.US_ASCII));
            pages.putInt(4096, 0x3C23B510);
            pages.putLong(4096 + 80, exceededMicros);
            return pages.array();
        }

        @Override
        public void close() {
            stop.countDown();
        }
    }

    @Test
    void limitOfTheInstanceIsNamedWhereTheVolumesDeviceTellsIt() throws Exception {
        Path statistics = Files.createDirectory(directory.resolve("statistics"));
        VolumeAssignment volume = source.volume(0);
        TestSource limited = new TestSource(
                source.key(),
                List.of(new VolumeAssignment(
                        LimitedInstance.VOLUME, volume.deviceName(), volume.path(), volume.sizeBytes(), false)),
                source.pins());
        try (LimitedInstance _ = new LimitedInstance(statistics);
                InProcessServer server = InProcessServer.start(
                        directory,
                        List.of(limited),
                        spec -> new BusyDevice(nothing(spec.sizeBytes())),
                        "volume.statistics-directory=" + statistics)) {
            ReplicationAgent agent = agent(server.endpoint().port(), server.endpoint());
            try {
                awaitReport(server);
                // Two looks at the device tell the first fraction; until then the time is the volume's.
                Awaitility.await("the limit is known")
                        .atMost(PATIENCE)
                        .until(() -> shares(server).getOrDefault("INSTANCE_LIMIT", 0.0) > 0);
                assertLargest(server, "INSTANCE_LIMIT");
            } finally {
                stop(agent);
            }
        }
    }

    /** Each read of the source's disk takes longer. */
    @Test
    void slowSourceIsNamed() throws Exception {
        DelayedCalls.assumePossible();
        try (InProcessServer server = server(spec -> nothing(spec.sizeBytes()), source.throttled(MBPS))) {
            ReplicationAgent agent = agent(server.endpoint().port(), server.endpoint());
            try (DelayedCalls _ = DelayedCalls.of("block-reader-", "pread64", Duration.ofMillis(200))) {
                Commands.Result unlimited =
                        Commands.run(ServerProcess.in(directory).cli("throttle", "0", "--source-server-id", "s-1"));
                assertThat(unlimited.exitCode()).as(unlimited.output()).isZero();
                assertLargest(server, "SOURCE");
            } finally {
                stop(agent);
            }
        }
    }

    private static byte[] ones(int bytes) {
        byte[] block = new byte[bytes];
        Arrays.fill(block, (byte) 1);
        return block;
    }

    /** Few bytes on the wire stand for many that must be expanded, and the device costs nothing. */
    @Tag("long")
    @Test
    void expandingIsNamed() throws Exception {
        try (InProcessServer server = server(spec -> nothing(spec.sizeBytes()), source);
                FullStreams _ = FullStreams.begin(server.endpoint(), source, 2, ones(1024 * 1024))) {
            awaitLag(server, WARM_SECONDS);
            assertLargest(server, "CPU_TLS_LZ4");
        }
    }

    /** The volume's thread comes late whenever it is woken, while its device is free. */
    @Tag("long")
    @Test
    void writeQueueIsNamed() throws Exception {
        DelayedCalls.assumePossible();
        String writer = "volume-writer-" + source.volume(0).volumeId();
        try (InProcessServer server = server(spec -> nothing(spec.sizeBytes()), source);
                FullStreams _ = FullStreams.begin(server.endpoint(), source, 2, Images.random(2, 16 * 1024))) {
            awaitLag(server, WARM_SECONDS);
            try (DelayedCalls _ = DelayedCalls.of(writer, "futex", Duration.ofMillis(100))) {
                assertLargest(server, "WRITE_QUEUE");
            }
        }
    }
}
