package org.replicationserver.integration;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
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
    private static final Pattern RUNS = Pattern.compile("Running on (http://127\\.0\\.0\\.1:[0-9]+)");

    /** It takes half a minute; a machine that cannot reach the mirror does without the tests rather than wait for longer. */
    private static final String FETCH_SECONDS_MAX = "120";

    private static final Duration START_TIMEOUT = Duration.ofMinutes(2);

    /** Why moto cannot be had, so that only one test class finds out; null as long as nobody has. */
    private static @Nullable String missing;

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
        fetch(folder);
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
                        "0"),
                cleanup);
        return new MotoServer(
                cleanup, URI.create(moto.awaitLine(RUNS, START_TIMEOUT).group(1)));
    }

    private static synchronized void fetch(Path folder) throws Exception {
        if (missing == null && !Files.exists(folder)) {
            Commands.Result fetched = Commands.run(
                    List.of("timeout", "--kill-after=10", FETCH_SECONDS_MAX, FETCH.toString(), folder.toString()));
            missing = fetched.exitCode() == 0 ? null : fetched.toString();
        }
        assumeTrue(
                missing == null,
                "skipped: moto cannot be fetched from the Debian mirror of this machine within " + FETCH_SECONDS_MAX
                        + " s: " + missing);
    }

    private static Path cache() {
        String configured = System.getenv("XDG_CACHE_HOME");
        Path caches = configured == null || configured.isEmpty()
                ? Path.of(Objects.requireNonNull(System.getProperty("user.home")), ".cache")
                : Path.of(configured);
        return caches.resolve("replication-server-tests");
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
