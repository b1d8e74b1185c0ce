package org.replicationserver.receiver.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.session.SessionSettings;
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
                        new VolumeConfig(8 << 20, CacheMode.DIRECT, CacheMode.BUFFERED)));
    }

    @Test
    void everyKeyReachesItsComponent() throws Exception {
        String[] sets = {
            "server.id=s-1",
            "listen.address=127.0.0.1",
            "listen.port=1",
            "listen.receive-buffer-bytes=64KiB",
            "listen.backlog=2",
            "tls.engine=jdk",
            "tls.protocols=TLSv1.3",
            "tls.handshake-timeout-seconds=0.5",
            "tls.certificate-days=3",
            "state.directory=/s",
            "cert.directory=/c",
            "assignments.file=/a.yaml",
            "image.directory=/i",
            "session.region-shift=21",
            "session.streams-max=4",
            "memory.budget-bytes=5MiB",
            "session.first-frame-timeout-seconds=6",
            "session.attach-timeout-seconds=7",
            "session.ack-interval-seconds=0.25",
            "session.progress-after-seconds=1.5",
            "session.progress-interval-seconds=3",
            "session.ping-after-seconds=11",
            "session.dead-after-seconds=12",
            "session.drain-timeout-seconds=13",
            "session.reconnect-after-seconds=14",
            "session.key-bytes-max=15MiB",
            "session.control-frames-per-second=16",
            "session.control-frames-burst=17",
            "session.pings-per-second=18",
            "session.pings-burst=19",
            "volume.force-bytes-max=20MiB",
            "volume.block-device-cache=buffered",
            "volume.image-cache=direct"
        };
        assertThat(Stream.of(sets).map(set -> set.substring(0, set.indexOf('='))))
                .containsExactlyElementsOf(
                        ConfigKeys.all().stream().map(ConfigKey::name).toList());
        assertThat(configOf(sets))
                .isEqualTo(new ServerConfig(
                        "s-1",
                        new ListenConfig("127.0.0.1", 1, 64 * 1024, 2),
                        new TlsConfig(TlsEngine.JDK, Set.of("TLSv1.3"), Duration.ofMillis(500), 3),
                        Path.of("/s"),
                        Path.of("/c"),
                        Path.of("/a.yaml"),
                        Path.of("/i"),
                        new SessionSettings(
                                21,
                                4,
                                5 << 20,
                                Duration.ofSeconds(6),
                                Duration.ofSeconds(7),
                                Duration.ofMillis(250),
                                Duration.ofMillis(1500),
                                Duration.ofSeconds(3),
                                Duration.ofSeconds(11),
                                Duration.ofSeconds(12),
                                Duration.ofSeconds(13),
                                Duration.ofSeconds(14),
                                15 << 20,
                                16,
                                17,
                                18,
                                19),
                        new VolumeConfig(20 << 20, CacheMode.BUFFERED, CacheMode.DIRECT)));
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
