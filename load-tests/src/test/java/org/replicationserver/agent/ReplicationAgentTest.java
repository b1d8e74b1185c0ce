package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
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
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.ConfigLoader;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.server.ReplicationServer;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;

/** The agent's sockets, TLS and disks against a server in the same process, on the loopback. */
class ReplicationAgentTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int DISK_BYTES = 24 * 1024 * 1024 + 512;
    private static final long SEED = 20260101;

    @TempDir
    Path directory = Path.of("");

    private Path source = Path.of("");
    private Path replica = Path.of("");
    private @Nullable ReplicationServer server;
    private String protocols = "TLSv1.2";
    private int port;

    @BeforeEach
    void makeDisk() throws IOException {
        source = directory.resolve("source.img");
        replica = directory.resolve("replica.img");
        byte[] content = new byte[DISK_BYTES];
        byte[] noise = new byte[DISK_BYTES / 3];
        new Random(SEED).nextBytes(noise);
        System.arraycopy(noise, 0, content, 1_000_000, noise.length);
        Files.write(source, content);
    }

    @AfterEach
    void stopServer() {
        if (server != null) {
            server.stop();
        }
    }

    @ParameterizedTest
    @CsvSource({"OPENSSL,TLSv1.2", "OPENSSL,TLSv1.3", "JDK,TLSv1.2", "JDK,TLSv1.3"})
    void replicatesOverTlsWithBothEngines(TlsEngine engine, String protocol) throws Exception {
        protocols = protocol;
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        ReplicationAgent agent = start(
                options().withTlsEngine(engine).withCycles(0, Duration.ZERO).withQuietSource(true));
        assertThat(agent.awaitEnd(PATIENCE))
                .isEqualTo(new AgentOutcome(AgentOutcome.Exit.DONE, "all cycles are committed"));
        assertThat(Files.mismatch(source, replica)).isEqualTo(-1);
        AgentReport report = agent.report();
        assertThat(report.commits()).isEqualTo(1);
        assertThat(report.durableBytes()).isEqualTo(DISK_BYTES);
        assertThat(report.bytesResent()).isZero();
        assertThat(report.wireBytesSent()).isLessThan(DISK_BYTES / 2);
    }

    /** Of several tries, since the machine may be busy with something else in one of them. */
    @Test
    void ordinaryEndDoesNotWaitForTheTimeThatAConnectionMayLinger() throws Exception {
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        long shortestMillis = Long.MAX_VALUE;
        for (int i = 0; i < 5 && shortestMillis >= AgentSocket.LINGER_MILLIS; i++) {
            CompletableFuture<Long> committedNanos = new CompletableFuture<>();
            ReplicationAgent agent = ReplicationAgent.start(
                    options().withCycles(0, Duration.ZERO).withQuietSource(true), event -> {
                        if (event.text().contains("is committed")) {
                            committedNanos.complete(System.nanoTime());
                        }
                    });
            assertThat(Objects.requireNonNull(agent.awaitEnd(PATIENCE)).exit()).isEqualTo(AgentOutcome.Exit.DONE);
            shortestMillis = Math.min(
                    shortestMillis,
                    Duration.ofNanos(System.nanoTime() - committedNanos.join()).toMillis());
        }
        assertThat(shortestMillis).isLessThan(AgentSocket.LINGER_MILLIS);
    }

    @Test
    void diskThatIsNotAssignedIsLeftOutOfTheCyclesAndToldAtTheEnd() throws Exception {
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        ReplicationAgent agent = start(options(new SourceDisk("sda", source), new SourceDisk("sdb", source))
                .withCycles(1, Duration.ZERO)
                .withQuietSource(true));
        AgentOutcome outcome = Objects.requireNonNull(agent.awaitEnd(PATIENCE));
        assertThat(outcome.text())
                .startsWith("all cycles are committed, but not of all disks; left out: sdb: the server refuses it: ");
        assertThat(outcome.exit().code()).isEqualTo(75);
        assertThat(agent.report().commits()).isEqualTo(2);
        assertThat(Files.mismatch(source, replica)).isEqualTo(-1);
    }

    @Test
    void cyclesSendChangesAndSurviveARestartOfTheServer() throws Exception {
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        ReplicationAgent agent = start(
                options().withCycles(AgentOptions.ENDLESS, Duration.ofHours(1)).withReaders(2));
        assertThat(agent.awaitCommitted(1, PATIENCE)).isTrue();
        stopServer();
        change(3_000_000);
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        change(9_000_000);
        awaitSessions(agent, 2);
        agent.cycleNow();
        assertThat(agent.awaitCommitted(2, PATIENCE)).isTrue();
        agent.stop();
        assertThat(Objects.requireNonNull(agent.awaitEnd(PATIENCE)).exit()).isEqualTo(AgentOutcome.Exit.STOPPED);
        assertThat(Files.mismatch(source, replica)).isEqualTo(-1);
        // Three blocks, because the second change crosses a border; the whole disk would be 24 MiB more.
        assertThat(agent.report().rawBytesSent() - DISK_BYTES).isLessThanOrEqualTo(4 * BlockLayout.BLOCK_BYTES);
    }

    @Test
    void markCommandStandsAroundEachEpoch() throws Exception {
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        Path calls = directory.resolve("calls");
        ReplicationAgent agent = start(options()
                .withCycles(1, Duration.ZERO)
                .withMarkCommand("f() { echo \"$1 $BRP_PHASE\" >> '" + calls + "'; }; f"));
        assertThat(Objects.requireNonNull(agent.awaitEnd(PATIENCE)).exit()).isEqualTo(AgentOutcome.Exit.DONE);
        assertThat(Files.readAllLines(calls))
                .containsExactly("freeze freeze", "thaw thaw", "freeze freeze", "thaw thaw");
        assertThat(agent.report().cycles()).noneMatch(AgentReport.Cycle::fuzzy);
    }

    @ParameterizedTest
    @CsvSource({"OPENSSL,TLSv1.2", "OPENSSL,TLSv1.3", "JDK,TLSv1.2", "JDK,TLSv1.3"})
    void agentThatIsNotAssignedEndsWithForbidden(TlsEngine engine, String protocol) throws Exception {
        protocols = protocol;
        startServer(
                AgentIdentity.loadOrCreate(directory.resolve("other"), "s-1").pin());
        ReplicationAgent agent = start(options().withTlsEngine(engine));
        AgentOutcome outcome = Objects.requireNonNull(agent.awaitEnd(PATIENCE));
        assertThat(outcome.exit()).isEqualTo(AgentOutcome.Exit.FORBIDDEN);
        String pin = AgentIdentity.loadOrCreate(identity(), "s-1").pin().toString();
        assertThat(outcome.text())
                .isEqualTo("the server does not know this agent, pin " + pin
                        + "; on the server: ./run assign --source-server-id s-1 --agent-pin " + pin);
    }

    @Test
    void serverWithAnotherPinIsRefusedWithBothPins() throws Exception {
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        Pin other =
                AgentIdentity.loadOrCreate(directory.resolve("other"), "s-2").pin();
        AgentOptions options = AgentOptions.of(
                List.of(new SourceDisk("sda", source)),
                new ServerAddress("localhost", port),
                ServerPins.of(other),
                "s-1",
                identity());
        AgentOutcome outcome = Objects.requireNonNull(start(options).awaitEnd(PATIENCE));
        assertThat(outcome.exit()).isEqualTo(AgentOutcome.Exit.FORBIDDEN);
        Pin shown = Pin.parse(Files.readString(directory.resolve("state/certificates/server.pin"))
                .strip());
        assertThat(outcome.text())
                .isEqualTo("localhost:" + port + " shows pin " + shown + ", expected is " + other
                        + "; if the server has a new key, start with --server-pin " + shown);
    }

    @ParameterizedTest
    @ValueSource(longs = {1024 * 1024, DISK_BYTES + 512})
    void onlySourceOfAnotherSizeIsToldAndWaitsForItsAssignment(long newBytes) throws Exception {
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        ReplicationAgent agent = start(options().withCycles(AgentOptions.ENDLESS, Duration.ofHours(1)));
        assertThat(agent.awaitCommitted(1, PATIENCE)).isTrue();
        try (RandomAccessFile file = new RandomAccessFile(source.toFile(), "rw")) {
            file.setLength(newBytes);
        }
        agent.cycleNow();
        Awaitility.await()
                .atMost(PATIENCE)
                .untilAsserted(
                        () -> assertThat(agent.report().disks().getFirst().failure())
                                .contains("has " + newBytes + " bytes, assigned are " + DISK_BYTES));
        assertThat(agent.report().outcome()).isNull();
        agent.stop();
        assertThat(Objects.requireNonNull(agent.awaitEnd(PATIENCE)).exit()).isEqualTo(AgentOutcome.Exit.STOPPED);
    }

    @Test
    void onlySourceThatIsGoneEndsTheAgentAtTheNextEpoch() throws Exception {
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        ReplicationAgent agent = start(options().withCycles(AgentOptions.ENDLESS, Duration.ofHours(1)));
        assertThat(agent.awaitCommitted(1, PATIENCE)).isTrue();
        Files.delete(source);
        agent.cycleNow();
        AgentOutcome outcome = Objects.requireNonNull(agent.awaitEnd(PATIENCE));
        assertThat(outcome.exit()).isEqualTo(AgentOutcome.Exit.SOURCE_FAILED);
        assertThat(outcome.text()).contains("it cannot be read", "does not exist");
    }

    @Test
    void snapshotThatIsThereOnlyBetweenFreezeAndThawIsReplicated() throws Exception {
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        Path snapshot = directory.resolve("snap.img");
        String command = "f() { case $1 in freeze) cp '" + source + "' '" + snapshot + "';; thaw) rm '" + snapshot
                + "';; esac; }; f";
        ReplicationAgent agent =
                start(options(snapshot).withCycles(1, Duration.ZERO).withMarkCommand(command));
        assertThat(Objects.requireNonNull(agent.awaitEnd(PATIENCE)).exit()).isEqualTo(AgentOutcome.Exit.DONE);
        assertThat(agent.report().cycles()).noneMatch(AgentReport.Cycle::fuzzy);
        assertThat(Files.mismatch(source, replica)).isEqualTo(-1);
        assertThat(snapshot).doesNotExist();
    }

    @Test
    void snapshotThatCannotBeMadeIsToldWithTheReason() {
        port = ServerAddress.PORT_DEFAULT;
        AgentOptions options = options(directory.resolve("snap.img"))
                .withMarkCommand("f() { [ $1 = thaw ] || { echo no space left; return 5; }; }; f");
        assertThatThrownBy(() -> start(options))
                .isInstanceOf(AgentStartException.class)
                .hasMessage("the mark command at freeze ended with exit code 5: no space left");
    }

    @Test
    void stopEndsAFreezeThatHangsWithAllThatItStarted() throws Exception {
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        Path pid = directory.resolve("pid");
        Path thawed = directory.resolve("thawed");
        ReplicationAgent agent = start(options()
                .withMarkCommand("f() { if [ $1 = thaw ]; then touch '" + thawed + "'; else sleep 1000 & echo $! > '"
                        + pid + ".new'; mv '" + pid + ".new' '" + pid + "'; wait; fi; }; f"));
        Awaitility.await().atMost(PATIENCE).until(() -> Files.exists(pid));
        long child = Long.parseLong(Files.readString(pid).strip());
        agent.stop();
        assertThat(Objects.requireNonNull(agent.awaitEnd(PATIENCE)).exit()).isEqualTo(AgentOutcome.Exit.STOPPED);
        assertThat(thawed).exists();
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() ->
                        ProcessHandle.of(child).filter(ProcessHandle::isAlive).isEmpty());
    }

    @Test
    void bugEndsTheAgent() throws Exception {
        startServer(AgentIdentity.loadOrCreate(identity(), "s-1").pin());
        AgentOptions options = options().withCycles(AgentOptions.ENDLESS, Duration.ofHours(1));
        ReplicationAgent agent = ReplicationAgent.start(options, event -> {
            if (event.text().startsWith("epoch 2 begins")) {
                throw new IllegalStateException("on purpose");
            }
        });
        assertThat(agent.awaitCommitted(1, PATIENCE)).isTrue();
        agent.cycleNow();
        assertThat(agent.awaitEnd(PATIENCE))
                .isEqualTo(new AgentOutcome(
                        AgentOutcome.Exit.BROKEN, "the agent has a bug: java.lang.IllegalStateException: on purpose"));
        assertThat(Objects.requireNonNull(agent.report().outcome()).exit()).isEqualTo(AgentOutcome.Exit.BROKEN);
    }

    private Path identity() {
        return directory.resolve("identity");
    }

    private AgentOptions options() {
        return options(source);
    }

    private AgentOptions options(Path disk) {
        return options(new SourceDisk("sda", disk));
    }

    private AgentOptions options(SourceDisk... disks) {
        Path pinFile = directory.resolve("state/certificates/server.pin");
        return AgentOptions.of(
                        List.of(disks),
                        new ServerAddress("localhost", port),
                        new ServerPins(Set.of(), pinFile),
                        "s-1",
                        identity())
                .withSeed(SEED);
    }

    private static ReplicationAgent start(AgentOptions options) throws AgentStartException {
        return ReplicationAgent.start(options, event -> {});
    }

    private void startServer(Pin agent) throws Exception {
        SourceAssignment assignment =
                new SourceAssignment("s-1", List.of(new VolumeAssignment("vol-1", "sda", replica, DISK_BYTES, true)));
        ReplicationServer started = ReplicationServer.start(
                ConfigLoader.load(
                                null,
                                Map.of(),
                                List.of(
                                        "listen.port=" + port,
                                        "listen.address=127.0.0.1",
                                        "tls.protocols=" + protocols,
                                        "state.directory=" + directory.resolve("state")))
                        .toServerConfig(),
                List.of(new AssignedSource(assignment, List.of(agent.toString()))),
                new SimpleMeterRegistry(),
                failure -> {});
        server = started;
        port = started.port();
    }

    private static void awaitSessions(ReplicationAgent agent, int sessions) {
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() ->
                        agent.report().sessions() >= sessions && agent.report().phase() == AgentReport.Phase.RESTING);
    }

    private void change(long at) throws IOException {
        try (FileChannel channel = FileChannel.open(source, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap("changed".getBytes(StandardCharsets.UTF_8)), at);
        }
    }
}
