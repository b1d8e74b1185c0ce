package org.replicationserver.integration;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.replicationserver.process.ChildProcess;
import org.replicationserver.process.Cleanup;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.CreateVolumeRequest;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Snapshot;

/** A stand-in for EC2 in a process of its own: moto, of Debian 13's packages, which are fetched once. Plain HTTP; takes any signature. */
final class MotoServer implements AutoCloseable {
    private static final Path FETCH = Path.of("src/test/moto/fetch-moto.sh");
    private static final Pattern RUNS = Pattern.compile("Running on");
    private static final Duration START_TIMEOUT = Duration.ofMinutes(2);

    private final Cleanup cleanup;
    private final URI endpoint;

    private MotoServer(Cleanup cleanup, URI endpoint) {
        this.cleanup = cleanup;
        this.endpoint = endpoint;
    }

    /** Starts one, or skips the test and says why. */
    static MotoServer start() throws Exception {
        assumeTrue(Commands.isRoot(), "skipped: moto is run in a chroot, which needs root");
        Commands.assumeInstalled("apt-get");
        Path folder = cache().resolve("moto-trixie");
        if (!Files.exists(folder)) {
            Commands.Result fetched = Commands.run(List.of(FETCH.toString(), folder.toString()));
            assumeTrue(fetched.exitCode() == 0, "skipped: moto cannot be fetched: " + fetched.output());
        }
        int port = freePort();
        Cleanup cleanup = new Cleanup();
        ChildProcess moto = ChildProcess.start(
                "moto",
                List.of(
                        "chroot",
                        folder.toString(),
                        "/usr/bin/python3",
                        "-m",
                        "moto.server",
                        "-H",
                        "127.0.0.1",
                        "-p",
                        Integer.toString(port)),
                cleanup);
        moto.awaitLine(RUNS, START_TIMEOUT);
        return new MotoServer(cleanup, URI.create("http://127.0.0.1:" + port));
    }

    private static Path cache() {
        String configured = System.getenv("XDG_CACHE_HOME");
        Path caches = configured == null || configured.isEmpty()
                ? Path.of(Objects.requireNonNull(System.getProperty("user.home")), ".cache")
                : Path.of(configured);
        return caches.resolve("replication-server-tests");
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    URI endpoint() {
        return endpoint;
    }

    /** What a control plane does of its own, and what it looks up. */
    Ec2Client client(String region) {
        return Ec2Client.builder()
                .endpointOverride(endpoint)
                .region(Region.of(region))
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("KEY", "SECRET")))
                .httpClient(UrlConnectionHttpClient.create())
                .build();
    }

    /** Makes a volume of 1 GiB; its id. */
    static String createVolume(Ec2Client ec2, String region) {
        CreateVolumeRequest request = CreateVolumeRequest.builder()
                .availabilityZone(region + "a")
                .size(1)
                .build();
        return ec2.createVolume(request).volumeId();
    }

    static List<Snapshot> snapshotsOf(Ec2Client ec2, String volumeId) {
        Filter ofVolume = Filter.builder().name("volume-id").values(volumeId).build();
        return ec2.describeSnapshots(all -> all.filters(ofVolume)).snapshots();
    }

    @Override
    public void close() {
        cleanup.close();
    }
}
