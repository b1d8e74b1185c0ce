package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.ReceiverMain;

/**
 * The program as it is, in a process of its own, against an S3 server that is not ours: over TLS on port 443, by the real names of the
 * buckets, anonymous and signed. Needs the right to listen there, and the server's jars, which the profile {@code long} brings.
 */
@Tag("long")
final class S3SoftwareTest {
    private static final String REGION = "eu-west-1";
    private static final int LARGE_BYTES = 96 << 20;

    @TempDir
    private static Path shared = Path.of("");

    private static @Nullable S3Server server;

    @TempDir
    private Path directory = Path.of("");

    @BeforeAll
    static void start() throws Exception {
        server = S3Server.start(shared, REGION);
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    private static S3Server s3() {
        return Objects.requireNonNull(server);
    }

    private static byte[] content(int bytes, long seed) {
        byte[] content = new byte[bytes];
        new Random(seed).nextBytes(content);
        return content;
    }

    private record Run(int exitCode, String output) {}

    private Process startFetch(String key, Map<String, String> environment, String... settings) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("software", "fetch", s3().address(key)));
        for (String setting : List.of(
                "state.directory=" + directory.resolve("state"),
                "aws.region=" + REGION,
                "aws.credentials=chain",
                "aws.ca-file=" + s3().authority())) {
            arguments.addAll(List.of("--set", setting));
        }
        for (String setting : settings) {
            arguments.addAll(List.of("--set", setting));
        }
        ProcessBuilder builder = s3().java(ReceiverMain.class, arguments.toArray(String[]::new))
                .redirectOutput(directory.resolve("fetch.log").toFile());
        builder.environment().putAll(environment);
        return builder.start();
    }

    private Run fetch(String key, Map<String, String> environment, String... settings) throws Exception {
        Process process = startFetch(key, environment, settings);
        try {
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
            return new Run(process.exitValue(), Files.readString(directory.resolve("fetch.log")));
        } finally {
            process.destroyForcibly();
        }
    }

    private Run fetch(String key) throws Exception {
        return fetch(key, Map.of(), "software.allow-private-addresses=true");
    }

    private Path current(String name) {
        return directory.resolve("state/software/current").resolve(name).resolve(name);
    }

    @Test
    void publicObjectIsFetchedByAnybody() throws Exception {
        byte[] content = content(3_000_000, 1);
        s3().publish("latest/linux/agent", content, true);

        Run run = fetch("latest/linux/agent");

        assertThat(run.exitCode()).as(run.output()).isZero();
        assertThat(current("agent")).hasBinaryContent(content);
    }

    @Test
    void objectThatIsNotPublicIsFetchedByWhoSigns() throws Exception {
        byte[] content = content(100_000, 2);
        s3().publish("private/agent", content, false);
        String open = "software.allow-private-addresses=true";

        Run anonymous = fetch("private/agent");
        assertThat(anonymous.exitCode()).isEqualTo(1);
        assertThat(anonymous.output()).contains("HASH_MISSING: ", "answered 403 AccessDenied");
        Run wrong = fetch("private/agent", S3Server.credentials(false), open, "software.sign-requests=true");
        assertThat(wrong.exitCode()).isEqualTo(69);
        assertThat(wrong.output()).contains("REFUSED_CREDENTIALS: ", "SignatureDoesNotMatch");
        assertThat(directory.resolve("state/software/current")).doesNotExist();
    }

    @Test
    void signatureIsTakenByTheServerAlsoForUnusualKeys() throws Exception {
        byte[] content = content(100_000, 3);
        s3().publish("private/a=b&c;d+e(1)/tool", content, false);

        Run run = fetch(
                "private/a=b&c;d+e(1)/tool",
                S3Server.credentials(true),
                "software.allow-private-addresses=true",
                "software.sign-requests=true");

        assertThat(run.exitCode()).as(run.output()).isZero();
        assertThat(current("tool")).hasBinaryContent(content);
    }

    @Test
    void addressThatIsNotPublicIsRefusedUnlessItIsAllowed() throws Exception {
        s3().publish("latest/linux/other", content(10, 4), true);

        Run run = fetch("latest/linux/other", Map.of());

        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.output()).contains("PRIVATE_ADDRESS: ", S3Server.ADDRESS, "software.allow-private-addresses");
    }

    @Test
    void fetchThatIsKilledIsCarriedOnWith() throws Exception {
        byte[] content = content(LARGE_BYTES, 5);
        s3().publish("latest/large", content, true);
        Path incoming = directory.resolve("state/software/incoming/large/object");
        Process process = startFetch("latest/large", Map.of(), "software.allow-private-addresses=true");
        try {
            await().pollInterval(Duration.ofMillis(2))
                    .atMost(Duration.ofSeconds(60))
                    .until(() -> Files.exists(incoming) && Files.size(incoming) > 1 << 20);
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertThat(Files.size(incoming)).isLessThan(LARGE_BYTES);
        assertThat(current("large")).doesNotExist();

        Run run = fetch("latest/large");

        assertThat(run.exitCode()).as(run.output()).isZero();
        assertThat(run.output().lines().findFirst().orElse(""))
                .as("begins where it was")
                .contains(" of 96.0 MiB (")
                .doesNotContain("0 bytes of");
        assertThat(current("large")).hasBinaryContent(content);
    }
}
