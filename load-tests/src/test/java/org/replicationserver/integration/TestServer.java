package org.replicationserver.integration;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.replicationserver.harness.RawConnection;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.receiver.StopSignals;
import org.replicationserver.receiver.config.AssignmentsFile;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.ConfigLoader;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.server.ReplicationServer;
import org.replicationserver.receiver.server.ServerStartException;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.VolumeSpec;
import org.replicationserver.volume.testing.SlowDevice;

/**
 * The server with devices of a test, as a program: takes the arguments of {@code serve}, and commands from its input: {@code hold},
 * {@code release}, and anything else to be told its {@link Usage}. The property {@value #DEVICES} says which devices.
 */
final class TestServer {
    static final String DEVICES = "test.devices";

    /** What is not forced is lost at a kill. */
    static final String FORGETFUL = "forgetful";

    private static final Queue<SlowDevice> OPENED = new ConcurrentLinkedQueue<>();
    private static final SimpleMeterRegistry METRICS = new SimpleMeterRegistry();

    /**
     * What the server uses.
     *
     * @param buffers direct buffers in use, exact only when the pool keeps no caches for threads
     * @param directBytes direct memory of the JVM, in use or kept by the pool for reuse
     * @param heapBytes what is left on the heap after a collection
     * @param receivedBytes payload bytes that were received since the start
     * @param pauses how often reading was paused because a share of memory was used up
     */
    record Usage(long buffers, long directBytes, long heapBytes, long receivedBytes, long pauses) {
        private static final Pattern LINE = Pattern.compile("usage (\\d+) (\\d+) (\\d+) (\\d+) (\\d+)\\R");

        private static Usage now() {
            System.gc();
            return new Usage(
                    PooledByteBufAllocator.DEFAULT.metric().directArenas().stream()
                            .mapToLong(arena -> arena.numActiveAllocations())
                            .sum(),
                    ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                            .filter(pool -> pool.getName().equals("direct"))
                            .mapToLong(BufferPoolMXBean::getMemoryUsed)
                            .sum(),
                    ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
                    counted("replication_received_payload_bytes"),
                    counted("replication_reading_pauses"));
        }

        private static long counted(String name) {
            return (long) METRICS.find(name).counters().stream()
                    .mapToDouble(Counter::count)
                    .sum();
        }

        private String line() {
            return String.format("usage %d %d %d %d %d", buffers, directBytes, heapBytes, receivedBytes, pauses);
        }

        /** Asks a server in its process. */
        static Usage of(ServerProcess server) throws IOException, InterruptedException {
            String question = "question-" + System.nanoTime();
            server.tell(question);
            Matcher line = server.awaitLine(Pattern.compile(question + ": " + LINE), RawConnection.PATIENCE);
            return new Usage(
                    Long.parseLong(line.group(1)),
                    Long.parseLong(line.group(2)),
                    Long.parseLong(line.group(3)),
                    Long.parseLong(line.group(4)),
                    Long.parseLong(line.group(5)));
        }
    }

    private TestServer() {}

    /** From here on no volume of a server in its process takes a write. */
    static void hold(ServerProcess server) throws IOException, InterruptedException {
        server.tell("hold");
        // Commands are obeyed one after the other, so an answer to this one says that the other is done.
        Usage.of(server);
    }

    /** Begins to serve, and ends when its input does. */
    public static void main(String[] args) throws ConfigException, ServerStartException, IOException {
        ServerConfig config =
                ConfigLoader.load(null, Map.of(), settings(List.of(args))).toServerConfig();
        ReplicationServer server = ReplicationServer.start(
                config,
                AssignmentsFile.read(config.assignmentsFile(), config.volumePaths()),
                METRICS,
                cause -> Runtime.getRuntime().halt(74),
                TestServer::open);
        StopSignals signals = StopSignals.install();
        Thread.ofPlatform().daemon().start(() -> {
            int exitCode = signals.await();
            server.stop();
            System.exit(exitCode);
        });
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String command = commands.readLine(); command != null; command = commands.readLine()) {
            obey(command);
        }
    }

    private static List<String> settings(List<String> args) {
        List<String> settings = new ArrayList<>();
        for (int i = 1; i + 1 < args.size(); i++) {
            if (args.get(i).equals("--set")) {
                settings.add(args.get(i + 1));
            }
        }
        return settings;
    }

    private static BlockDevice open(VolumeSpec spec) throws DeviceException {
        BlockDevice device = LinuxBlockDevice.open(spec.path(), spec.openOptions());
        if (FORGETFUL.equals(System.getProperty(DEVICES))) {
            return new ForgetfulDevice(device);
        }
        SlowDevice slow = new SlowDevice(device);
        OPENED.add(slow);
        return slow;
    }

    @SuppressWarnings("SystemOut") // the test reads it in the log
    private static void obey(String command) {
        switch (command) {
            case "hold" -> OPENED.forEach(SlowDevice::holdWrites);
            case "release" -> OPENED.forEach(SlowDevice::releaseWrites);
            default -> System.out.println(command + ": " + Usage.now().line());
        }
    }
}
