package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.TestSource;

/** The agent's side in Python, written from the specification alone and sharing no code with the server. */
final class PythonClient {
    private static final Path SCRIPTS =
            Path.of(System.getProperty("basedir", "."), "src", "test", "python").toAbsolutePath();

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

    private List<String> command(String script) {
        return new ArrayList<>(List.of(
                "python3",
                SCRIPTS.resolve(script).toString(),
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
        List<String> command = command("sync_image.py");
        command.addAll(List.of("--disk", source.volume(0).deviceName() + "=" + image));
        command.addAll(List.of("--streams", Integer.toString(streams)));
        Commands.Result result = Commands.run(command);
        assertThat(result.exitCode()).as(result.output()).isZero();
        return result.output();
    }

    /** Provokes the server with what the options select. */
    Commands.Result conformance(AgentKey stranger, List<String> options) throws IOException, InterruptedException {
        List<String> command = command("conformance.py");
        command.addAll(List.of("--device-name", source.volume(0).deviceName()));
        command.addAll(List.of("--size", Long.toString(source.volume(0).sizeBytes())));
        command.addAll(List.of("--wrong-certificate", stranger.certificate().toString()));
        command.addAll(List.of("--wrong-key", stranger.key().toString()));
        command.addAll(options);
        return Commands.run(command);
    }

    /** The options that leave these rows out. */
    static List<String> without(String... rows) {
        return Arrays.stream(rows)
                .flatMap(row -> List.of("--skip", row).stream())
                .toList();
    }

    /** The options for these rows only. */
    static List<String> only(String... rows) {
        return Arrays.stream(rows)
                .flatMap(row -> List.of("--row", row).stream())
                .toList();
    }
}
