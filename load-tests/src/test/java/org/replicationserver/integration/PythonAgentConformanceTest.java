package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.agent.AgentMain;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Identities;
import org.replicationserver.harness.Images;

/**
 * The reference agent does what the specification says: a server that was written from that alone judges all that it sends, and breaks
 * the protocol in every way that an agent must notice.
 */
final class PythonAgentConformanceTest {
    private static final int SIZE_BYTES = 8 << 20;
    private static final String DEVICE_NAME = "/dev/sda";

    private static final String[] ROWS = {
        "initial-sync",
        "small-regions",
        "waits-for-the-epoch-to-open",
        "bytes-window",
        "grease",
        "goaway",
        "refused-epoch",
        "resume-after-a-cut",
        "lost-commit-answer",
        "volume-failed",
        "commit-request",
        "hash-offer-finds-what-differs",
        "bad-header-crc",
        "type-of-feature-not-granted",
        "acknowledgement-goes-back",
        "json-too-deep",
        "no-alpn"
    };

    /** Rows that wait for silence, back-off or an end. */
    private static final String[] SLOW_ROWS = {
        "pings-when-idle",
        "slow-is-not-dead",
        "silent-server",
        "silent-data-connection",
        "backs-off",
        "version-refused",
        "forbidden"
    };

    @TempDir
    Path directory;

    private Commands.Result play(List<String> options) throws IOException, InterruptedException {
        Commands.assumeInstalled("python3");
        Path image = Images.write(directory.resolve("source.img"), Images.mixed(3, SIZE_BYTES));
        AgentKey agent = Identities.agent(directory, "s-1");
        Path identity = directory.resolve("agent-identity");
        String certificate = identity.resolve("agent.cert.pem").toString();
        Commands.runSuccessfully("mkdir", "-m", "700", identity.toString());
        Commands.runSuccessfully("cp", agent.certificate().toString(), certificate);
        Commands.runSuccessfully(
                "cp", agent.key().toString(), identity.resolve("agent.key.pem").toString());
        List<String> command = new ArrayList<>(PythonClient.runner());
        command.addAll(List.of("--agent", "--listen", "127.0.0.1:0", "--source-server-id", "s-1"));
        command.addAll(List.of("--identity", PythonClient.identity(Identities.agent(directory, "runner"))));
        command.addAll(List.of("--other-identity", PythonClient.identity(Identities.agent(directory, "other"))));
        command.addAll(List.of("--agent-certificate", certificate));
        command.addAll(List.of("--image", DEVICE_NAME + "=" + image));
        command.addAll(List.of("--agent-command", agentCommand(image, identity)));
        command.addAll(options);
        return Commands.run(command);
    }

    private static String agentCommand(Path image, Path identity) {
        return String.join(
                " ",
                "exec",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                "'" + System.getProperty("java.class.path") + "'",
                AgentMain.class.getName(),
                "replicate --server $BRP_SERVER --server-pin $BRP_PIN --source-server-id s-1 --quiet-source",
                "--cycle-pause 1 --streams 3 --identity",
                identity.toString(),
                "--source",
                DEVICE_NAME + "=" + image);
    }

    @Test
    @Timeout(300)
    void referenceAgentDoesAsDocumented() throws Exception {
        Commands.Result result = play(PythonClient.only(ROWS));
        assertThat(result.output()).contains(ROWS.length + " passed, 0 failed").doesNotContain("skipped");
        assertThat(result.exitCode()).isZero();
    }

    @ParameterizedTest
    @Tag("long")
    @Timeout(600)
    @ValueSource(booleans = {false, true})
    void referenceAgentDoesAsDocumentedInEveryRow(boolean slow) throws Exception {
        Commands.Result result = play(slow ? PythonClient.only(SLOW_ROWS) : PythonClient.without(SLOW_ROWS));
        assertThat(result.output()).contains(" passed, 0 failed").doesNotContain("skipped");
        assertThat(result.exitCode()).isZero();
    }
}
