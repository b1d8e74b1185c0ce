package org.replicationserver.receiver.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigLoaderTest {
    @TempDir
    private Path directory = Path.of("");

    private Path file = Path.of("");

    @BeforeEach
    void nameTheFile() {
        file = directory.resolve("c.yaml");
    }

    private EffectiveConfig load(String yaml) throws IOException, ConfigException {
        Files.writeString(file, yaml);
        return ConfigLoader.load(file, Map.of(), List.of());
    }

    private List<String> mistakesOf(@Nullable Path path, Map<String, String> environment, List<String> sets) {
        ConfigException e =
                catchThrowableOfType(ConfigException.class, () -> ConfigLoader.load(path, environment, sets));
        assertThat(e).as("mistakes were expected").isNotNull();
        return e.lines().stream()
                .map(line -> line.replace(file.toString(), "c.yaml"))
                .toList();
    }

    private List<String> mistakesOf(String yaml) throws IOException {
        Files.writeString(file, yaml);
        return mistakesOf(file, Map.of(), List.of());
    }

    private List<String> mistakesOfSet(String... sets) {
        return mistakesOf(null, Map.of(), List.of(sets));
    }

    @Test
    void setGoesBeforeEnvironmentBeforeFileBeforeDefault() throws Exception {
        Files.writeString(file, "listen.port: 1\nlisten.backlog: 2\nserver.id: from-file\n");
        EffectiveConfig config = ConfigLoader.load(
                file,
                Map.of("REPLICATION_SERVER_LISTEN_PORT", "11", "REPLICATION_SERVER_LISTEN_BACKLOG", "12"),
                List.of("listen.port=21"));

        assertThat(config.get(ConfigKeys.LISTEN_PORT)).isEqualTo(21);
        assertThat(config.origin(ConfigKeys.LISTEN_PORT)).isEqualTo("--set");
        assertThat(config.get(ConfigKeys.LISTEN_BACKLOG)).isEqualTo(12);
        assertThat(config.origin(ConfigKeys.LISTEN_BACKLOG)).isEqualTo("environment REPLICATION_SERVER_LISTEN_BACKLOG");
        assertThat(config.get(ConfigKeys.SERVER_ID)).isEqualTo("from-file");
        assertThat(config.origin(ConfigKeys.SERVER_ID)).isEqualTo(file + ":3");
        assertThat(config.get(ConfigKeys.LISTEN_ADDRESS)).isEqualTo("::");
        assertThat(config.origin(ConfigKeys.LISTEN_ADDRESS)).isEqualTo("default");
    }

    @Test
    void environmentNameFollowsFromTheKey() {
        assertThat(ConfigKeys.LISTEN_RECEIVE_BUFFER_BYTES.environmentName())
                .isEqualTo("REPLICATION_SERVER_LISTEN_RECEIVE_BUFFER_BYTES");
    }

    @Test
    void mapsAndDottedKeysMeanTheSame() throws Exception {
        EffectiveConfig config =
                load("listen:\n  port: 7\n  backlog: 8\nserver.id: a\nsession: {ping-after-seconds: 1}\n");
        assertThat(config.get(ConfigKeys.LISTEN_PORT)).isEqualTo(7);
        assertThat(config.get(ConfigKeys.LISTEN_BACKLOG)).isEqualTo(8);
        assertThat(config.get(ConfigKeys.SESSION_PING_AFTER)).hasSeconds(1);
    }

    @ParameterizedTest
    @CsvSource({"'[TLSv1.2, TLSv1.3]'", "'[\"TLSv1.3\", TLSv1.2]'", "'TLSv1.3, TLSv1.2'"})
    void listsAreSequencesOrWordsWithCommas(String value) throws Exception {
        assertThat(load("tls.protocols: " + value + "\n").get(ConfigKeys.TLS_PROTOCOLS))
                .containsExactlyInAnyOrder("TLSv1.2", "TLSv1.3");
    }

    @Test
    void emptyFilesAndEmptySectionsSetNothing() throws Exception {
        for (String yaml : List.of("", "# nothing\n", "---\n", "listen:\ntls:\n  # none\n")) {
            assertThat(load(yaml).origin(ConfigKeys.LISTEN_PORT)).isEqualTo("default");
        }
    }

    @Test
    void unknownKeysAreRefusedWithTheNearestKnownOne() throws Exception {
        assertThat(mistakesOf("listen:\n  prot: 5\n"))
                .containsExactly("c.yaml:2: unknown key listen.prot; nearest known: listen.port");
        assertThat(mistakesOf("lisen.port: 5\n"))
                .containsExactly("c.yaml:1: unknown key lisen.port; nearest known: listen.port");
        assertThat(mistakesOfSet("listen.port.x=5"))
                .containsExactly("--set: unknown key listen.port.x; nearest known: listen.port");
        assertThat(mistakesOf(null, Map.of("REPLICATION_SERVER_LISTEN_PROT", "5", "OTHER", "x"), List.of()))
                .containsExactly("environment: unknown variable REPLICATION_SERVER_LISTEN_PROT; nearest known:"
                        + " REPLICATION_SERVER_LISTEN_PORT");
    }

    private static Map<String, String> environmentOf(String... variables) {
        return Stream.of(variables)
                .map(variable -> variable.split("=", 2))
                .collect(Collectors.toMap(parts -> "REPLICATION_SERVER_" + parts[0], parts -> parts[1]));
    }

    @Test
    void variablesOfAKubernetesServiceOfOurNameArePassedOver() throws Exception {
        Map<String, String> environment = environmentOf(
                "SERVICE_HOST=10.0.0.1",
                "SERVICE_PORT=1500",
                "SERVICE_PORT_AGENTS_TLS=1500",
                "PORT=tcp://10.0.0.1:1500",
                "PORT_1500_TCP=tcp://10.0.0.1:1500",
                "PORT_1500_TCP_PROTO=tcp",
                "PORT_1500_TCP_PORT=1500",
                "PORT_1500_TCP_ADDR=10.0.0.1",
                "LISTEN_PORT=7");
        EffectiveConfig config = ConfigLoader.load(null, environment, List.of());
        assertThat(config.toServerConfig())
                .isEqualTo(ConfigLoader.load(null, Map.of(), List.of("listen.port=7"))
                        .toServerConfig());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "PORT=1500",
                "PORTS=tcp://10.0.0.1:1500",
                "LISEN_PORT=tcp://10.0.0.1:1500",
                "PORT_X_TCP=1",
                "PORT_1500_TCP_NAME=1",
                "SERVICE_HOSTS=1"
            })
    void variableThatOnlyLooksLikeOneOfAServiceIsRefused(String variable) {
        String name = variable.substring(0, variable.indexOf('='));
        assertThat(mistakesOf(null, environmentOf(variable), List.of()))
                .singleElement()
                .asString()
                .startsWith("environment: unknown variable REPLICATION_SERVER_" + name + "; nearest known: ");
    }

    @Test
    void noKeyHasTheNameOfAVariableOfAService() {
        assertThat(ConfigKeys.all())
                .noneMatch(key -> ServiceLinks.contain(key.environmentName(), "tcp://10.0.0.1:1500"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "listen.port     | 65536       | an integer from 0 to 65535",
                "listen.port     | -1          | an integer from 0 to 65535",
                "listen.port     | 1500.0      | an integer from 0 to 65535",
                "listen.port     | ''          | an integer from 0 to 65535",
                "listen.port     | 99999999999 | an integer from 0 to 65535",
                "listen.address  | localhost   | an IPv4 or IPv6 address; :: is all addresses of both families",
                "listen.address  | 1500        | an IPv4 or IPv6 address; :: is all addresses of both families",
                "listen.address  | 256.1.1.1   | an IPv4 or IPv6 address; :: is all addresses of both families",
                "tls.engine      | OpenSSL     | auto or openssl or jdk",
                "tls.protocols   | TLSv1.1     | one or more of TLSv1.2, TLSv1.3",
                "tls.protocols   | ''          | one or more of TLSv1.2, TLSv1.3",
                "tls.protocols   | TLSv1.2,TLSv1.2 | one or more of TLSv1.2, TLSv1.3",
                "server.id       | a b         | 1 to 64 of A-Z a-z 0-9 . _ -",
                "state.directory | ''          | a path; a relative one starts at the working directory",
                "session.region-shift | 19     | an integer from 20 to 30",
                "session.streams-max  | 17     | an integer from 1 to 16",
                "session.drain-timeout-seconds | 1e3    | seconds from 0 to 3600",
                "session.drain-timeout-seconds | 0.0001 | seconds from 0 to 3600",
                "session.ack-interval-seconds  | 6      | seconds from 0.01 to 5",
                "volume.force-bytes-max | 8MB   | bytes from 64KiB to 1GiB, as a plain number or in KiB, MiB, GiB, TiB",
                "volume.image-cache     | none  | direct or buffered",
                "aws.use-fips       | yes   | true or false",
                "aws.region         | US    | the name of a region, as us-east-1, or empty",
                "aws.region         | us-east | the name of a region, as us-east-1, or empty",
                "aws.region         | us-east-1- | the name of a region, as us-east-1, or empty",
                "aws.region         | us-east-1.a.test | the name of a region, as us-east-1, or empty",
                "software.vpc-endpoint | bucket.vpce-1-.s3.us-east-1.vpce.a.test | a name as bucket.vpce-0123456789abcdef0-01234567.s3.us-east-1.vpce.amazonaws.com, or empty",
                "software.vpc-endpoint | bucket.vpce-1.s3.us.vpce.a.test | a name as bucket.vpce-0123456789abcdef0-01234567.s3.us-east-1.vpce.amazonaws.com, or empty",
                "control.endpoint | http://a.test      | https://HOST or https://HOST:PORT, or empty",
                "control.endpoint | a.test             | https://HOST or https://HOST:PORT, or empty",
                "control.endpoint | https://a.test/x   | https://HOST or https://HOST:PORT, or empty",
                "control.endpoint | https://u@a.test   | https://HOST or https://HOST:PORT, or empty",
                "control.endpoint | https://a.test:0   | https://HOST or https://HOST:PORT, or empty",
                "control.endpoint | https://a.test?x=y | https://HOST or https://HOST:PORT, or empty"
            })
    void valueOutOfRangeIsOneLineWithKeyValueAndWhatIsAllowed(String key, String value, String allowed) {
        assertThat(mistakesOfSet(key + "=" + value))
                .containsExactly("--set: " + key + "=" + value + "; allowed: " + allowed);
    }

    @Test
    void everySourceTellsItsPlace() throws Exception {
        assertThat(mistakesOf("server.id: a\nlisten.port: x\n"))
                .containsExactly("c.yaml:2: listen.port=x; allowed: an integer from 0 to 65535");
        assertThat(mistakesOf(null, Map.of("REPLICATION_SERVER_LISTEN_PORT", "x"), List.of()))
                .containsExactly(
                        "environment REPLICATION_SERVER_LISTEN_PORT: listen.port=x; allowed: an integer from 0 to"
                                + " 65535");
    }

    @Test
    void allMistakesAreToldAlsoThoseOfOverriddenValues() throws Exception {
        Files.writeString(file, "listen.port: x\ntls.engine: y\n");
        assertThat(mistakesOf(file, Map.of("REPLICATION_SERVER_TLS_ENGINE", "z"), List.of("listen.port=1", "a")))
                .containsExactly(
                        "c.yaml:1: listen.port=x; allowed: an integer from 0 to 65535",
                        "c.yaml:2: tls.engine=y; allowed: auto or openssl or jdk",
                        "environment REPLICATION_SERVER_TLS_ENGINE: tls.engine=z; allowed: auto or openssl or jdk",
                        "--set: a; allowed: KEY=VALUE");
    }

    @Test
    void duplicatesAreRefused() throws Exception {
        assertThat(mistakesOf("listen.port: 1\nlisten.port: 2\n"))
                .containsExactly("c.yaml:2: key listen.port is given twice, first at c.yaml:1");
        assertThat(mistakesOf("listen.port: 1\nlisten:\n  port: 2\n"))
                .containsExactly("c.yaml:3: key listen.port is given twice, first at c.yaml:1");
        assertThat(mistakesOfSet("listen.port=1", "listen.port=2"))
                .containsExactly("--set: key listen.port is given twice");
    }

    @Test
    void shapesThatAreNoValueAreRefused() throws Exception {
        assertThat(mistakesOf("listen: 5\n"))
                .containsExactly("c.yaml:1: listen is a section, it has the keys listen.address, listen.port,"
                        + " listen.receive-buffer-bytes, listen.backlog");
        assertThat(mistakesOf("listen.port:\n"))
                .containsExactly("c.yaml:1: listen.port=; allowed: an integer from 0 to 65535");
        assertThat(mistakesOf("listen.port: [1]\n"))
                .containsExactly("c.yaml:1: listen.port=a list; allowed: an integer from 0 to 65535");
        assertThat(mistakesOf("listen.port: {a: 1}\n"))
                .containsExactly("c.yaml:1: listen.port=a map; allowed: an integer from 0 to 65535");
        assertThat(mistakesOf("tls.protocols: [[TLSv1.2]]\n"))
                .containsExactly("c.yaml:1: tls.protocols=?; allowed: one or more of TLSv1.2, TLSv1.3");
        assertThat(mistakesOf("- listen.port\n")).containsExactly("c.yaml:1: the file is not a map of keys and values");
        assertThat(mistakesOf("just text\n")).containsExactly("c.yaml:1: the file is not a map of keys and values");
    }

    @Test
    void aliasesAreRefusedEvenEndlessOnes() throws Exception {
        assertThat(mistakesOf("server.id: &a x\nlisten: &b {c: *b}\n"))
                .containsExactly(
                        "c.yaml:1: anchors and aliases are not allowed here",
                        "c.yaml:2: anchors and aliases are not allowed here");
    }

    @Test
    void filesThatAreNoneAreOneLine() throws Exception {
        assertThat(mistakesOf(file, Map.of(), List.of()))
                .containsExactly("c.yaml: cannot be read: no such file or directory");
        assertThat(mistakesOf("listen.address: ::\n"))
                .hasSize(1)
                .first()
                .asString()
                .startsWith("c.yaml:1: ");
        assertThat(mistakesOf("a: [1\n"))
                .hasSize(1)
                .first()
                .asString()
                .startsWith("c.yaml:")
                .contains("not YAML");
        assertThat(mistakesOf("a: 1\n---\nb: 2\n"))
                .hasSize(1)
                .first()
                .asString()
                .contains("not YAML");
        assertThat(mistakesOf("a: !!x%20 1\n"))
                .containsExactly("c.yaml: not YAML: Tag must not contain leading or trailing spaces.");
        Files.write(file, "a: \u00e4".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(mistakesOf(file, Map.of(), List.of())).containsExactly("c.yaml: not UTF-8");
        Files.write(file, new byte[3 << 20]);
        assertThat(mistakesOf(file, Map.of(), List.of())).containsExactly("c.yaml: larger than 2MiB");
        assertThat(mistakesOf(directory, Map.of(), List.of()))
                .hasSize(1)
                .first()
                .asString()
                .contains("cannot be read");
    }

    @Test
    void valuesMustFitTogether() throws Exception {
        assertThat(mistakesOf("session.dead-after-seconds: 10\n"))
                .containsExactly("c.yaml:1: session.dead-after-seconds=10; allowed: more than"
                        + " session.ping-after-seconds=10 (default)");
        assertThat(mistakesOfSet("session.ping-after-seconds=31"))
                .containsExactly("default: session.dead-after-seconds=30; allowed: more than"
                        + " session.ping-after-seconds=31 (--set)");
        assertThat(mistakesOfSet("session.control-frames-burst=99"))
                .containsExactly("--set: session.control-frames-burst=99; allowed: at least"
                        + " session.control-frames-per-second=100 (default)");
        assertThat(mistakesOfSet("session.pings-burst=1"))
                .containsExactly(
                        "--set: session.pings-burst=1; allowed: at least session.pings-per-second=2 (default)");
        assertThat(mistakesOfSet("control.call-timeout-seconds=14"))
                .containsExactly("--set: control.call-timeout-seconds=14; allowed: at least"
                        + " control.attempt-timeout-seconds=15 (default)");
    }

    @Test
    void stateDirectoryLeavesRoomForThePathOfItsSocket() throws Exception {
        String longest = "/" + "s".repeat(92);
        assertThat(ConfigLoader.load(null, Map.of(), List.of("state.directory=" + longest))
                        .toServerConfig()
                        .adminSocket()
                        .toString())
                .hasSize(106);
        assertThat(mistakesOfSet("state.directory=" + longest + "s"))
                .containsExactly("--set: state.directory=" + longest + "s; allowed: a directory in which the absolute"
                        + " path of admin.socket has at most 106 bytes, here it has 107");
    }

    /** Not a number from a manual: the JDK takes less than the kernel does. */
    @Test
    void longestPathOfASocketIsTheLongestThatCanBeBound() throws Exception {
        Path longest = directory.resolve("s".repeat(106 - directory.toString().length() - 1));
        try (ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            assertThat(socket.bind(UnixDomainSocketAddress.of(longest)).getLocalAddress())
                    .hasToString(longest.toString());
        }
        try (ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            assertThatThrownBy(() -> socket.bind(UnixDomainSocketAddress.of(longest + "s")))
                    .hasMessageContaining("too long");
        }
    }

    @Test
    void valueThatIsWrongByItselfIsNotComparedToo() {
        assertThat(mistakesOfSet("session.dead-after-seconds=0")).hasSize(1);
    }
}
