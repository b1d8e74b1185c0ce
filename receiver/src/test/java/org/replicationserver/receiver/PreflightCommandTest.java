package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code preflight} prints where no server runs, and how it ends. */
class PreflightCommandTest {
    @TempDir
    private Path directory = Path.of("");

    private CommandRun preflight(String... more) {
        List<String> args = new ArrayList<>(List.of(
                "preflight", "--set=state.directory=" + directory.resolve("state"), "--set=listen.address=127.0.0.1"));
        args.addAll(List.of(more));
        return CommandRun.of(args.toArray(String[]::new));
    }

    private static int freePort() throws Exception {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    @Test
    void machineWithoutACloudIsAsItShouldBeAndNothingIsMade() throws Exception {
        CommandRun run = preflight("--set=listen.port=" + freePort());
        assertThat(run.exitCode()).as(run.out() + run.err()).isZero();
        assertThat(run.err()).isEmpty();
        assertThat(run.out().lines())
                .allMatch(line -> line.matches("(OK  |SKIP|WARN)  [^:]+.*: .*"))
                .anyMatch(line -> line.startsWith("SKIP  control plane: control.mode is local"))
                .anyMatch(line -> line.startsWith("OK    listener 127.0.0.1:"))
                .anyMatch(line -> line.startsWith("OK    state.directory: "));
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void portThatIsTakenIsUnavailableAndToldWithTheFix() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            CommandRun run = preflight("--set=listen.port=" + taken.getLocalPort());
            assertThat(run.exitCode()).isEqualTo(69);
            assertThat(run.out().lines())
                    .anyMatch(line -> line.startsWith("FAIL  listener 127.0.0.1:" + taken.getLocalPort())
                            && line.contains(" -> End what listens on the port"));
        }
    }

    @Test
    void directoryThatCannotBeWrittenIsTheConfigurationsFault() throws Exception {
        CommandRun run = preflight("--set=listen.port=" + freePort(), "--set=image.directory=/proc/self");
        assertThat(run.exitCode()).isEqualTo(78);
        assertThat(run.out()).contains("FAIL  image.directory: /proc/self cannot be written");
    }

    @Test
    void directoryOfTheCertificateIsLookedAtToo() throws Exception {
        CommandRun run = preflight("--set=listen.port=" + freePort(), "--set=cert.directory=/proc/self");
        assertThat(run.exitCode()).isEqualTo(78);
        assertThat(run.out()).contains("FAIL  cert.directory: /proc/self cannot be written");
    }

    @Test
    void clockIsNotToldToHaveNoRegion() throws Exception {
        CommandRun run = preflight(
                "--set=listen.port=" + freePort(),
                "--set=control.mode=https",
                "--set=control.replication-server-id=rs-1",
                "--set=aws.credentials=chain",
                "--set=software.mirror-directory=" + directory);
        assertThat(run.out())
                .contains("FAIL  control plane: its region is not known")
                .contains("SKIP  clock: ");
    }

    @Test
    void jsonHasEachCheckWithItsVerdict() throws Exception {
        CommandRun run = preflight("--set=listen.port=" + freePort(), "--json");
        assertThat(run.exitCode()).isZero();
        JsonArray checks = new JsonObject(run.out()).getJsonArray("checks");
        assertThat(checks.getJsonObject(0))
                .isEqualTo(new JsonObject()
                        .put("check", "server")
                        .put("verdict", "SKIP")
                        .put("text", "none runs with this state.directory")
                        .put("fix", ""));
        assertThat(checks.getJsonObject(1).getString("check")).isEqualTo("control plane");
    }

    @Test
    void mistakesOfTheConfigurationAreToldAsByOtherCommands() throws Exception {
        assertThat(preflight("--set=listen.port=x").exitCode()).isEqualTo(78);
        Path ca = Files.writeString(directory.resolve("ca.pem"), "no certificate");
        CommandRun run = preflight("--set=listen.port=" + freePort(), "--set=aws.ca-file=" + ca);
        assertThat(run.exitCode()).isEqualTo(78);
        assertThat(run.err()).contains("ca.pem").hasLineCount(1);
    }
}
