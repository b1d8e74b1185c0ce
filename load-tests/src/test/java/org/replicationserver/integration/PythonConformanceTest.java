package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Identities;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.listener.TlsEngine;

/**
 * The specification is enough: a client that was written from it replicates an image, and every bad input of its section 11 gets the
 * documented answer and harms no other source server's session.
 */
@Timeout(300)
@ExtendWith(ServerLogs.class)
final class PythonConformanceTest {
    private static final String BRISK = "session.ack-interval-seconds=0.2";
    private static final int SIZE_BYTES = 34 << 20;

    /** Rows that wait for a deadline of 10 s, or use up what is allowed in a minute. */
    private static final String[] SLOW_ROWS = {
        "attach-missing", "hello-timeout", "acknowledged-every-5-s", "duplicate-agent", "speed-tests-too-many"
    };

    /** Rows of what an operator brings about. */
    private static final List<String> OPERATED_ROWS = List.of(
            "commit-request-and-hold",
            "overload",
            "volume-failed",
            "paused",
            "assignment-changed-while-hello-waits",
            "assignment-changed",
            "shutdown");

    private static final Pattern SKIPPED = Pattern.compile("^skipped (\\S+)", Pattern.MULTILINE);

    private static final String[] TLS_AND_OTHER_ROWS = {
        "no-alpn",
        "wrong-alpn",
        "no-client-certificate",
        "unpinned-client-certificate",
        "expired-client-certificate",
        "connect-and-close",
        "resumption-refused",
        "bad-magic",
        "json-garbage",
        "unknown-type-below-80",
        "ignorable-type-skipped",
        "zero-with-payload",
        "seq-gap",
        "data-on-control",
        "wrong-stream",
        "crc-differs",
        "commit-is-remembered"
    };

    /** Rows whose frames come on a data connection, whole or not. */
    private static final String[] DATA_ROWS = {
        "header-len-of-data-too-short",
        "unknown-codec",
        "source-status-on-data",
        "ignorable-type-skipped",
        "raw-len-over-max",
        "over-limit-bytes",
        "over-unacked-frames",
        "second-attach",
        "one-end-ends-all",
        "newer-session-fences-older",
        "wrong-stream",
        "crc-differs",
        "data-after-fence",
        "dropped-frame-blocks-commit",
        "commit-is-remembered"
    };

    @TempDir
    Path directory;

    private @Nullable AgentKey expired;

    private ServerProcess.Plan plan(TlsEngine engine) {
        return ServerProcess.in(directory).set("tls.engine=" + engine.name().toLowerCase(Locale.ROOT));
    }

    /** Acknowledges more often than it must, so that rows that wait for it are done sooner. */
    private ServerProcess brisk(TlsEngine engine, TestSource... sources) throws Exception {
        return plan(engine).set(BRISK).start(sources);
    }

    /** A source server with one disk that also has a key whose certificate is outside its dates. */
    private TestSource source(String sourceServerId) throws Exception {
        expired = Identities.agentExpiredSince(directory, sourceServerId, Duration.ofMinutes(6));
        return TestSource.of(directory, sourceServerId, SIZE_BYTES).withKey(expired);
    }

    /** All rows pass but those that are skipped, while another source server streams, which notices nothing of it. */
    private void assertConforms(
            ServerProcess server,
            TestSource source,
            TestSource bystander,
            List<String> options,
            List<String> skippedRows)
            throws Exception {
        AgentKey stranger = Identities.agent(directory, source.sourceServerId());
        List<String> all = new ArrayList<>(options);
        all.addAll(List.of("--expired-identity", PythonClient.identity(Objects.requireNonNull(expired))));
        try (SteadyStream steady = SteadyStream.begin(server.endpoint(), bystander)) {
            Commands.Result result = PythonClient.of(server.endpoint(), source).conformance(stranger, all);
            assertThat(result.output()).doesNotContain("FAILED").contains(" 0 failed");
            assertThat(SKIPPED.matcher(result.output()).results().map(row -> row.group(1)))
                    .as(result.output())
                    .containsExactlyInAnyOrderElementsOf(skippedRows);
            assertThat(result.exitCode()).isZero();
            steady.assertUndisturbed();
        }
        assertThat(server.logSinceStart()).doesNotContain("fault of this program");
    }

    private void assertSyncs(ServerProcess server, TestSource source) throws Exception {
        Path image = Images.write(directory.resolve("source.img"), Images.mostlyZeros(11, SIZE_BYTES, 24));
        String told = PythonClient.of(server.endpoint(), source).sync(image, 3);
        assertThat(told).contains("committed epoch=1").contains("bytes=" + SIZE_BYTES);
        Images.assertIdentical(source.path(0), image);
    }

    @Test
    void pythonAgentReplicatesAndEveryRowIsAnsweredAsDocumented() throws Exception {
        TestSource source = source("s-1");
        TestSource bystander = TestSource.of(directory, "s-2", SIZE_BYTES);
        try (ServerProcess server = brisk(TlsEngine.AUTO, source, bystander)) {
            assertSyncs(server, source);
            assertConforms(server, source, bystander, PythonClient.without(SLOW_ROWS), OPERATED_ROWS);
        }
    }

    @Test
    void theOtherTlsEngineAnswersTheSame() throws Exception {
        TestSource source = source("s-1");
        TestSource bystander = TestSource.of(directory, "s-2", SIZE_BYTES);
        try (ServerProcess server = brisk(TlsEngine.JDK, source, bystander)) {
            assertSyncs(server, source);
            assertConforms(server, source, bystander, PythonClient.only(TLS_AND_OTHER_ROWS), List.of());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void throttleChangesNoAnswer(TlsEngine engine) throws Exception {
        TestSource source = source("s-1");
        TestSource bystander = TestSource.of(directory, "s-2", SIZE_BYTES);
        try (ServerProcess server =
                plan(engine).set(BRISK).set("throttle.server-mbps=100").start(source, bystander)) {
            assertSyncs(server, source);
            assertConforms(server, source, bystander, PythonClient.only(DATA_ROWS), List.of());
        }
    }

    @Tag("long")
    @ParameterizedTest
    @EnumSource(names = {"JDK", "OPENSSL"})
    void everyRowWithEitherEngine(TlsEngine engine) throws Exception {
        TestSource source = source("s-1");
        TestSource bystander = TestSource.of(directory, "s-2", SIZE_BYTES);
        try (ServerProcess server = plan(engine).start(source, bystander)) {
            assertConforms(server, source, bystander, List.of(), OPERATED_ROWS);
        }
    }

    /** What no agent can bring about is brought about by commands. */
    @Test
    void whatAnOperatorDoesIsToldToTheAgentAsDocumented() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        ServerProcess.Plan plan = plan(TlsEngine.AUTO).set(BRISK);
        try (ServerProcess server = plan.start(source)) {
            String hold = plan.cli("source", "hold", "s-1", "--seconds", "5").stream()
                    .map(word -> "'" + word + "'")
                    .collect(Collectors.joining(" "));
            List<String> options = new ArrayList<>(PythonClient.only("commit-request-and-hold", "shutdown"));
            options.addAll(List.of("--operator", "hold=" + hold));
            options.addAll(List.of("--operator", "shutdown=kill -TERM " + server.pid()));
            options.addAll(List.of("--operator", "start=true"));
            Commands.Result result = PythonClient.of(server.endpoint(), source).conformance(source.key(), options);
            assertThat(result.output()).contains("2 passed, 0 failed").doesNotContain("skipped");
        }
    }

    /** Another source server's stream notices nothing of it. */
    @Test
    void whatItsDeviceAndItsControlPlaneDoIsToldToTheAgentAsDocumented() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        TestSource bystander = TestSource.of(directory, "s-2", SIZE_BYTES);
        String[] rows = {
            "overload", "volume-failed", "paused", "assignment-changed-while-hello-waits", "assignment-changed"
        };
        // As many streams are granted as there are windows in the share of memory, so a stalled volume alone makes no
        // reading pause.
        String[] settings = {BRISK, "memory.budget-bytes=4MiB", "session.region-shift=21"};
        try (OperatedServer server = OperatedServer.start(directory, source, bystander, settings);
                SteadyStream steady = SteadyStream.begin(server.endpoint(), bystander)) {
            List<String> options = new ArrayList<>(PythonClient.only(rows));
            options.addAll(server.operatorOptions());
            Commands.Result result = PythonClient.of(server.endpoint(), source).conformance(source.key(), options);
            assertThat(result.output())
                    .contains(rows.length + " passed, 0 failed", "all windows were read: 40 of 40 frames received")
                    .doesNotContain("skipped");
            steady.assertUndisturbed();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "bad-magic, PROTOCOL, 1",
        "unknown-codec, UNSUPPORTED, 1",
        "over-limit-bytes, LIMIT, 1",
        "seq-repeat, SEQUENCE, 1",
        "data-on-control, STATE, 1",
        "wrong-stream, RANGE, 1",
        "crc-differs, INTEGRITY, 2",
        "commit-of-epoch-not-open, EPOCH, 1",
        "too-many-pings, RATE, 1",
        "other-source-id, FORBIDDEN, 1",
        "no-common-version, VERSION, 1"
    })
    void badInputIsCountedOnceAndLoggedOnce(String row, String code, int inputs) throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (LogCapture log = LogCapture.begin();
                InProcessServer server =
                        InProcessServer.start(directory, List.of(source), TestDevices.inMemory(), BRISK)) {
            PythonClient client = PythonClient.of(server.endpoint(), source);
            Commands.Result result = client.conformance(source.key(), PythonClient.only(row));
            assertThat(result.output()).contains("1 passed, 0 failed");
            assertThat(server.count("replication_refused_frames", "code", code)).isEqualTo(inputs);
            assertThat(server.count("replication_refused_frames")).isEqualTo(inputs);
            assertThat(log.linesWith("refused")).hasSize(inputs).allMatch(line -> line.contains("code=" + code));
            assertThat(log.warningsAndErrors()).hasSize(inputs);
        }
    }
}
