package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.ConfigLoader;
import org.replicationserver.receiver.server.ReplicationServer;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;

/** {@code speed-test} against a server in the same process, on the loopback, with the replicating agent beside it. */
class SpeedTestAgentTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int DISK_BYTES = 2 * 1024 * 1024 + 512;
    private static final FileTime LONG_AGO = FileTime.from(Instant.EPOCH);

    @TempDir
    Path directory = Path.of("");

    private Path source = Path.of("");
    private Path replica = Path.of("");
    private @Nullable ReplicationServer server;
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private BandwidthSchedule bandwidth = BandwidthSchedule.UNLIMITED;
    private String protocols = "TLSv1.2";
    private int streamsMax = 16;
    private final CompletableFuture<Integer> signal = new CompletableFuture<>();

    @BeforeEach
    void makeDisk() throws IOException {
        source = directory.resolve("source.img");
        replica = directory.resolve("replica.img");
        byte[] content = new byte[DISK_BYTES];
        new Random(1).nextBytes(content);
        Files.write(source, content);
    }

    @AfterEach
    void stopServer() {
        if (server != null) {
            server.stop();
        }
    }

    private record Ended(int exitCode, String out, String err) {
        JsonObject json() {
            return new JsonObject(out);
        }
    }

    private Ended speedTest(String... more) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        List<String> args = new ArrayList<>(List.of(
                "speed-test",
                "--server=localhost:" + Objects.requireNonNull(server).port(),
                "--source-server-id=s-1",
                "--identity=" + directory.resolve("identity")));
        args.addAll(List.of(more));
        if (args.stream().noneMatch(arg -> arg.startsWith("--seconds="))) {
            args.add("--seconds=1");
        }
        if (args.stream().noneMatch(arg -> arg.startsWith("--server-pin="))) {
            args.add("--server-pin-file=" + directory.resolve("state/certificates/server.pin"));
        }
        int exitCode = AgentMain.commandLine(() -> signal::join)
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(args.toArray(String[]::new));
        return new Ended(exitCode, out.toString(), err.toString());
    }

    private Pin agentPin() throws IOException {
        return AgentIdentity.loadOrCreate(directory.resolve("identity"), "s-1").pin();
    }

    private void startServer(Pin agent) throws Exception {
        SourceAssignment assignment =
                new SourceAssignment("s-1", List.of(new VolumeAssignment("vol-1", "sda", replica, DISK_BYTES, true)));
        server = ReplicationServer.start(
                ConfigLoader.load(
                                null,
                                Map.of(),
                                List.of(
                                        "listen.port=0",
                                        "listen.address=127.0.0.1",
                                        "tls.protocols=" + protocols,
                                        "session.streams-max=" + streamsMax,
                                        "state.directory=" + directory.resolve("state")))
                        .toServerConfig(),
                List.of(new AssignedSource(
                        assignment, List.of(agent.toString()), bandwidth, DesiredState.STARTED, null)),
                metrics,
                failure -> {});
    }

    @ParameterizedTest
    @CsvSource({"OPENSSL,TLSv1.2", "OPENSSL,TLSv1.3", "JDK,TLSv1.2"})
    void disksAreMeasuredOverTlsWithBothEngines(String engine, String protocol) throws Exception {
        protocols = protocol;
        startServer(agentPin());
        Ended ended = speedTest("--disk=" + source, "--tls-engine=" + engine, "--streams=3", "--json");
        assertThat(ended.err()).isEmpty();
        assertThat(ended.exitCode()).isZero();
        JsonObject result = ended.json().getJsonObject("result");
        assertThat(result.getString("ended")).isEqualTo("TIME");
        assertThat(result.getLong("millis")).isBetween(1000L, 5000L);
        assertThat(result.getLong("rawBytes")).isPositive();
        // Random content does not compress.
        assertThat(result.getLong("payloadBytes")).isEqualTo(result.getLong("rawBytes"));
        assertThat(ended.json().getJsonArray("volumes").getJsonObject(0).getString("volumeId"))
                .isEqualTo("vol-1");
    }

    @Test
    void noByteOfItIsWrittenToTheVolume() throws Exception {
        startServer(agentPin());
        byte[] before = Files.readAllBytes(replica);
        Files.setLastModifiedTime(replica, LONG_AGO);
        Ended ended = speedTest("--disk=" + source, "--mib-max=64");
        assertThat(ended.exitCode()).as(ended.err()).isZero();
        assertThat(ended.out()).contains("ended by ").contains("\n  limit        ");
        assertThat(Files.readAllBytes(replica)).isEqualTo(before);
        assertThat(Files.getLastModifiedTime(replica)).isEqualTo(LONG_AGO);
        assertThat(counted("replication_speed_test_raw_bytes")).isGreaterThanOrEqualTo(1 << 20);
        assertThat(counted("replication_durable_bytes")).isZero();
        assertThat(counted("replication_received_raw_bytes")).isZero();
    }

    @Test
    void replicatingAgentGoesOnMeanwhile() throws Exception {
        startServer(agentPin());
        ReplicationAgent replicating = ReplicationAgent.start(
                AgentOptions.of(
                                List.of(new SourceDisk("sda", source)),
                                new ServerAddress(
                                        "localhost",
                                        Objects.requireNonNull(server).port()),
                                new ServerPins(Set.of(), directory.resolve("state/certificates/server.pin")),
                                "s-1",
                                directory.resolve("identity"))
                        .withCycles(AgentOptions.ENDLESS, Duration.ofMillis(1)),
                event -> {});
        assertThat(replicating.awaitCommitted(1, PATIENCE)).isTrue();
        Ended ended = speedTest("--json");
        assertThat(ended.exitCode()).as(ended.err()).isZero();
        long epoch = replicating.report().committedEpoch();
        assertThat(replicating.awaitCommitted(epoch + 2, PATIENCE)).isTrue();
        assertThat(replicating.report().sessions()).isEqualTo(1);
        replicating.stop();
        assertThat(replicating.awaitEnd(PATIENCE)).isNotNull();
        assertThat(Files.mismatch(source, replica)).isEqualTo(-1);
    }

    @Test
    void generatedBytesCompressAsAskedAndBytesEndIt() throws Exception {
        startServer(agentPin());
        Ended ended = speedTest("--compressible=75", "--mib-max=16", "--seconds=30", "--json");
        assertThat(ended.exitCode()).as(ended.err()).isZero();
        JsonObject result = ended.json().getJsonObject("result");
        assertThat(result.getString("ended")).isEqualTo("BYTES");
        assertThat(result.getLong("rawBytes")).isEqualTo(16L << 20);
        assertThat((double) result.getLong("payloadBytes") / result.getLong("rawBytes"))
                .isBetween(0.24, 0.28);
    }

    @Test
    void asManyStreamsAreToldAsTheServerGranted() throws Exception {
        streamsMax = 2;
        startServer(agentPin());
        Ended ended = speedTest("--streams=5", "--mib-max=1", "--json");
        assertThat(ended.exitCode()).as(ended.err()).isZero();
        assertThat(ended.json().getInteger("streams")).isEqualTo(2);
    }

    @Test
    void throttledSourceServerIsToldSo() throws Exception {
        bandwidth = BandwidthSchedule.always(8);
        startServer(agentPin());
        Ended ended = speedTest("--compressible=0", "--seconds=3", "--json");
        assertThat(ended.exitCode()).as(ended.err()).isZero();
        assertThat(ended.json().getString("limit")).isEqualTo("THROTTLE");
        assertThat(ended.json().getJsonObject("result").getLong("payloadBytes")).isLessThan(8_000_000);
    }

    @Test
    void signalEndsItWithWhatWasMeasured() throws Exception {
        startServer(agentPin());
        Thread.ofPlatform().daemon().start(() -> {
            Awaitility.await().atMost(PATIENCE).until(() -> counted("replication_speed_tests") > 0);
            signal.complete(143);
        });
        Ended ended = speedTest("--seconds=30");
        assertThat(ended.exitCode()).isEqualTo(143);
    }

    @Test
    void secondSpeedTestIsToldToComeBackAndTheFirstGoesOn() throws Exception {
        startServer(agentPin());
        CompletableFuture<Ended> first = CompletableFuture.supplyAsync(() -> speedTest("--seconds=3"));
        Awaitility.await().atMost(PATIENCE).until(() -> counted("replication_speed_tests") > 0);
        Ended second = speedTest();
        assertThat(second.exitCode()).isEqualTo(75);
        assertThat(second.err())
                .isEqualTo("agent: the server refuses the speed test: LIMIT: a speed test of this source server runs"
                        + " already\n");
        assertThat(first.join().exitCode()).isZero();
    }

    @Test
    void newAgentThatIsNotAssignedIsToldWhatToDoAndAServerWithAnotherPinIsRefused() throws Exception {
        startServer(
                AgentIdentity.loadOrCreate(directory.resolve("other"), "s-1").pin());
        Ended stranger = speedTest();
        assertThat(stranger.exitCode()).isEqualTo(77);
        assertThat(stranger.err())
                .isEqualTo("agent: a new identity was made in " + directory.resolve("identity") + ", pin " + agentPin()
                        + "\nagent: the server does not know this agent, pin " + agentPin()
                        + "; on the server: ./run assign --source-server-id s-1 --agent-pin " + agentPin() + "\n");
        Ended wrongPin = speedTest("--server-pin=sha256:" + "ab".repeat(32));
        assertThat(wrongPin.exitCode()).isEqualTo(77);
        assertThat(wrongPin.err()).contains("shows pin sha256:");
    }

    @Test
    void serverThatIsNotThereIsUnreachable() throws Exception {
        startServer(agentPin());
        Objects.requireNonNull(server).stop();
        Ended ended = speedTest();
        assertThat(ended.exitCode()).isEqualTo(69);
        assertThat(ended.err())
                .contains("cannot connect to ", ":" + server.port() + " of localhost:" + server.port() + ": ")
                .contains("Connection refused")
                .contains("; look whether the server runs there, on the server: ./run status")
                .contains("--server names it");
        server = null;
    }

    @Test
    void diskThatCannotBeUsedAndWrongOptionsAreToldInOneLine() throws Exception {
        startServer(agentPin());
        Ended missing = speedTest("--disk=" + directory.resolve("none"));
        assertThat(missing.exitCode()).isEqualTo(2);
        assertThat(missing.err()).contains("none does not exist").hasLineCount(1);
        for (String wrong : List.of("--streams=17", "--readers=0", "--compressible=101", "--mib-max=0")) {
            Ended refused = speedTest(wrong);
            assertThat(refused.exitCode()).as(wrong).isEqualTo(2);
            assertThat(refused.err())
                    .contains(wrong.replace("=", ": ") + ", allowed are ")
                    .hasLineCount(1);
        }
    }

    private double counted(String name) {
        return metrics.find(name).counters().stream()
                .mapToDouble(counter -> counter.count())
                .sum();
    }
}
