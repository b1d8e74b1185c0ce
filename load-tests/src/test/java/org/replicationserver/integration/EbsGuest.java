package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Identities;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.staging.NvmeDevice;
import org.replicationserver.receiver.staging.NvmeScanner;

/**
 * What runs inside the virtual machine of {@link EbsVolumeMachineTest}: the server on NVMe disks that it finds by their serial numbers, and
 * an agent. It tells the test by lines on the console, which begin with {@code GUEST}, how far it is.
 */
final class EbsGuest {
    static final int DISK_BYTES = 2 << 20;
    static final List<String> VOLUMES =
            List.of("vol-0ffffffffffffffff", "vol-01234567890abcdef", "vol-00aaaaaaaaaaaaaaa");

    /** The volume that comes while the server runs. */
    static final int LATER = 2;

    private static final Path DIRECTORY = Path.of("/tmp/guest");
    private static final Path STATISTICS = Path.of("/run/statistics");
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private EbsGuest() {}

    /** What a disk of the source holds. */
    static byte[] image(int volume) {
        return Images.mixed(100 + volume, DISK_BYTES);
    }

    static void say(String line) {
        System.out.println("GUEST " + line);
        System.out.flush();
    }

    /** Runs to its end; what goes wrong is printed. */
    public static void main(String[] args) throws Exception {
        Files.createDirectories(DIRECTORY);
        AgentKey key = Identities.agent(DIRECTORY, "s-1");
        List<VolumeAssignment> volumes = List.of(assigned(0), assigned(1), assigned(LATER));
        TestSource source = new TestSource(key, volumes, List.of(key.pin()));
        for (NvmeDevice device : scan()) {
            say("SEES " + device.volumeId() + " " + device.name() + " " + device.sizeBytes());
        }
        try (InProcessServer server = InProcessServer.onImages(
                DIRECTORY,
                List.of(source),
                "volume.discovery=nvme",
                "volume.statistics-directory=" + STATISTICS,
                "memory.budget-bytes=16MiB")) {
            replicate(server, source, 0, 1);
            JsonObject awaited = Explanations.find(server, "VOLUME_AWAITED");
            say("WAITS " + (awaited == null ? "for nothing" : awaited.getString("sentence")));
            Awaitility.await()
                    .atMost(PATIENCE)
                    .until(() -> server.count("replication_volumes_opened") == VOLUMES.size());
            replicate(server, source, LATER);
            say("WROTE " + VOLUMES.get(LATER));
            list();
            say("DETACH");
            Awaitility.await()
                    .atMost(PATIENCE)
                    .until(() -> scan().stream()
                            .noneMatch(device -> device.volumeId().equals(VOLUMES.getFirst())));
            try (RawAgent agent = RawAgent.connect(server.endpoint(), only(source, 0), 1)) {
                agent.openNextEpoch();
                agent.send(0, 0, new byte[65536]);
                say("FAILED " + Explanations.await(server, "VOLUME_FAILED").getString("sentence"));
            }
        }
        say("DONE");
    }

    private static VolumeAssignment assigned(int volume) {
        return new VolumeAssignment(VOLUMES.get(volume), "/dev/disk" + volume, null, DISK_BYTES, false);
    }

    private static List<NvmeDevice> scan() {
        return new NvmeScanner(Path.of("/sys"), Path.of("/dev")).scan().devices();
    }

    /** The same source server with only some of its disks. */
    private static TestSource only(TestSource source, int... volumes) {
        return new TestSource(
                source.key(), IntStream.of(volumes).mapToObj(source::volume).toList(), source.pins());
    }

    private static void replicate(InProcessServer server, TestSource source, int... volumes) throws Exception {
        try (RawAgent agent = RawAgent.connect(server.endpoint(), only(source, volumes), 1)) {
            assertThat(agent.welcome().volumes())
                    .extracting(Welcome.Volume::action)
                    .containsOnly(Welcome.Action.RESCAN);
            agent.openNextEpoch();
            for (int i = 0; i < volumes.length; i++) {
                agent.sendImage(i, image(volumes[i]));
            }
            agent.commit();
            agent.bye();
        }
    }

    /** What an operator sees. */
    private static void list() throws Exception {
        List<String> command = List.of(
                "/jre/bin/java",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                GuestFolder.CLASS_PATH,
                "org.replicationserver.receiver.ReceiverMain",
                "volume",
                "list",
                "--set=state.directory=" + ServerProcess.stateDirectory(DIRECTORY));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        for (String line :
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split("\n", -1)) {
            say("LIST " + line);
        }
    }
}
