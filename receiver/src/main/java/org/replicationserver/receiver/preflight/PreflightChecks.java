package org.replicationserver.receiver.preflight;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.aws.Credentials;
import org.replicationserver.receiver.aws.HttpsConnections;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.aws.InstanceMetadata;
import org.replicationserver.receiver.aws.RoleCredentials;
import org.replicationserver.receiver.aws.ServiceEndpoints;
import org.replicationserver.receiver.config.AllowListFile;
import org.replicationserver.receiver.config.AllowListFile.Rule;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.software.AllowList;
import org.replicationserver.receiver.software.SoftwareException;
import org.replicationserver.receiver.staging.NvmeScanner;
import org.replicationserver.receiver.staging.VolumeLocator;

/** The checks of a server's configuration. Making those of the machine asks nobody anything. */
public final class PreflightChecks implements AutoCloseable {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(4);
    private static final Duration SILENCE_TIMEOUT = Duration.ofSeconds(4);
    private static final String CONTROL_PLANE = "control plane";
    private static final String EC2 = "EC2";
    private static final String STATE_DIRECTORY = "state.directory";
    private static final String CERT_DIRECTORY = "cert.directory";
    private static final String IMAGE_DIRECTORY = "image.directory";
    private static final String LOCAL = "not needed, since control.mode is local";

    /** Own addresses beyond these are not dialled. */
    private static final int ADDRESSES_MAX = 8;

    private final ServerConfig config;
    private final HttpsTrust trust;
    private final HttpsConnections connections;
    private final InstanceMetadata metadata = new InstanceMetadata(InstanceMetadata.configuredAddress());
    private final Clock clock;

    /**
     * Reads {@code aws.ca-file}, if there is one.
     *
     * @throws IOException with a sentence for the operator when it cannot be used
     */
    public PreflightChecks(ServerConfig config, Clock clock) throws IOException {
        this.config = config;
        this.clock = clock;
        this.trust = HttpsTrust.of(config.aws().caFile());
        this.connections = new HttpsConnections(trust, CONNECT_TIMEOUT, SILENCE_TIMEOUT);
    }

    /**
     * All checks, in the order in which they are told. Asks the instance for the region of buckets, where none is set: some seconds.
     *
     * @param assigned by the assignments file; empty where a control plane assigns
     * @param software buckets that software may come from
     * @param running null where no server runs with this configuration
     * @param records what a server that does not run would know of a source server, by its id
     */
    public List<PreflightCheck> all(
            List<AssignedSource> assigned,
            List<Rule> software,
            @Nullable RunningServer running,
            Function<String, SourceRecord> records)
            throws InterruptedException {
        List<PreflightCheck> checks = new ArrayList<>(services());
        checks.addAll(buckets(software));
        if (running != null) {
            checks.addAll(ofMachine(config, clock, assigned, running));
            return checks;
        }
        checks.addAll(besideVolumes(config, clock, assigned, null));
        if (config.control().mode() == ControlMode.HTTPS) {
            checks.add(skipped("volumes", "the control plane assigns them, and no server runs that it has told"));
        } else {
            assigned.forEach(source -> checks.addAll(volumes(source.assignment(), records)));
        }
        return checks;
    }

    private static List<PreflightCheck> volumes(SourceAssignment assignment, Function<String, SourceRecord> records) {
        SourceRecord record = records.apply(assignment.sourceServerId());
        VolumeLocator locator = new VolumeLocator(NvmeScanner.ofThisMachine());
        return assignment.volumes().stream()
                .<PreflightCheck>map(volume -> new VolumeCheck(volume, record, locator))
                .toList();
    }

    /** Those that look at the machine of a server that runs, and so cost little. */
    public static List<PreflightCheck> ofMachine(
            ServerConfig config, Clock clock, List<AssignedSource> assigned, RunningServer running) {
        List<PreflightCheck> checks = new ArrayList<>(besideVolumes(config, clock, assigned, running));
        running.volumes().forEach((id, trouble) -> checks.add(new ServedVolumeCheck(id, trouble)));
        return checks;
    }

    private static List<PreflightCheck> besideVolumes(
            ServerConfig config, Clock clock, List<AssignedSource> assigned, @Nullable RunningServer running) {
        List<PreflightCheck> checks = new ArrayList<>(listeners(config, running));
        checks.add(new CertificateCheck(config, clock));
        checks.add(new DirectoryCheck(STATE_DIRECTORY, config.stateDirectory()));
        checks.add(new DirectoryCheck(CERT_DIRECTORY, config.certDirectory()));
        checks.add(new DirectoryCheck(IMAGE_DIRECTORY, config.imageDirectory()));
        List<VolumeAssignment> volumes = assigned.stream()
                .flatMap(source -> source.assignment().volumes().stream())
                .toList();
        checks.add(new SpaceCheck(images(volumes)));
        return checks;
    }

    private static List<SpaceCheck.Image> images(List<VolumeAssignment> volumes) {
        List<SpaceCheck.Image> images = new ArrayList<>();
        for (VolumeAssignment volume : volumes) {
            Path path = volume.path();
            if (path != null && volume.isImageFile()) {
                images.add(new SpaceCheck.Image(path, volume.sizeBytes()));
            }
        }
        return images;
    }

    private static List<PreflightCheck> listeners(ServerConfig config, @Nullable RunningServer running) {
        int port = running == null ? config.listen().port() : running.port();
        if (port == 0) {
            String why = running == null
                    ? "listen.port is 0: any free port, which is not known here"
                    : "what is said of the server comes first";
            return List.of(skipped(ListenerCheck.NAME, why));
        }
        return addresses(config).stream()
                .<PreflightCheck>map(
                        address -> new ListenerCheck(address, port, config.certDirectory(), running != null))
                .toList();
    }

    /** Whether a check is of this server alone, and not of what it reaches or was given. */
    public static boolean isOfTheServer(String check) {
        return check.startsWith(ListenerCheck.NAME)
                || check.equals(CertificateCheck.NAME)
                || check.equals(STATE_DIRECTORY)
                || check.equals(CERT_DIRECTORY)
                || check.equals(IMAGE_DIRECTORY);
    }

    // --- services

    private List<PreflightCheck> services() {
        boolean local = config.control().mode() == ControlMode.LOCAL;
        boolean asked = config.aws().region().isEmpty()
                || config.control().replicationServerId().isEmpty()
                || config.aws().credentials() == CredentialsSource.INSTANCE;
        PreflightCheck instance = new MetadataCheck(metadata, !local && asked);
        if (local) {
            return List.of(skipped(CONTROL_PLANE, LOCAL), skipped(EC2, LOCAL), instance, skipped("credentials", LOCAL));
        }
        return List.of(
                ofRegion(CONTROL_PLANE, "mgn", config.control().endpoint(), false),
                ofRegion(EC2, "ec2", config.snapshots().endpoint(), false),
                ofRegion("clock", "mgn", config.control().endpoint(), true),
                instance,
                new CredentialsCheck(config.aws().credentials(), this::credentials, clock));
    }

    private static PreflightCheck skipped(String name, String why) {
        return check(name, () -> Finding.skip(why));
    }

    private interface Look {
        Finding look() throws InterruptedException;
    }

    private static PreflightCheck check(String name, Look look) {
        return new PreflightCheck() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public Finding look() throws InterruptedException {
                return look.look();
            }
        };
    }

    /** Which region it is, the instance may have to be asked. */
    private PreflightCheck ofRegion(String name, String service, Optional<URI> set, boolean isClock) {
        return check(name, () -> {
            try {
                URI endpoint = set.isPresent() ? set.get() : endpoint(service);
                return isClock
                        ? new ClockCheck(endpoint, connections, clock).look()
                        : new EndpointCheck(name, endpoint, connections, trust).look();
            } catch (IOException e) {
                return isClock ? ClockCheck.notCompared("whose region is not known") : regionUnknown(e);
            }
        });
    }

    /** Of each bucket that software may come from: S3 answers for it, whatever it says to nobody. */
    private List<PreflightCheck> buckets(List<Rule> software) throws InterruptedException {
        String name = "software buckets";
        if (software.isEmpty()) {
            return List.of(skipped(name, "not needed, since software.allow-list names none"));
        }
        if (config.software().mirrorDirectory().isPresent()) {
            Path mirror = config.software().mirrorDirectory().get();
            return List.of(check(
                    name,
                    () -> Files.isDirectory(mirror)
                            ? Finding.skip("not needed, since software.mirror-directory is taken in the place of S3")
                            : Finding.misconfigured(
                                    "software.mirror-directory=" + mirror + " is not there, or is no directory",
                                    "Mount or make it, or correct software.mirror-directory.")));
        }
        if (config.control().mode() == ControlMode.LOCAL
                && config.aws().region().isEmpty()) {
            return List.of(skipped(name, LOCAL + ", and aws.region is not set"));
        }
        String region;
        try {
            region = region();
        } catch (IOException e) {
            return List.of(check(name, () -> regionUnknown(e)));
        }
        return software.stream()
                .flatMap(rule -> Stream.of(rule.objects(), rule.hashes()))
                .filter(Objects::nonNull)
                .map(pattern -> pattern.replace(AllowListFile.REGION, region))
                .distinct()
                .map(bucket -> bucket(bucket, region, software))
                .toList();
    }

    private PreflightCheck bucket(String bucket, String region, List<Rule> software) {
        String name = "bucket " + bucket;
        return check(name, () -> {
            try {
                AllowList.Hosts hosts = new AllowList.Hosts(
                        config.aws().useFips(),
                        config.aws().useDualStack(),
                        config.software().vpcEndpoint().orElse(null));
                URI address = AllowList.of(software, region, hosts).addressOf(bucket);
                return new EndpointCheck(name, address, connections, trust).look();
            } catch (SoftwareException e) {
                return Finding.misconfigured(String.valueOf(e.getMessage()), e.nextAction());
            }
        });
    }

    private static Finding regionUnknown(IOException why) {
        return Finding.fail(
                "its region is not known: " + why.getMessage(), "Set aws.region, or allow IMDSv2 on the instance.");
    }

    private String region() throws IOException, InterruptedException {
        return config.aws().region().isPresent() ? config.aws().region().get() : metadata.region();
    }

    private URI endpoint(String service) throws IOException, InterruptedException {
        AwsSettings aws = config.aws();
        return ServiceEndpoints.of(service, region(), aws.useFips(), aws.useDualStack());
    }

    private CredentialsCheck.Found credentials() {
        if (config.aws().credentials() == CredentialsSource.INSTANCE) {
            return roleCredentials();
        }
        Instant end = Credentials.of(CredentialsSource.CHAIN).expiration().orElse(Instant.MAX);
        return new CredentialsCheck.Found("found by aws.credentials=chain", end);
    }

    private CredentialsCheck.Found roleCredentials() {
        try {
            RoleCredentials role =
                    metadata.roleCredentials().orElseThrow(() -> new IllegalStateException("the instance has no role"));
            Instant end = role.expiration();
            if (end == null) {
                throw new IllegalStateException("the role " + role.role() + " has none: " + role.code());
            }
            return new CredentialsCheck.Found("role " + role.role(), end);
        } catch (IOException e) {
            throw new IllegalStateException(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    // --- this machine

    /** The address that is set, or all of the machine's own where it is that of all. */
    private static List<InetAddress> addresses(ServerConfig config) {
        try {
            InetAddress set = InetAddress.getByName(config.listen().address());
            return set.isAnyLocalAddress() ? ownAddresses() : List.of(set);
        } catch (UnknownHostException | SocketException e) {
            return List.of(InetAddress.getLoopbackAddress());
        }
    }

    private static List<InetAddress> ownAddresses() throws SocketException {
        return NetworkInterface.networkInterfaces()
                .flatMap(network -> Collections.list(network.getInetAddresses()).stream())
                .filter(address -> !address.isLinkLocalAddress())
                .limit(ADDRESSES_MAX)
                .toList();
    }

    @Override
    public void close() {
        metadata.close();
    }
}
