package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentIdentity;
import org.replicationserver.agent.AgentMain;
import org.replicationserver.cert.Identity;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.session.VolumeAssignment;

/**
 * Disks come, go and grow between a server and an agent in processes of their own, while another disk is written all the time: nothing is
 * sent twice, and nothing is rescanned.
 */
@ExtendWith(ServerLogs.class)
@Timeout(240)
final class ChangingDisksTest {
    private static final int MIB = 1 << 20;
    private static final int BUSY_BYTES = 48 * MIB;
    private static final int SMALL_BYTES = 8 * MIB;
    private static final int GROWN_BYTES = 12 * MIB + 512;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path directory;

    private Path identityDirectory() {
        return directory.resolve("agent-identity");
    }

    private Path image(int disk) {
        return directory.resolve("source-" + disk + ".img");
    }

    private TestSource source(long... sizesBytes) throws Exception {
        Identity identity = AgentIdentity.loadOrCreate(identityDirectory(), "s-1");
        AgentKey key = new AgentKey(
                "s-1",
                identity,
                identityDirectory().resolve("agent.cert.pem"),
                identityDirectory().resolve("agent.key.pem"));
        TestSource assigned = TestSource.of(directory, "s-1", sizesBytes);
        return new TestSource(key, assigned.volumes(), List.of(key.pin()));
    }

    private static TestSource with(TestSource source, int... disks) {
        List<VolumeAssignment> volumes =
                Arrays.stream(disks).mapToObj(source::volume).toList();
        return new TestSource(source.key(), volumes, source.pins());
    }

    /** The agent in a process of its own. */
    private final class AgentProcess implements AutoCloseable {
        private final Process process;
        private final Path log = directory.resolve("agent.log");
        private final Path report = directory.resolve("report.json");

        /** Where the last line that was waited for ends. */
        private int seen;

        AgentProcess(Endpoint server, List<String> sources) throws IOException {
            List<String> command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--enable-native-access=ALL-UNNAMED",
                    "--sun-misc-unsafe-memory-access=allow",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Xmx256m",
                    "-cp",
                    System.getProperty("java.class.path"),
                    AgentMain.class.getName(),
                    "replicate"));
            sources.forEach(source -> command.addAll(List.of("--source", source)));
            command.addAll(List.of(
                    "--server",
                    Endpoint.HOST + ":" + server.port(),
                    "--server-pin",
                    server.pin().toString(),
                    "--source-server-id",
                    "s-1",
                    "--identity",
                    identityDirectory().toString(),
                    "--streams",
                    "3",
                    "--cycle-pause",
                    "0.2",
                    "--progress",
                    "plain",
                    "--report",
                    report.toString()));
            process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
        }

        /** Waits for a line behind those that were waited for before. */
        void await(String regex) throws IOException, InterruptedException {
            Pattern pattern = Pattern.compile(regex);
            long deadlineNanos = System.nanoTime() + PATIENCE.toNanos();
            while (true) {
                String text = Files.readString(log);
                var found = pattern.matcher(text);
                if (found.find(seen)) {
                    seen = found.end();
                    return;
                }
                assertThat(System.nanoTime() - deadlineNanos)
                        .as("no '%s' behind %d in%n%s", regex, seen, text)
                        .isNegative();
                assertThat(process.isAlive()).as("the agent runs: %s", text).isTrue();
                Thread.sleep(20);
            }
        }

        /** Two commits that begin from now on have all that was written until now. */
        void awaitCommits(String end) throws IOException, InterruptedException {
            seen = Files.readString(log).length();
            for (int i = 0; i < 2; i++) {
                await("epoch \\d+ is committed, fuzzy" + end + "\\R");
            }
        }

        JsonObject stop() throws IOException, InterruptedException {
            process.destroy();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            return new JsonObject(Files.readString(report));
        }

        @Override
        public void close() {
            process.destroyForcibly().onExit().join();
        }
    }

    /** Writes to a disk all the time. */
    private static final class Writer implements AutoCloseable {
        private final AtomicBoolean going = new AtomicBoolean(true);
        private final Thread thread;
        private volatile @Nullable IOException failure;

        Writer(Path image, int bytes) {
            this.thread = Thread.ofPlatform().start(() -> write(image, bytes));
        }

        private void write(Path image, int bytes) {
            Random random = new Random(3);
            try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
                while (going.get()) {
                    file.seek(random.nextInt(bytes / 4096) * 4096L);
                    file.write(Images.random(random.nextLong(), 4096));
                    Thread.sleep(2);
                }
            } catch (IOException e) {
                failure = e;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void close() {
            going.set(false);
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            assertThat(failure).as("why nothing more was written").isNull();
        }
    }

    private void append(int disk, byte[] bytes) throws IOException {
        Files.write(image(disk), bytes, StandardOpenOption.APPEND);
    }

    private static JsonObject disk(JsonObject report, int disk) {
        return report.getJsonArray("disks").getJsonObject(disk);
    }

    private static void assertSentOnce(JsonObject report, int disk, long bytes) {
        assertThat(disk(report, disk).getLong("rawBytesSent"))
                .as("sent of disk %d", disk)
                .isEqualTo(bytes);
    }

    @Test
    @SuppressWarnings("SystemOut")
    void disksGrowComeAndGoWhileAnotherStreams() throws Exception {
        TestSource all = source(BUSY_BYTES, SMALL_BYTES, SMALL_BYTES, SMALL_BYTES);
        TestSource grown = source(BUSY_BYTES, GROWN_BYTES, SMALL_BYTES, SMALL_BYTES);
        for (int disk = 0; disk < 4; disk++) {
            Images.write(image(disk), Images.random(disk, disk == 0 ? BUSY_BYTES : SMALL_BYTES));
        }
        List<String> sources = new ArrayList<>();
        for (int disk = 0; disk < 4; disk++) {
            sources.add(all.volume(disk).deviceName() + "=" + image(disk));
        }
        ServerProcess.Plan plan = ServerProcess.in(directory);
        JsonObject report;
        try (ServerProcess server = plan.start(with(all, 0, 1, 2));
                AgentProcess agent = new AgentProcess(server.endpoint(), sources)) {
            agent.await("/dev/disk3: the server refuses it: no volume is assigned.*the others go on");
            agent.awaitCommits(", without /dev/disk3");
            try (Writer _ = new Writer(image(0), BUSY_BYTES)) {
                agent.awaitCommits(", without /dev/disk3");

                append(1, Images.random(11, GROWN_BYTES - SMALL_BYTES));
                agent.await("/dev/disk1: the server refuses it: /dev/disk1 has " + GROWN_BYTES + " bytes, assigned are "
                        + SMALL_BYTES);
                agent.awaitCommits(", without /dev/disk1, /dev/disk3");
                plan.assign(with(grown, 0, 1, 2));
                agent.await("/dev/disk1: resumes");
                agent.awaitCommits(", without /dev/disk3");

                plan.assign(with(grown, 0, 1, 2, 3));
                agent.await("/dev/disk3: sends everything");
                agent.awaitCommits("");

                plan.assign(with(grown, 0, 1, 3));
                agent.await("/dev/disk2: the server refuses it: no volume is assigned");
                server.awaitLine(Pattern.compile("volume closed.*volume=vol-s-1-2"), PATIENCE);
                agent.awaitCommits(", without /dev/disk2");
            }
            agent.awaitCommits(", without /dev/disk2");
            report = agent.stop();
        }
        System.out.println(report.getInteger("reconnects") + " reconnects, " + report.getLong("bytesResent")
                + " bytes sent again, " + disk(report, 0).getLong("rawBytesSent") / MIB + " MiB of the busy disk");
        assertThat(report.getLong("bytesResent"))
                .as("what GOAWAY drained is not sent again")
                .isZero();
        assertSentOnce(report, 1, GROWN_BYTES);
        assertSentOnce(report, 2, SMALL_BYTES);
        assertSentOnce(report, 3, SMALL_BYTES);
        for (int disk = 0; disk < 4; disk++) {
            assertThat(disk(report, disk).getLong("comparedBytes"))
                    .as("nothing is rescanned")
                    .isZero();
            Images.assertIdentical(grown.path(disk), image(disk));
        }
    }

    /** Volumes that are too small, and then grow as a device does. */
    @Test
    @Tag("long")
    @SuppressWarnings("SystemOut")
    void blockDeviceThatIsTooSmallIsRefusedUntilItHasGrownToo() throws Exception {
        assumeTrue(Commands.isRoot(), "skipped: loop devices need root");
        Commands.assumeInstalled("losetup");
        Path backing = Images.write(directory.resolve("backing.img"), new byte[SMALL_BYTES]);
        Commands.Result attached = Commands.run(List.of("losetup", "--find", "--show", backing.toString()));
        assumeTrue(attached.exitCode() == 0, "skipped: no loop device to be had: " + attached.output());
        Path device = Path.of(attached.output().strip());
        try {
            growDevice(device, backing);
        } finally {
            Commands.runSuccessfully("losetup", "--detach", device.toString());
        }
    }

    private void growDevice(Path device, Path backing) throws Exception {
        Images.write(image(0), Images.random(1, SMALL_BYTES));
        Images.write(image(1), Images.random(2, SMALL_BYTES));
        TestSource small = source(SMALL_BYTES, SMALL_BYTES).onDevice(device);
        TestSource grown = source(GROWN_BYTES, SMALL_BYTES).onDevice(device);
        ServerProcess.Plan plan = ServerProcess.in(directory);
        JsonObject report;
        try (ServerProcess server = plan.start(small);
                AgentProcess agent = new AgentProcess(
                        server.endpoint(), List.of("/dev/disk0=" + image(0), "/dev/disk1=" + image(1)))) {
            agent.awaitCommits("");
            append(0, Images.random(12, GROWN_BYTES - SMALL_BYTES));
            plan.assign(grown);
            agent.await("/dev/disk0: volume vol-s-1-0 takes no writes: .*smaller than assigned");
            agent.awaitCommits(", without /dev/disk0");

            append(backing, GROWN_BYTES + MIB);
            Commands.runSuccessfully("losetup", "--set-capacity", device.toString());
            agent.await("/dev/disk0: volume vol-s-1-0 takes writes again");
            agent.awaitCommits("");
            report = agent.stop();
        }
        assertSentOnce(report, 0, GROWN_BYTES);
        assertSentOnce(report, 1, SMALL_BYTES);
        assertThat(report.getLong("bytesResent")).isZero();
        byte[] replica = Files.readAllBytes(backing);
        assertThat(Arrays.mismatch(Arrays.copyOf(replica, GROWN_BYTES), Files.readAllBytes(image(0))))
                .isEqualTo(-1);
        Images.assertIdentical(grown.path(1), image(1));
    }

    private static void append(Path file, long newBytes) throws IOException {
        try (RandomAccessFile grown = new RandomAccessFile(file.toFile(), "rw")) {
            grown.setLength(newBytes);
        }
    }
}
