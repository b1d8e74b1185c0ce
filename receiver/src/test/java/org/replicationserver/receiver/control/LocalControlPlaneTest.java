package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.staging.VolumeDiscovery;

final class LocalControlPlaneTest {
    private static final ReplicationServerInfo SERVER = new ReplicationServerInfo(
            Pin.parse("sha256:" + "a".repeat(64)), null, 1500, "0.1.0", "brp/1", Instant.EPOCH);

    @TempDir
    private Path directory = Path.of("");

    private LocalControlPlane controlPlane(Path file) {
        return new LocalControlPlane(
                "replication-server", file, new VolumePaths(directory.resolve("volumes"), VolumeDiscovery.IMAGE));
    }

    private static String yaml(String id) {
        return """
                sourceServers:
                  - sourceServerId: %s
                    agentPins: ["sha256:%s"]
                    volumes:
                      - {volumeId: vol-1, deviceName: /dev/sda, path: vol-1.img, sizeBytes: 1GiB, fresh: true}
                """.formatted(id, "b".repeat(64));
    }

    private static Associations ask(LocalControlPlane controlPlane) throws ControlPlaneException {
        return controlPlane.describeAssociations(SERVER, Duration.ofSeconds(1)).associations();
    }

    @Test
    void sourceServersAreThoseOfTheFile() throws Exception {
        Path file = Files.writeString(directory.resolve("a.yaml"), yaml("s-1"));
        assertThat(ask(controlPlane(file)))
                .isEqualTo(new Associations(
                        List.of(new Association(
                                "s-1",
                                List.of(Pin.parse("sha256:" + "b".repeat(64))),
                                DesiredState.STARTED,
                                BandwidthSchedule.UNLIMITED,
                                List.of(new AssignedDisk(
                                        "/dev/sda",
                                        1L << 30,
                                        "vol-1",
                                        directory
                                                .resolve("volumes")
                                                .resolve("vol-1.img")
                                                .toString(),
                                        true)),
                                null)),
                        null));
    }

    @Test
    void fileIsReadAgainWhenItHasChangedAndOnlyThen() throws Exception {
        Path file = directory.resolve("a.yaml");
        LocalControlPlane controlPlane = controlPlane(file);
        assertThat(ask(controlPlane)).as("without a file").isEqualTo(Associations.NONE);
        Files.writeString(file, yaml("s-1"));
        Associations first = ask(controlPlane);
        assertThat(first.of("s-1")).isNotNull();
        assertThat(ask(controlPlane)).isSameAs(first);
        Files.writeString(file, yaml("s-2"));
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(5)));
        assertThat(ask(controlPlane).of("s-2")).isNotNull();
        Files.delete(file);
        assertThat(ask(controlPlane)).isEqualTo(Associations.NONE);
    }

    @Test
    void wrongFileIsToldWithEveryMistake() throws Exception {
        Path file = Files.writeString(directory.resolve("a.yaml"), "sourceServers: [{sourceServerId: 's 1'}]");
        LocalControlPlane controlPlane = controlPlane(file);
        for (int i = 0; i < 2; i++) {
            assertThat(catchThrowableOfType(ControlPlaneException.class, () -> ask(controlPlane)))
                    .hasMessageContaining("the former ones hold")
                    .hasMessageContaining("sourceServerId=s 1")
                    .hasMessageContaining("agentPins is missing");
        }
        Files.writeString(file, yaml("s-1"));
        assertThat(ask(controlPlane).of("s-1")).isNotNull();
    }

    @Test
    void thereAreNoCommandsAndReportsGoNowhere() throws Exception {
        LocalControlPlane controlPlane = controlPlane(directory.resolve("a.yaml"));
        assertThat(controlPlane.getCommands(0, 16)).isEmpty();
        controlPlane.send(new SentReport("0".repeat(32), 1, OutboxLogTest.connected("s-1", 1)));
        assertThat(controlPlane.replicationServerId()).isEqualTo("replication-server");
    }
}
