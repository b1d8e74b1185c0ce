package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.replicationserver.cert.CertificateProfile;
import org.replicationserver.cert.IdentityStore;
import org.replicationserver.cert.SelfSignedIssuer;
import org.replicationserver.receiver.config.ServerConfig;

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
                .anyMatch(line -> line.startsWith("SKIP  control plane: not needed, since control.mode is local"))
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

    interface Damage {
        void to(Path certificates) throws Exception;
    }

    private static Stream<Arguments> damages() {
        return Stream.of(
                Arguments.of("a certificate of another key", (Damage) certificates -> {
                    makeIdentity(certificates.resolve("other"));
                    Files.copy(
                            certificates.resolve("other/server.cert.pem"),
                            certificates.resolve("server.cert.pem"),
                            StandardCopyOption.REPLACE_EXISTING);
                }),
                Arguments.of("no key", (Damage) certificates -> Files.delete(certificates.resolve("server.key.pem"))),
                Arguments.of("garbage as the key", (Damage)
                        certificates -> Files.writeString(certificates.resolve("server.key.pem"), "garbage")),
                Arguments.of("an empty certificate", (Damage)
                        certificates -> Files.writeString(certificates.resolve("server.cert.pem"), "")),
                Arguments.of("another pin", (Damage) certificates ->
                        Files.writeString(certificates.resolve("server.pin"), "sha256:" + "0".repeat(64))),
                Arguments.of("a key that others may read", (Damage) certificates -> Files.setPosixFilePermissions(
                        certificates.resolve("server.key.pem"), PosixFilePermissions.fromString("rw-r--r--"))),
                Arguments.of("a directory that others may enter", (Damage) certificates ->
                        Files.setPosixFilePermissions(certificates, PosixFilePermissions.fromString("rwxr-xr-x"))));
    }

    private static void makeIdentity(Path certificates) throws Exception {
        new IdentityStore(certificates)
                .loadOrCreate(
                        ServerConfig.IDENTITY,
                        new SelfSignedIssuer(CertificateProfile.ofServer("s"), Clock.systemUTC()));
    }

    @ParameterizedTest
    @MethodSource("damages")
    void keysThatTheServerDoesNotStartWithFailInItsOwnWords(String what, Damage damage) throws Exception {
        Path certificates = directory.resolve("state/certificates");
        makeIdentity(certificates);
        damage.to(certificates);
        CommandRun run = preflight("--set=listen.port=" + freePort());
        assertThat(run.exitCode()).as(what + ": " + run.out()).isEqualTo(78);
        CommandRun start = CommandRun.of("serve", "--set=state.directory=" + directory.resolve("state"));
        assertThat(start.exitCode()).isEqualTo(74);
        assertThat(run.out()).contains("FAIL  certificate: " + start.err().strip() + " -> ");
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
    void mistakesOfTheConfigurationAreJsonToo() {
        CommandRun run = preflight("--set=listen.port=x", "--json");
        assertThat(run.exitCode()).isEqualTo(78);
        JsonObject check = new JsonObject(run.out()).getJsonArray("checks").getJsonObject(0);
        assertThat(check.getString("verdict")).isEqualTo("MISCONFIGURED");
        assertThat(check.getString("text")).isEqualTo(run.err().strip());
    }

    @Test
    void mirrorThatIsNotThereFails() throws Exception {
        CommandRun run = preflight("--set=listen.port=" + freePort(), "--set=software.mirror-directory=/nope");
        assertThat(run.exitCode()).isEqualTo(78);
        assertThat(run.out()).contains("FAIL  software buckets: software.mirror-directory=/nope is not there");
    }

    @Test
    void regionThatIsNotKnownIsToldOnceForAllBuckets() throws Exception {
        CommandRun run = preflight(
                "--set=listen.port=" + freePort(),
                "--set=control.mode=https",
                "--set=control.replication-server-id=rs-1",
                "--set=aws.credentials=chain");
        assertThat(run.out().lines().filter(line -> line.contains("bucket")))
                .singleElement()
                .asString()
                .startsWith("FAIL  software buckets: its region is not known");
    }

    @Test
    void mistakesOfTheConfigurationAreToldAsByOtherCommands() throws Exception {
        assertThat(preflight("--set=listen.port=x").exitCode()).isEqualTo(78);
        Path ca = Files.writeString(directory.resolve("ca.pem"), "no certificate");
        CommandRun run = preflight("--set=listen.port=" + freePort(), "--set=aws.ca-file=" + ca);
        assertThat(run.exitCode()).isEqualTo(78);
        assertThat(run.err()).contains("ca.pem").hasLineCount(1);
    }

    @Test
    void withoutABucketOnTheAllowListNoneIsLookedFor() throws Exception {
        Path list = Files.writeString(directory.resolve("list.txt"), "");
        CommandRun run = preflight(
                "--set=listen.port=" + freePort(), "--set=aws.region=eu-test-1", "--set=software.allow-list=" + list);
        assertThat(run.exitCode()).as(run.out() + run.err()).isZero();
        assertThat(run.out().lines())
                .filteredOn(line -> line.contains("bucket"))
                .containsExactly("SKIP  software buckets: not needed, since software.allow-list names none");
    }

    @Test
    void volumesThatAControlPlaneAssignsAreSaidNotToBeLookedAtWhereNoServerRuns() throws Exception {
        CommandRun run = preflight(
                "--set=listen.port=" + freePort(),
                "--set=control.mode=https",
                "--set=control.endpoint=https://127.0.0.1:" + freePort(),
                "--set=control.replication-server-id=i-1",
                "--set=snapshot.endpoint=https://127.0.0.1:" + freePort(),
                "--set=aws.region=eu-test-1",
                "--set=aws.credentials=chain",
                "--set=software.allow-list=" + Files.writeString(directory.resolve("list.txt"), ""));
        assertThat(run.out())
                .contains("SKIP  volumes: the control plane assigns them, and no server runs that it has told\n");
    }
}
