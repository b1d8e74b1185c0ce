package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.ServerProcess;

/** FETCH_SOFTWARE, from a mirror, as the control plane sees it. */
@Timeout(180)
final class FetchSoftwareTest {
    private static final String SERVER = "i-0123456789abcdef0";
    private static final String SOURCE = "s-1";

    @TempDir
    Path directory;

    private ControlPlaneWorld world;

    @BeforeEach
    void begin() throws Exception {
        world = new ControlPlaneWorld(directory);
    }

    @AfterEach
    void end() {
        world.close();
    }

    private Fleet fleet() {
        return world.simulator().fleet();
    }

    private String bucket(String kind) {
        return "aws-mgn-" + kind + "-" + world.simulator().region();
    }

    private void publish(String key, String content, String hashedContent) throws Exception {
        put(bucket("internal"), key, content);
        byte[] hash = MessageDigest.getInstance("SHA-512").digest(hashedContent.getBytes(StandardCharsets.US_ASCII));
        put(bucket("internal-hashes"), key + ".sha512", HexFormat.of().formatHex(hash));
    }

    private void put(String bucket, String key, String content) throws IOException {
        Path file = directory.resolve("mirror").resolve(bucket).resolve(key);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }

    private JsonObject resultOf(String key, String version) {
        String commandId = fleet().issue(
                        SERVER,
                        new JsonObject()
                                .put("type", "FETCH_SOFTWARE")
                                .put(
                                        "parameters",
                                        new JsonObject()
                                                .put("bucket", bucket("internal"))
                                                .put("key", key)
                                                .put("version", version)));
        Awaitility.await(commandId)
                .atMost(ControlPlaneWorld.PATIENCE)
                .until(() -> !fleet().command(commandId).status().isEmpty());
        return Objects.requireNonNull(fleet().command(commandId).result());
    }

    private static String stepOf(JsonObject info) {
        return Stream.of(info.getJsonObject("dataReplicationInitiation").getJsonArray("steps"))
                .flatMap(steps -> steps.stream().map(JsonObject.class::cast))
                .filter(step -> step.getString("name").equals("DOWNLOAD_REPLICATION_SOFTWARE"))
                .map(step -> step.getString("status"))
                .findFirst()
                .orElse("");
    }

    private void awaitStep(String status) {
        Awaitility.await("download " + status)
                .atMost(ControlPlaneWorld.PATIENCE)
                .until(() -> {
                    JsonObject info = fleet().sourceServer(SOURCE).info();
                    return info != null && stepOf(info).equals(status);
                });
    }

    @Test
    void softwareIsInstalledAndItsFailureIsToldUntilTheNextOne() throws Exception {
        publish("latest/agent", "one", "one");
        publish("latest/broken", "one", "two");
        Path disk = Files.write(directory.resolve("disk.img"), Images.random(1, 1 << 20));
        AgentOptions options =
                world.agent(SOURCE, new SourceDisk("/dev/sda", disk)).withQuietSource(true);
        try (ServerProcess server = world.server(SERVER)
                .set("control.poll-wait-seconds=1")
                .set("control.progress-interval-seconds=1")
                .set("software.mirror-directory=" + directory.resolve("mirror"))
                .start()) {
            ReplicationAgent agent = ReplicationAgent.start(options, event -> {});
            Awaitility.await("the registrations")
                    .atMost(ControlPlaneWorld.PATIENCE)
                    .until(() -> fleet().replicationServer(SERVER).self() != null
                            && fleet().sourceServers().stream()
                                    .anyMatch(known -> known.sourceServerId().equals(SOURCE)));
            fleet().assign(SOURCE, SERVER, List.of(new VolumeTarget("/dev/sda", "vol-1", null, true)));
            awaitStep("SKIPPED");

            JsonObject broken = resultOf("latest/broken", "1");
            assertThat(broken.getString("status")).isEqualTo("FAILED");
            assertThat(broken.getString("message")).startsWith("HASH_DIFFERS: broken 1 from aws-mgn-internal-");
            awaitStep("FAILED");
            assertThat(Explanations.codes(
                            Objects.requireNonNull(fleet().sourceServer(SOURCE).info())))
                    .contains("SOFTWARE_NOT_FETCHED");
            assertThat(resultOf("../x", "1").getString("status")).isEqualTo("INVALID");

            JsonObject done = resultOf("latest/agent", "1.2");
            assertThat(done.getString("status")).as(done.encode()).isEqualTo("SUCCEEDED");
            assertThat(done.getJsonObject("output").getString("version")).isEqualTo("1.2");
            awaitStep("SUCCEEDED");
            assertThat(resultOf("latest/agent", "1.1").getString("message")).startsWith("VERSION_LOWER: ");
            assertThat(directory.resolve(SERVER)).isDirectoryRecursivelyContaining("glob:**/versions/agent/1.2/agent");
            assertThat(server.logSinceStart())
                    .contains("fetching software: name=agent", "software installed: name=agent version=1.2");
            agent.stop();
            agent.awaitEnd(ControlPlaneWorld.PATIENCE);
        }
        assertThat(world.simulator().violations()).isEmpty();
    }
}
