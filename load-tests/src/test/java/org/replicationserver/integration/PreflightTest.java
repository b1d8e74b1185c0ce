package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.config.AssignmentsFile;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.staging.VolumeDiscovery;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;

/** {@code preflight} beside a server that runs. */
class PreflightTest {
    private static final int SIZE_BYTES = 1 << 20;

    @TempDir
    Path directory = Path.of("");

    private Commands.Result preflight(int port) throws Exception {
        return Commands.run(ServerProcess.in(directory)
                .set("listen.port=" + port)
                .set("listen.address=127.0.0.1")
                .cli("preflight"));
    }

    @Test
    void runningServerIsFoundByItsPinAskedForItsVolumesAndNotHarmed() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = InProcessServer.onImages(directory, List.of(source));
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            Commands.Result result = preflight(server.endpoint().port());
            assertThat(result.exitCode()).as(result.output()).isZero();
            assertThat(result.output())
                    .contains(
                            "OK    listener 127.0.0.1:" + server.endpoint().port() + ": shows the pin of this server, "
                                    + server.endpoint().pin())
                    .contains("OK    volume vol-s-1-0: the running server has it open");
            assertThat(server.count("replication_handshakes_failed")).isZero();
            agent.openNextEpoch();
            agent.sendDurably(0, 0, Images.random(1, 512));
        }
    }

    /** Before its volumes are open, which may take its time, it has said that it is here. */
    @Test
    void serverThatStillOpensItsVolumesIsFoundAndLeftAlone() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        AssignmentsFile.write(
                ServerProcess.stateDirectory(directory).resolve("assignments.yaml"),
                new VolumePaths(ServerProcess.imageDirectory(directory), VolumeDiscovery.IMAGE),
                List.of(source.assigned()));
        CompletableFuture<Commands.Result> looked = new CompletableFuture<>();
        DeviceOpener slow = spec -> {
            Thread.ofPlatform().start(() -> {
                try {
                    looked.complete(preflight(1500));
                } catch (Exception e) {
                    looked.completeExceptionally(e);
                }
            });
            looked.handle((result, failure) -> result).join();
            return LinuxBlockDevice.open(spec.path(), spec.openOptions());
        };
        try (InProcessServer server = InProcessServer.start(directory, List.of(source), slow)) {
            assertThat(looked.join().output())
                    .contains("WARN  server: it starts, and does not listen yet")
                    .doesNotContain("volume vol-s-1-0");
            assertThat(preflight(server.endpoint().port()).output())
                    .contains("OK    server: it runs, and listens on port "
                            + server.endpoint().port());
        }
    }

    @Test
    void serverLooksForSpaceOfItsImagesWhenItStarts() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", 1L << 46);
        try (LogCapture log = LogCapture.begin();
                InProcessServer server = InProcessServer.onImages(directory, List.of(source))) {
            follow(server, source);
            Awaitility.await()
                    .atMost(Explanations.PATIENCE)
                    .until(() -> !log.linesWith("check=space for images").isEmpty());
            assertThat(log.linesWith("check=space for images").getFirst()).contains("images may still grow by ");
        }
    }

    /** What is assigned stays so, and the server looks at its machine. */
    private void follow(InProcessServer server, TestSource source) throws Exception {
        AssignmentsFile.write(
                ServerProcess.stateDirectory(directory).resolve("assignments.yaml"),
                new VolumePaths(ServerProcess.imageDirectory(directory), VolumeDiscovery.IMAGE),
                List.of(source.assigned()));
        server.follow();
    }

    @Test
    void serverThatFindsItselfWhenItStartsSaysNothing() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = InProcessServer.onImages(directory, List.of(source))) {
            follow(server, source);
            Awaitility.await()
                    .atMost(Explanations.PATIENCE)
                    .until(() -> server.count("replication_connections_probed") > 0);
            assertThat(server.count("replication_handshakes_failed")).isZero();
            assertThat(Explanations.find(server, "SERVER_CHECK_FAILED")).isNull();
        }
    }

    @Test
    void serverThatFindsAnotherKeyOnItsPortSaysSo() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = InProcessServer.onImages(directory, List.of(source))) {
            Path pin = ServerProcess.stateDirectory(directory).resolve("certificates/server.pin");
            Files.writeString(pin, source.key().pin());
            follow(server, source);
            JsonObject told = Explanations.await(server, "SERVER_CHECK_FAILED");
            assertThat(told.getString("sentence"))
                    .contains("shows pin " + server.endpoint().pin());
            assertThat(Explanations.error(server)).isEqualTo("FAILED_TO_BOOT_REPLICATION_SERVER");
        }
    }
}
