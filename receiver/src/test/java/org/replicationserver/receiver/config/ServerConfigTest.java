package org.replicationserver.receiver.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.log.LogFormat;
import org.replicationserver.receiver.log.LogLevel;
import org.replicationserver.receiver.session.SessionSettings;
import org.replicationserver.receiver.staging.VolumeDiscovery;
import org.replicationserver.volume.CacheMode;

class ServerConfigTest {
    private static ServerConfig configOf(String... sets) throws ConfigException {
        return ConfigLoader.load(null, Map.of(), List.of(sets)).toServerConfig();
    }

    @Test
    void defaults() throws Exception {
        Path state = Path.of("replication-server-state").toAbsolutePath();
        assertThat(configOf())
                .isEqualTo(new ServerConfig(
                        "replication-server",
                        new ListenConfig("::", 1500, 256 * 1024, 1024),
                        new TlsConfig(TlsEngine.AUTO, Set.of("TLSv1.2"), Duration.ofSeconds(5), 365),
                        state,
                        state.resolve("certificates"),
                        state.resolve("assignments.yaml"),
                        state.resolve("volumes"),
                        SessionSettings.defaults(),
                        0,
                        new VolumeConfig(
                                8 << 20,
                                CacheMode.DIRECT,
                                CacheMode.BUFFERED,
                                VolumeDiscovery.AUTO,
                                Path.of("/run/replication-server/volume-statistics")),
                        new AwsSettings(Optional.empty(), false, false, Optional.empty(), CredentialsSource.INSTANCE),
                        new ControlSettings(
                                ControlMode.LOCAL,
                                Optional.empty(),
                                Optional.empty(),
                                Duration.ofSeconds(5),
                                Duration.ofSeconds(15),
                                Duration.ofSeconds(60),
                                3,
                                20,
                                Duration.ofSeconds(60),
                                Duration.ofSeconds(10),
                                64 << 20),
                        new SnapshotSettings(
                                Optional.empty(),
                                Duration.ofSeconds(60),
                                Duration.ofSeconds(120),
                                Duration.ofSeconds(60),
                                Duration.ofSeconds(15)),
                        new SoftwareSettings(
                                state.resolve("software"),
                                Optional.empty(),
                                1 << 30,
                                Duration.ofHours(1),
                                false,
                                Optional.empty(),
                                false,
                                Optional.empty(),
                                Optional.empty()),
                        new LogConfig(LogFormat.AUTO, LogLevel.INFO)));
    }

    /** A key with a value of its own, and where the value must arrive. By names, because a position would be swapped here too. */
    private record Mapping(String key, String text, Function<ServerConfig, Object> component, Object value) {
        String set() {
            return key + "=" + text;
        }
    }

    private static List<Mapping> mappings() {
        return List.of(
                new Mapping("server.id", "s-1", ServerConfig::serverId, "s-1"),
                new Mapping("listen.address", "127.0.0.1", c -> c.listen().address(), "127.0.0.1"),
                new Mapping("listen.port", "1", c -> c.listen().port(), 1),
                new Mapping(
                        "listen.receive-buffer-bytes", "64KiB", c -> c.listen().receiveBufferBytes(), 64 << 10),
                new Mapping("listen.backlog", "2", c -> c.listen().backlog(), 2),
                new Mapping("tls.engine", "jdk", c -> c.tls().engine(), TlsEngine.JDK),
                new Mapping("tls.protocols", "TLSv1.3", c -> c.tls().protocols(), Set.of("TLSv1.3")),
                new Mapping(
                        "tls.handshake-timeout-seconds",
                        "0.5",
                        c -> c.tls().handshakeTimeout(),
                        Duration.ofMillis(500)),
                new Mapping("tls.certificate-days", "3", c -> c.tls().certificateDays(), 3),
                new Mapping("state.directory", "/s", ServerConfig::stateDirectory, Path.of("/s")),
                new Mapping("cert.directory", "/c", ServerConfig::certDirectory, Path.of("/c")),
                new Mapping("assignments.file", "/a.yaml", ServerConfig::assignmentsFile, Path.of("/a.yaml")),
                new Mapping("image.directory", "/i", ServerConfig::imageDirectory, Path.of("/i")),
                new Mapping("session.region-shift", "21", c -> c.sessions().regionShift(), 21),
                new Mapping("session.streams-max", "4", c -> c.sessions().streamsMax(), 4),
                new Mapping("memory.budget-bytes", "5MiB", c -> c.sessions().memoryBudgetBytes(), 5L << 20),
                new Mapping(
                        "session.first-frame-timeout-seconds",
                        "6",
                        c -> c.sessions().firstFrameTimeout(),
                        Duration.ofSeconds(6)),
                new Mapping(
                        "session.attach-timeout-seconds",
                        "7",
                        c -> c.sessions().attachTimeout(),
                        Duration.ofSeconds(7)),
                new Mapping(
                        "session.ack-interval-seconds",
                        "0.25",
                        c -> c.sessions().ackInterval(),
                        Duration.ofMillis(250)),
                new Mapping(
                        "session.progress-after-seconds",
                        "1.5",
                        c -> c.sessions().progressAfter(),
                        Duration.ofMillis(1500)),
                new Mapping(
                        "session.progress-interval-seconds",
                        "3.5",
                        c -> c.sessions().progressInterval(),
                        Duration.ofMillis(3500)),
                new Mapping(
                        "session.ping-after-seconds", "11", c -> c.sessions().pingAfter(), Duration.ofSeconds(11)),
                new Mapping(
                        "session.dead-after-seconds", "12", c -> c.sessions().deadAfter(), Duration.ofSeconds(12)),
                new Mapping(
                        "session.drain-timeout-seconds",
                        "13",
                        c -> c.sessions().drainTimeout(),
                        Duration.ofSeconds(13)),
                new Mapping(
                        "session.reconnect-after-seconds",
                        "14",
                        c -> c.sessions().reconnectAfter(),
                        Duration.ofSeconds(14)),
                new Mapping("session.key-bytes-max", "15MiB", c -> c.sessions().keyBytesMax(), 15L << 20),
                new Mapping(
                        "session.control-frames-per-second",
                        "16",
                        c -> c.sessions().controlFramesPerSecond(),
                        16),
                new Mapping(
                        "session.control-frames-burst", "17", c -> c.sessions().controlFramesBurst(), 17),
                new Mapping("session.pings-per-second", "18", c -> c.sessions().pingsPerSecond(), 18),
                new Mapping("session.pings-burst", "19", c -> c.sessions().pingsBurst(), 19),
                new Mapping("throttle.server-mbps", "9876", ServerConfig::throttleServerMbps, 9876),
                new Mapping("volume.force-bytes-max", "20MiB", c -> c.volumes().forceBytesMax(), 20L << 20),
                new Mapping(
                        "volume.block-device-cache",
                        "buffered",
                        c -> c.volumes().blockDeviceCache(),
                        CacheMode.BUFFERED),
                new Mapping("volume.image-cache", "direct", c -> c.volumes().imageCache(), CacheMode.DIRECT),
                new Mapping("volume.discovery", "nvme", c -> c.volumes().discovery(), VolumeDiscovery.NVME),
                new Mapping(
                        "volume.statistics-directory",
                        "/run/x",
                        c -> c.volumes().statisticsDirectory(),
                        Path.of("/run/x")),
                new Mapping("aws.region", "eu-north-1", c -> c.aws().region(), Optional.of("eu-north-1")),
                new Mapping("aws.use-fips", "true", c -> "fips " + c.aws().useFips(), "fips true"),
                new Mapping(
                        "aws.use-dual-stack",
                        "true",
                        c -> "dual-stack " + c.aws().useDualStack(),
                        "dual-stack true"),
                new Mapping("aws.ca-file", "/ca.pem", c -> c.aws().caFile(), Optional.of(Path.of("/ca.pem"))),
                new Mapping("aws.credentials", "chain", c -> c.aws().credentials(), CredentialsSource.CHAIN),
                new Mapping("control.mode", "https", c -> c.control().mode(), ControlMode.HTTPS),
                new Mapping(
                        "control.endpoint",
                        "https://[::1]:8443",
                        c -> c.control().endpoint(),
                        Optional.of(URI.create("https://[::1]:8443"))),
                new Mapping(
                        "control.replication-server-id",
                        "i-1",
                        c -> c.control().replicationServerId(),
                        Optional.of("i-1")),
                new Mapping(
                        "control.connect-timeout-seconds",
                        "21",
                        c -> c.control().connectTimeout(),
                        Duration.ofSeconds(21)),
                new Mapping(
                        "control.attempt-timeout-seconds",
                        "22",
                        c -> c.control().attemptTimeout(),
                        Duration.ofSeconds(22)),
                new Mapping(
                        "control.call-timeout-seconds", "23", c -> c.control().callTimeout(), Duration.ofSeconds(23)),
                new Mapping("control.attempts-max", "7", c -> c.control().attemptsMax(), 7),
                new Mapping("control.poll-wait-seconds", "8", c -> c.control().pollWaitSeconds(), 8),
                new Mapping(
                        "control.associations-interval-seconds",
                        "24",
                        c -> c.control().associationsInterval(),
                        Duration.ofSeconds(24)),
                new Mapping(
                        "control.progress-interval-seconds",
                        "27",
                        c -> c.control().progressInterval(),
                        Duration.ofSeconds(27)),
                new Mapping(
                        "control.outbox-bytes-max", "25MiB", c -> c.control().outboxBytesMax(), 25L << 20),
                new Mapping(
                        "snapshot.endpoint",
                        "https://ec2.example:8443",
                        c -> c.snapshots().endpoint(),
                        Optional.of(URI.create("https://ec2.example:8443"))),
                new Mapping("snapshot.hold-seconds", "31", c -> c.snapshots().hold(), Duration.ofSeconds(31)),
                new Mapping(
                        "snapshot.commit-timeout-seconds",
                        "32",
                        c -> c.snapshots().commitTimeout(),
                        Duration.ofSeconds(32)),
                new Mapping(
                        "snapshot.requests-interval-seconds",
                        "33",
                        c -> c.snapshots().requestsInterval(),
                        Duration.ofSeconds(33)),
                new Mapping(
                        "snapshot.completion-interval-seconds",
                        "34",
                        c -> c.snapshots().completionInterval(),
                        Duration.ofSeconds(34)),
                new Mapping("software.directory", "/sw", c -> c.software().directory(), Path.of("/sw")),
                new Mapping(
                        "software.allow-list", "/l.txt", c -> c.software().allowList(), Optional.of(Path.of("/l.txt"))),
                new Mapping("software.bytes-max", "2MiB", c -> c.software().bytesMax(), 2L << 20),
                new Mapping("software.timeout-seconds", "9", c -> c.software().timeout(), Duration.ofSeconds(9)),
                new Mapping(
                        "software.sign-requests",
                        "true",
                        c -> "signed " + c.software().signRequests(),
                        "signed true"),
                new Mapping(
                        "software.vpc-endpoint",
                        "bucket.vpce-0a-1b.s3.eu-test-1.vpce.amazonaws.com",
                        c -> c.software().vpcEndpoint(),
                        Optional.of("bucket.vpce-0a-1b.s3.eu-test-1.vpce.amazonaws.com")),
                new Mapping(
                        "software.allow-private-addresses",
                        "true",
                        c -> "private " + c.software().allowPrivateAddresses(),
                        "private true"),
                new Mapping(
                        "software.signing-key-file",
                        "/k.pem",
                        c -> c.software().signingKeyFile(),
                        Optional.of(Path.of("/k.pem"))),
                new Mapping(
                        "software.mirror-directory",
                        "/m",
                        c -> c.software().mirrorDirectory(),
                        Optional.of(Path.of("/m"))),
                new Mapping("log.format", "json", c -> c.log().format(), LogFormat.JSON),
                new Mapping("log.level", "debug", c -> c.log().level(), LogLevel.DEBUG));
    }

    @Test
    void everyKeyReachesItsComponent() throws Exception {
        List<Mapping> mappings = mappings();
        assertThat(mappings)
                .extracting(Mapping::key)
                .containsExactlyElementsOf(
                        ConfigKeys.all().stream().map(ConfigKey::name).toList());
        assertThat(mappings).extracting(Mapping::value).doesNotHaveDuplicates();

        ServerConfig defaults = configOf();
        ServerConfig config = configOf(mappings.stream().map(Mapping::set).toArray(String[]::new));

        for (Mapping mapping : mappings) {
            assertThat(mapping.component().apply(config)).as(mapping.key()).isEqualTo(mapping.value());
            assertThat(mapping.component().apply(defaults)).as(mapping.key()).isNotEqualTo(mapping.value());
        }
    }

    @Test
    void pathsFollowTheStateDirectoryUnlessTheyAreSet() throws Exception {
        ServerConfig config = configOf("state.directory=/var/lib/rs", "image.directory=images");
        assertThat(config.certDirectory()).isEqualTo(Path.of("/var/lib/rs/certificates"));
        assertThat(config.assignmentsFile()).isEqualTo(Path.of("/var/lib/rs/assignments.yaml"));
        assertThat(config.imageDirectory()).isEqualTo(Path.of("images").toAbsolutePath());
    }

    @Test
    void everyDefaultIsAllowedAndEveryNameIsUsedOnce() {
        Set<String> names = new HashSet<>();
        for (ConfigKey<?> key : ConfigKeys.all()) {
            assertThat(key.type().parse(key.defaultText())).as(key.name()).isNotNull();
            assertThat(names.add(key.name())).as(key.name()).isTrue();
            assertThat(names.add(key.environmentName())).as(key.name()).isTrue();
            assertThat(key.doc()).as(key.name()).doesNotContain("\n").endsWith(".");
        }
    }
}
