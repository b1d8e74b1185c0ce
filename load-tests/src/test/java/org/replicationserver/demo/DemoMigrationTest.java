package org.replicationserver.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.cert.PemFiles;
import org.replicationserver.controlplane.AccessKey;
import org.replicationserver.controlplane.AccessKey.Role;
import org.replicationserver.controlplane.ControlPlaneSimulator;

/** The demo with a control plane tells a whole migration, and fails if the control plane was told something irregular. */
@Tag("long")
@Timeout(300)
final class DemoMigrationTest {
    private static final List<String> STORY = List.of(
            "control plane: https://localhost:",
            "instance: i-0123456789abcdef0, metadata at http://127.0.0.1:",
            "server: listening on port ",
            "authenticate: by signed requests the control plane knows i-0123456789abcdef0 at 127.0.0.1:",
            "pair: the agent has registered s-local with sha256:",
            "pair: PAIR_SOURCE_SERVER to i-0123456789abcdef0 SUCCEEDED",
            "initial sync: the control plane sees INITIAL_SYNC, ",
            "throttle: SET_BANDWIDTH to 24 Mbps SUCCEEDED",
            " Mbps on the wire over ",
            "throttle: SET_BANDWIDTH to no limit SUCCEEDED",
            "outage: the control plane is down",
            "outage: over after ",
            "continuous: the control plane sees CONTINUOUS, 256.0 MiB of 256.0 MiB",
            "cycle 1: the control plane sees epoch 2 committed",
            "replacement: i-0123456789abcdef0 killed with SIGKILL",
            "authenticate: by signed requests the control plane knows i-0fedcba9876543210 at 127.0.0.1:",
            "replacement: s-local moved, PAIR_SOURCE_SERVER to i-0fedcba9876543210 SUCCEEDED",
            "cycle 2: the control plane sees epoch 3 committed",
            "replacement: no rescan, ",
            "stop: STOP_REPLICATION SUCCEEDED, the control plane sees STOPPED",
            "  states told, UTC ",
            "  irregularities               none",
            "  violations of the contract   none",
            "replica identical: sha256=");

    @TempDir
    private Path directory = Path.of("");

    private Path temporary = Path.of("");

    @BeforeEach
    void makeTemporary() throws IOException {
        temporary = Files.createDirectory(directory.resolve("tmp"));
    }

    private Process start() throws IOException {
        return DemoProcess.start(temporary, "--with-control-plane", "--size=256MiB");
    }

    @Test
    void migrationIsToldFromTheBootToTheStopAndLeavesNothingBehind() throws Exception {
        List<String> lines = DemoProcess.runToItsEnd(start(), 0, line -> {});

        int next = 0;
        for (String line : lines) {
            if (next < STORY.size() && line.contains(STORY.get(next))) {
                next++;
            }
        }
        assertThat(next)
                .as("the next line of %s in %s", STORY.subList(next, STORY.size()), lines)
                .isEqualTo(STORY.size());
        assertThat(lines.getLast()).startsWith("replica identical: sha256=");
        assertThat(temporary).isEmptyDirectory();
    }

    /** Somebody with the role of the instance says what no server would say. */
    @Test
    void migrationOfWhichSomethingIrregularWasToldEndsWithANonZeroExitCode() throws Exception {
        Pattern controlPlane = Pattern.compile("control plane: (https://\\S+)");
        Pattern metadata = Pattern.compile("instance: i-0123456789abcdef0, metadata at (http://\\S+)");
        URI[] addresses = new URI[2];
        List<String> lines = DemoProcess.runToItsEnd(start(), 1, line -> {
            Matcher found = controlPlane.matcher(line);
            if (found.matches()) {
                addresses[0] = URI.create(found.group(1));
            }
            found = metadata.matcher(line);
            if (found.matches()) {
                addresses[1] = URI.create(found.group(1));
            }
            if (line.startsWith("authenticate: by signed requests the control plane knows " + ReportingServer.ID)) {
                sayNonsense(addresses[0], addresses[1]);
            }
        });

        assertThat(lines.getLast())
                .startsWith("demo: something was not as the control API says: GetChannelCommandsForMgn request");
        assertThat(lines).noneMatch(line -> line.startsWith("replica identical"));
        assertThat(temporary).isEmptyDirectory();
    }

    private void sayNonsense(URI controlPlane, URI metadata) throws IOException, InterruptedException {
        try (var files = Files.walk(temporary)) {
            Path authority = files.filter(file -> file.endsWith(ControlPlaneSimulator.AUTHORITY_FILE))
                    .findFirst()
                    .orElseThrow();
            try (ReportingServer server =
                    ReportingServer.of(controlPlane, PemFiles.readCertificate(authority), credentials(metadata))) {
                assertThat(server.send("GetChannelCommandsForMgn", new JsonObject().put("waitSeconds", -1)))
                        .isEqualTo(400);
            }
        }
    }

    private static AccessKey credentials(URI metadata) throws IOException, InterruptedException {
        try (HttpClient http = HttpClient.newHttpClient()) {
            String token = http.send(
                            HttpRequest.newBuilder(metadata.resolve("/latest/api/token"))
                                    .header("X-aws-ec2-metadata-token-ttl-seconds", "60")
                                    .PUT(HttpRequest.BodyPublishers.noBody())
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())
                    .body();
            URI roles = metadata.resolve("/latest/meta-data/iam/security-credentials/");
            String role = get(http, roles, token);
            JsonObject key = new JsonObject(get(http, roles.resolve(role), token));
            return new AccessKey(
                    key.getString("AccessKeyId"),
                    key.getString("SecretAccessKey"),
                    key.getString("Token"),
                    null,
                    Role.REPLICATION_SERVER);
        }
    }

    private static String get(HttpClient http, URI address, String token) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(address)
                .header("X-aws-ec2-metadata-token", token)
                .build();
        return http.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }
}
