package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.TestSource;

/** The agent's side in Python, written from the specification alone and sharing no code with the server. */
final class PythonClient {
    private static final Path SCRIPTS =
            Path.of(System.getProperty("basedir", "."), "src", "main", "python").toAbsolutePath();

    private final Endpoint endpoint;
    private final TestSource source;

    private PythonClient(Endpoint endpoint, TestSource source) {
        this.endpoint = endpoint;
        this.source = source;
    }

    /** Skips the test where there is no Python. */
    static PythonClient of(Endpoint endpoint, TestSource source) throws IOException, InterruptedException {
        Commands.assumeInstalled("python3");
        return new PythonClient(endpoint, source);
    }

    private List<String> syncCommand() {
        return new ArrayList<>(List.of(
                "python3",
                SCRIPTS.resolve("sync_image.py").toString(),
                "--server",
                endpoint.address(),
                "--certificate",
                source.key().certificate().toString(),
                "--key",
                source.key().key().toString(),
                "--server-pin",
                endpoint.pin().toString(),
                "--source-server-id",
                source.sourceServerId()));
    }

    /** Replicates an image to the first volume and commits. */
    String sync(Path image, int streams) throws IOException, InterruptedException {
        List<String> command = syncCommand();
        command.addAll(List.of("--disk", source.volume(0).deviceName() + "=" + image));
        command.addAll(List.of("--streams", Integer.toString(streams)));
        Commands.Result result = Commands.run(command);
        assertThat(result.exitCode()).as(result.output()).isZero();
        return result.output();
    }

    /** Provokes the server with what the options select. */
    Commands.Result conformance(AgentKey stranger, List<String> options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(runner());
        command.addAll(List.of("--target", endpoint.address()));
        command.addAll(List.of("--identity", identity(source.key())));
        command.addAll(List.of("--other-identity", identity(stranger)));
        command.addAll(List.of("--server-pin", endpoint.pin().toString()));
        command.addAll(List.of("--source-server-id", source.sourceServerId()));
        command.addAll(List.of("--device-name", source.volume(0).deviceName()));
        command.addAll(List.of("--size", Long.toString(source.volume(0).sizeBytes())));
        command.addAll(options);
        return Commands.run(command);
    }

    /** The words that start the runner of {@code ./run conformance}. */
    static List<String> runner() {
        return List.of("python3", SCRIPTS.resolve("conformance.py").toString());
    }

    /** How the runner names a certificate and its key: what both files' paths begin with. */
    static String identity(AgentKey key) {
        return key.certificate().toString().replace(".cert.pem", "");
    }

    /** The options that leave these rows out. */
    static List<String> without(String... rows) {
        return List.of("--skip", String.join(",", rows));
    }

    /** The options for these rows only. */
    static List<String> only(String... rows) {
        return List.of("--rows", String.join(",", rows));
    }
}
