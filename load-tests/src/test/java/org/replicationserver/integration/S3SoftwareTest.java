package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
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
@Tag("alone")
final class S3SoftwareTest {
    private static final String REGION = "eu-west-1";
    private static final int LARGE_BYTES = 96 << 20;
    private static final String OPEN = "--set=software.allow-private-addresses=true";
    private static final String SIGNED = "--set=software.sign-requests=true";

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

    /** What leads to the buckets, if it is not the S3 server itself. */
    private @Nullable Path hosts;

    private record Run(int exitCode, String output) {}

    private Process startFetch(String key, Map<String, String> environment, String... options) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("software", "fetch", s3().address(key)));
        for (String setting : List.of(
                "state.directory=" + directory.resolve("state"),
                "aws.region=" + REGION,
                "aws.credentials=chain",
                "aws.ca-file=" + s3().authority())) {
            arguments.addAll(List.of("--set", setting));
        }
        arguments.addAll(List.of(options));
        ProcessBuilder builder = s3().java(
                        hosts == null ? s3().hosts() : hosts, ReceiverMain.class, arguments.toArray(String[]::new))
                .redirectOutput(directory.resolve("fetch.log").toFile());
        builder.environment().putAll(environment);
        return builder.start();
    }

    private Run fetch(String key, Map<String, String> environment, String... options) throws Exception {
        Process process = startFetch(key, environment, options);
        try {
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
            return new Run(process.exitValue(), Files.readString(directory.resolve("fetch.log")));
        } finally {
            process.destroyForcibly();
        }
    }

    private Run fetch(String key) throws Exception {
        return fetch(key, Map.of(), OPEN);
    }

    private Path store() {
        return directory.resolve("state/software");
    }

    private Path current(String name) {
        return store().resolve("current").resolve(name).resolve(name);
    }

    /** All files of the store and what is in them, but for its lock. */
    private Map<String, String> files() throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(store())) {
            for (Path file : all.filter(one -> !one.endsWith("lock")).toList()) {
                files.put(
                        store().relativize(file).toString(),
                        Files.isRegularFile(file)
                                ? Files.readString(file, StandardCharsets.ISO_8859_1)
                                : Files.isSymbolicLink(file)
                                        ? Files.readSymbolicLink(file).toString()
                                        : "");
            }
        }
        return files;
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

        Run anonymous = fetch("private/agent");
        assertThat(anonymous.exitCode()).isEqualTo(1);
        assertThat(anonymous.output()).contains("HASH_MISSING: ", "answered 403 AccessDenied");
        Run wrong = fetch("private/agent", S3Server.credentials(false), OPEN, SIGNED);
        assertThat(wrong.exitCode()).isEqualTo(69);
        assertThat(wrong.output()).contains("REFUSED_CREDENTIALS: ", "SignatureDoesNotMatch");
        assertThat(store().resolve("current")).doesNotExist();
        Run right = fetch("private/agent", S3Server.credentials(true), OPEN, SIGNED);
        assertThat(right.exitCode()).as(right.output()).isZero();
        assertThat(current("agent")).hasBinaryContent(content);
    }

    /** As S3 answers who may not list the bucket. */
    @Test
    void missingKeyIsAnsweredWith403AndChangesNothing() throws Exception {
        s3().publish("latest/here", content(1000, 6), true);
        assertThat(fetch("latest/here").exitCode()).isZero();
        Map<String, String> before = files();

        Run noHash;
        Run noObject;
        try (S3WithoutListing listless = new S3WithoutListing(s3().tls(), s3().hosts())) {
            hosts = listless.hosts();
            assertThat(fetch("latest/here").output()).contains("here sha512:", " was installed before: ");
            noHash = fetch("latest/missing");
            noObject = fetch("latest/missing", Map.of(), OPEN, "--sha512=" + "0".repeat(128));
        }

        String why =
                " answered 403 AccessDenied for latest/missing%s: it is absent, or this server is not allowed to read it";
        assertThat(noHash.exitCode()).isEqualTo(1);
        assertThat(noHash.output()).startsWith("HASH_MISSING: ").contains(why.formatted(".sha512"));
        assertThat(noObject.exitCode()).isEqualTo(1);
        assertThat(noObject.output()).startsWith("OBJECT_MISSING: ").contains(why.formatted(""));
        assertThat(files()).isEqualTo(before);
    }

    @Test
    void objectWithAnotherHashThanThePublishedOneIsRefusedAndChangesNothing() throws Exception {
        byte[] content = content(300_000, 7);
        s3().publish("latest/agent", content, true);
        assertThat(fetch("latest/agent").exitCode()).isZero();
        Map<String, String> before = files();
        s3().publish("latest/agent", content(300_000, 8), content(300_000, 9), true);

        Run wrong = fetch("latest/agent");

        assertThat(wrong.exitCode()).isEqualTo(1);
        assertThat(wrong.output())
                .contains("HASH_DIFFERS: agent from " + s3().bucket() + "/latest/agent has the SHA-512 ");
        assertThat(files()).isEqualTo(before);
        assertThat(current("agent")).hasBinaryContent(content);
    }

    @Test
    void signatureIsTakenByTheServerAlsoForUnusualKeys() throws Exception {
        byte[] content = content(100_000, 3);
        s3().publish("private/a=b&c;d+e(1)/tool", content, false);

        Run run = fetch("private/a=b&c;d+e(1)/tool", S3Server.credentials(true), OPEN, SIGNED);

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
        Path incoming = store().resolve("incoming/large/object");
        Process process = startFetch("latest/large", Map.of(), OPEN);
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
