package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.ReceiverMain;
import org.replicationserver.receiver.aws.HttpsTrust;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ObjectCannedACL;

/**
 * The program as it is, in a process of its own, against an S3 server that is not ours: over TLS on port 443, by the real names of the
 * buckets, anonymous and signed. Needs the right to listen there, and the server's jars, which the profile {@code long} brings.
 */
@Tag("long")
final class S3SoftwareTest {
    private static final String REGION = "eu-west-1";
    private static final String SERVICE = "s3." + REGION + ".amazonaws.com";
    private static final String BUCKET = "aws-mgn-internal-" + REGION;
    private static final String HASHES = "aws-mgn-internal-hashes-" + REGION;

    /** Of this machine alone, and hardly anybody else's. */
    private static final String ADDRESS = "127.66.15.1";

    private static final String ACCESS_KEY = "AKIDTEST";
    private static final String SECRET = "SECRETTEST";
    private static final String PASSWORD = "test-test";
    private static final Path JARS = Path.of("s3proxy/target/lib");
    private static final int LARGE_BYTES = 96 << 20;

    @TempDir
    private static Path shared = Path.of("");

    private static @Nullable Process server;
    private static @Nullable S3Client s3;

    @TempDir
    private Path directory = Path.of("");

    @BeforeAll
    static void start() throws Exception {
        assumeThat(JARS).as("jars of the S3 server, by mvn -Plong").isDirectory();
        try (ServerSocket probe = new ServerSocket(443, 1, InetAddress.getByName(ADDRESS))) {
            assertThat(probe.isBound()).isTrue();
        } catch (IOException e) {
            assumeThat(e).as("may listen on port 443").isNull();
        }
        makeCertificate();
        Files.writeString(
                shared.resolve("hosts"),
                ADDRESS + " " + BUCKET + "." + SERVICE + "\n" + ADDRESS + " " + HASHES + "." + SERVICE + "\n");
        startServer();
        s3 = client();
        for (String bucket : List.of(BUCKET, HASHES)) {
            await().atMost(Duration.ofSeconds(60))
                    .ignoreExceptions()
                    .until(() -> client().createBucket(request -> request.bucket(bucket))
                            .sdkHttpResponse()
                            .isSuccessful());
        }
    }

    private static void makeCertificate() throws Exception {
        Path store = shared.resolve("store.p12");
        keytool(
                "-genkeypair",
                "-alias",
                "s3",
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-dname",
                "CN=s3",
                "-ext",
                "san=dns:*." + SERVICE + ",ip:" + ADDRESS,
                "-validity",
                "2",
                "-keystore",
                store.toString(),
                "-storepass",
                PASSWORD);
        keytool(
                "-exportcert",
                "-rfc",
                "-alias",
                "s3",
                "-keystore",
                store.toString(),
                "-storepass",
                PASSWORD,
                "-file",
                shared.resolve("ca.pem").toString());
    }

    private static void keytool(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        command.addAll(List.of(arguments));
        Path log = shared.resolve("keytool.log");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        assertThat(process.waitFor()).as(Files.readString(log)).isZero();
    }

    private static void startServer() throws IOException {
        Path settings = Files.writeString(
                shared.resolve("s3proxy.conf"),
                String.join(
                        "\n",
                        "s3proxy.secure-endpoint=https://" + ADDRESS + ":443",
                        "s3proxy.keystore-path=" + shared.resolve("store.p12"),
                        "s3proxy.keystore-password=" + PASSWORD,
                        "s3proxy.virtual-host=" + SERVICE,
                        "s3proxy.authorization=aws-v4",
                        "s3proxy.identity=" + ACCESS_KEY,
                        "s3proxy.credential=" + SECRET,
                        "s3proxy.v4-max-non-chunked-request-size=" + 2L * LARGE_BYTES,
                        "jclouds.provider=transient",
                        "jclouds.identity=x",
                        "jclouds.credential=x",
                        ""));
        // Alphabetically, which puts the annotations that it needs where they are found first.
        List<String> jars;
        try (Stream<Path> all = Files.list(JARS)) {
            jars = all.map(Path::toString).sorted().toList();
        }
        server = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx512m",
                        "-cp",
                        String.join(":", jars),
                        "org.gaul.s3proxy.Main",
                        "--properties",
                        settings.toString())
                .redirectErrorStream(true)
                .redirectOutput(shared.resolve("s3proxy.log").toFile())
                .start();
    }

    private static S3Client client() throws IOException {
        TrustManager trust = HttpsTrust.of(Optional.of(shared.resolve("ca.pem")));
        return S3Client.builder()
                .region(Region.of(REGION))
                .endpointOverride(URI.create("https://" + ADDRESS))
                .forcePathStyle(true)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create(ACCESS_KEY, SECRET)))
                .httpClientBuilder(
                        UrlConnectionHttpClient.builder().tlsTrustManagersProvider(() -> new TrustManager[] {trust}))
                .build();
    }

    @AfterAll
    static void stop() throws InterruptedException {
        Process running = server;
        if (running != null) {
            running.destroyForcibly().waitFor();
        }
    }

    private static byte[] content(int bytes, long seed) {
        byte[] content = new byte[bytes];
        new Random(seed).nextBytes(content);
        return content;
    }

    private static void put(String bucket, String key, byte[] content, boolean isPublic) {
        Objects.requireNonNull(s3)
                .putObject(
                        request -> request.bucket(bucket)
                                .key(key)
                                .acl(isPublic ? ObjectCannedACL.PUBLIC_READ : ObjectCannedACL.PRIVATE),
                        RequestBody.fromBytes(content));
    }

    private static void publish(String key, byte[] content, boolean isPublic) throws Exception {
        String hash =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-512").digest(content));
        put(BUCKET, key, content, isPublic);
        put(HASHES, key + ".sha512", (hash + "\n").getBytes(StandardCharsets.US_ASCII), isPublic);
    }

    private record Run(int exitCode, String output) {}

    private Process startFetch(String key, Map<String, String> environment, String... settings) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-Djdk.net.hosts.file=" + shared.resolve("hosts"),
                "-cp",
                System.getProperty("java.class.path"),
                ReceiverMain.class.getName(),
                "software",
                "fetch",
                "https://" + BUCKET + "." + SERVICE + "/" + key));
        Files.createDirectories(directory.resolve("state"));
        for (String setting : List.of(
                "state.directory=" + directory.resolve("state"),
                "aws.region=" + REGION,
                "aws.credentials=chain",
                "aws.ca-file=" + shared.resolve("ca.pem"))) {
            command.addAll(List.of("--set", setting));
        }
        for (String setting : settings) {
            command.addAll(List.of("--set", setting));
        }
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
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

    private static Map<String, String> signedBy(String secret) {
        return Map.of("AWS_ACCESS_KEY_ID", ACCESS_KEY, "AWS_SECRET_ACCESS_KEY", secret);
    }

    private Path current(String name) {
        return directory.resolve("state/software/current").resolve(name).resolve(name);
    }

    @Test
    void publicObjectIsFetchedByAnybody() throws Exception {
        byte[] content = content(3_000_000, 1);
        publish("latest/linux/agent", content, true);

        Run run = fetch("latest/linux/agent");

        assertThat(run.exitCode()).as(run.output()).isZero();
        assertThat(current("agent")).hasBinaryContent(content);
    }

    @Test
    void objectThatIsNotPublicIsFetchedByWhoSigns() throws Exception {
        byte[] content = content(100_000, 2);
        publish("private/agent+1", content, false);
        String open = "software.allow-private-addresses=true";

        Run anonymous = fetch("private/agent+1");
        assertThat(anonymous.exitCode()).isEqualTo(1);
        assertThat(anonymous.output()).contains("HASH_MISSING: ", "answered 403 AccessDenied");
        Run wrong = fetch("private/agent+1", signedBy("WRONG"), open, "software.sign-requests=true");
        assertThat(wrong.exitCode()).isEqualTo(69);
        assertThat(wrong.output()).contains("REFUSED_CREDENTIALS: ", "SignatureDoesNotMatch");
        assertThat(directory.resolve("state/software/current")).doesNotExist();
    }

    @Test
    void signatureIsTakenByTheServerAlsoForUnusualKeys() throws Exception {
        byte[] content = content(100_000, 3);
        publish("private/a=b&c;d+e(1)/tool", content, false);

        Run run = fetch(
                "private/a=b&c;d+e(1)/tool",
                signedBy(SECRET),
                "software.allow-private-addresses=true",
                "software.sign-requests=true");

        assertThat(run.exitCode()).as(run.output()).isZero();
        assertThat(current("tool")).hasBinaryContent(content);
    }

    @Test
    void addressThatIsNotPublicIsRefusedUnlessItIsAllowed() throws Exception {
        publish("latest/linux/other", content(10, 4), true);

        Run run = fetch("latest/linux/other", Map.of());

        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.output()).contains("PRIVATE_ADDRESS: ", ADDRESS, "software.allow-private-addresses");
    }

    @Test
    void fetchThatIsKilledIsCarriedOnWith() throws Exception {
        byte[] content = content(LARGE_BYTES, 5);
        publish("latest/large", content, true);
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
