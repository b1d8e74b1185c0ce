package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import org.replicationserver.receiver.aws.HttpsTrust;

/**
 * An S3 server that is not ours, in a process of its own: over TLS on port 443, by the real names of the buckets. Needs the right to listen
 * there, and the server's jars, which the profile {@code long} brings; without them the test is skipped.
 */
final class S3Server implements AutoCloseable {
    /** Of this machine alone, and hardly anybody else's. */
    static final String ADDRESS = "127.66.15.1";

    private static final String ACCESS_KEY = "AKIDTEST";
    private static final String SECRET = "SECRETTEST";
    private static final String PASSWORD = "test-test";
    private static final Path JARS = Path.of("s3proxy/target/lib");
    private static final long REQUEST_BYTES_MAX = 256 << 20;

    /** Buckets with software, of which each but the last has one with hashes. */
    private static final List<String> BUCKETS = List.of(
            "aws-mgn-clients-",
            "aws-mgn-clients-hashes-",
            "aws-mgn-internal-",
            "aws-mgn-internal-hashes-",
            "aws-application-migration-service-",
            "aws-application-migration-service-hashes-",
            "amazon-ssm-");

    private final Path directory;
    private final String region;
    private final Process process;

    private S3Server(Path directory, String region, Process process) {
        this.directory = directory;
        this.region = region;
        this.process = process;
    }

    /**
     * Starts one and waits until it takes connections.
     *
     * @param directory for what it needs
     */
    static S3Server start(Path directory, String region) throws Exception {
        assumeThat(JARS).as("jars of the S3 server, by mvn -Plong").isDirectory();
        try (ServerSocket probe = new ServerSocket(443, 1, InetAddress.getByName(ADDRESS))) {
            assertThat(probe.isBound()).isTrue();
        } catch (IOException e) {
            assumeThat(e).as("may listen on port 443").isNull();
        }
        Files.createDirectories(directory);
        String service = service(region);
        makeCertificate(directory, service);
        Files.writeString(
                directory.resolve("hosts"),
                BUCKETS.stream()
                        .map(bucket -> ADDRESS + " " + bucket + region + "." + service + "\n")
                        .collect(Collectors.joining()));
        S3Server server = new S3Server(directory, region, launch(directory, service));
        boolean isReady = false;
        try {
            await().atMost(Duration.ofSeconds(60)).until(() -> server.isReady());
            isReady = true;
            return server;
        } finally {
            if (!isReady) {
                server.close();
            }
        }
    }

    private boolean isReady() throws IOException {
        if (!process.isAlive()) {
            throw new AssertionError("it has ended: " + Files.readString(directory.resolve("s3proxy.log")));
        }
        try (Socket socket = new Socket(ADDRESS, 443)) {
            return socket.isConnected();
        } catch (ConnectException e) {
            return false;
        }
    }

    private static String service(String region) {
        return "s3." + region + ".amazonaws.com";
    }

    private static void makeCertificate(Path directory, String service) throws Exception {
        List<String> store = List.of(
                "-alias", "s3", "-keystore", directory.resolve("store.p12").toString(), "-storepass", PASSWORD);
        keytool(
                directory,
                store,
                List.of(
                        "-genkeypair",
                        "-keyalg",
                        "EC",
                        "-groupname",
                        "secp256r1",
                        "-dname",
                        "CN=s3",
                        "-ext",
                        "san=dns:*." + service,
                        "-validity",
                        "2"));
        keytool(
                directory,
                store,
                List.of(
                        "-exportcert",
                        "-rfc",
                        "-file",
                        directory.resolve("ca.pem").toString()));
    }

    private static void keytool(Path directory, List<String> store, List<String> arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        command.addAll(arguments);
        command.addAll(store);
        Path log = directory.resolve("keytool.log");
        Process keytool = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        assertThat(keytool.waitFor()).as(Files.readString(log)).isZero();
    }

    private static Process launch(Path directory, String service) throws IOException {
        Path settings = Files.writeString(
                directory.resolve("s3proxy.conf"),
                String.join(
                        "\n",
                        "s3proxy.secure-endpoint=https://" + ADDRESS + ":443",
                        "s3proxy.keystore-path=" + directory.resolve("store.p12"),
                        "s3proxy.keystore-password=" + PASSWORD,
                        "s3proxy.virtual-host=" + service,
                        "s3proxy.authorization=aws-v4",
                        "s3proxy.identity=" + ACCESS_KEY,
                        "s3proxy.credential=" + SECRET,
                        "s3proxy.v4-max-non-chunked-request-size=" + REQUEST_BYTES_MAX,
                        "jclouds.provider=transient",
                        "jclouds.identity=x",
                        "jclouds.credential=x",
                        ""));
        // Alphabetically, which puts the annotations that it needs where they are found first.
        List<String> jars;
        try (Stream<Path> all = Files.list(JARS)) {
            jars = all.map(Path::toString).sorted().toList();
        }
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx512m",
                        "-cp",
                        String.join(":", jars),
                        "org.gaul.s3proxy.Main",
                        "--properties",
                        settings.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("s3proxy.log").toFile())
                .start();
    }

    /** The certificate that it shows. */
    Path authority() {
        return directory.resolve("ca.pem");
    }

    /** Shows its certificate, and trusts it. */
    SSLContext tls() throws Exception {
        KeyStore store = KeyStore.getInstance(directory.resolve("store.p12").toFile(), PASSWORD.toCharArray());
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, PASSWORD.toCharArray());
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(keys.getKeyManagers(), new TrustManager[] {HttpsTrust.of(Optional.of(authority()))}, null);
        return tls;
    }

    /** What leads the names of the buckets to it, as a JVM's {@code jdk.net.hosts.file}. */
    Path hosts() {
        return directory.resolve("hosts");
    }

    /** A bucket that has one with hashes. */
    String bucket() {
        return "aws-mgn-internal-" + region;
    }

    String address(String key) {
        return "https://" + bucket() + "." + service(region) + "/" + key;
    }

    /** Credentials that it knows. */
    static Map<String, String> credentials(boolean right) {
        return Map.of("AWS_ACCESS_KEY_ID", ACCESS_KEY, "AWS_SECRET_ACCESS_KEY", right ? SECRET : "WRONG");
    }

    /** Puts an object and its hash. */
    void publish(String key, byte[] content, boolean isPublic) throws Exception {
        publish(key, content, content, isPublic);
    }

    /** Puts an object and the hash of another content. */
    void publish(String key, byte[] content, byte[] hashedContent, boolean isPublic) throws Exception {
        String hash =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-512").digest(hashedContent));
        Path object = Files.write(directory.resolve("object"), content);
        Path hashFile = Files.writeString(directory.resolve("hash"), hash + "\n");
        ProcessBuilder put = java(
                S3PutMain.class,
                authority().toString(),
                region,
                Boolean.toString(isPublic),
                bucket(),
                key,
                object.toString(),
                "aws-mgn-internal-hashes-" + region,
                key + ".sha512",
                hashFile.toString());
        put.environment().putAll(credentials(true));
        Path log = directory.resolve("put.log");
        Process putting = put.redirectOutput(log.toFile()).start();
        assertThat(putting.waitFor()).as(Files.readString(log)).isZero();
    }

    /** A program in a process to which the names of the buckets lead here. */
    private ProcessBuilder java(Class<?> main, String... arguments) {
        return java(hosts(), main, arguments);
    }

    /** The same with other names of hosts. */
    ProcessBuilder java(Path hosts, Class<?> main, String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-Djdk.net.hosts.file=" + hosts,
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true);
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }
}
