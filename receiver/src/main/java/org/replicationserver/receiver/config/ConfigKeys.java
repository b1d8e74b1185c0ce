package org.replicationserver.receiver.config;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.log.LogFormat;
import org.replicationserver.receiver.log.LogLevel;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.SourceMemory;
import org.replicationserver.receiver.staging.VolumeDiscovery;
import org.replicationserver.volume.CacheMode;

/**
 * The table of all keys: name, type with unit and range, default, and what it is for. The only place where they are written down;
 * the loader, the messages, {@code default-config} and {@code check-config} all read it.
 */
final class ConfigKeys {
    private static final long KIB = 1L << 10;
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;
    private static final long HOUR_MILLIS = 3_600_000;

    private static final List<ConfigKey<?>> TABLE = new ArrayList<>();

    static final ConfigKey<String> SERVER_ID = key(
            "server.id",
            ValueType.id(IdForm.SERVER),
            "replication-server",
            "Name of this server, in its certificate and for people.");

    static final ConfigKey<String> LISTEN_ADDRESS =
            key("listen.address", ValueType.ipAddress(), "::", "Address on which agents are accepted.");
    static final ConfigKey<Integer> LISTEN_PORT = key(
            "listen.port",
            ValueType.integer(0, 65535),
            "1500",
            "Port on which agents are accepted; 0 takes a free one.");
    static final ConfigKey<Long> LISTEN_RECEIVE_BUFFER_BYTES = key(
            "listen.receive-buffer-bytes",
            ValueType.bytes(4 * KIB, 64 * MIB),
            "256KiB",
            "Receive buffer of each connection in the kernel.");
    static final ConfigKey<Integer> LISTEN_BACKLOG = key(
            "listen.backlog",
            ValueType.integer(1, 65535),
            "1024",
            "Connections that the kernel keeps until they are accepted.");

    static final ConfigKey<TlsEngine> TLS_ENGINE = key(
            "tls.engine",
            ValueType.choice(TlsEngine.class),
            "auto",
            "Implementation of TLS; auto is openssl where its native library loads, jdk otherwise.");
    static final ConfigKey<Set<String>> TLS_PROTOCOLS = key(
            "tls.protocols",
            ValueType.choices(List.of("TLSv1.2", "TLSv1.3")),
            "TLSv1.2",
            "Versions of TLS that are spoken.");
    static final ConfigKey<Duration> TLS_HANDSHAKE_TIMEOUT = key(
            "tls.handshake-timeout-seconds",
            ValueType.seconds(100, 60_000),
            "5",
            "A handshake that takes longer is closed.");
    static final ConfigKey<Integer> TLS_CERTIFICATE_DAYS = key(
            "tls.certificate-days",
            ValueType.integer(1, 3650),
            "365",
            "Days for which a certificate is valid that this server makes for itself.");

    static final ConfigKey<Path> STATE_DIRECTORY = key(
            "state.directory",
            ValueType.path(),
            "replication-server-state",
            "Directory of all that must survive a restart; the absolute path of admin.socket in it has at most "
                    + ServerConfig.SOCKET_PATH_BYTES_MAX + " bytes.");
    static final ConfigKey<Path> CERT_DIRECTORY =
            keyBelowState("cert.directory", "certificates", "Directory of the server's key, certificate and pin.");
    static final ConfigKey<Path> ASSIGNMENTS_FILE = keyBelowState(
            "assignments.file",
            "assignments.yaml",
            "File that assigns volumes to source servers; without it none are.");
    static final ConfigKey<Path> IMAGE_DIRECTORY =
            keyBelowState("image.directory", "volumes", "Directory of the volumes that are image files.");

    // The smallest region that a volume writer keeps track of is 1 MiB, which is also the largest block.
    static final ConfigKey<Integer> SESSION_REGION_SHIFT = key(
            "session.region-shift",
            ValueType.integer(20, ProtocolLimits.REGION_SHIFT_MAX),
            "24",
            "A region, which belongs to one data connection, has 2 to the power of this bytes.");
    static final ConfigKey<Integer> SESSION_STREAMS_MAX = key(
            "session.streams-max",
            ValueType.integer(1, ProtocolLimits.STREAMS_MAX),
            "16",
            "Data connections that an agent is granted at most.");
    static final ConfigKey<Long> MEMORY_BUDGET_BYTES = key(
            "memory.budget-bytes",
            ValueType.bytes(SourceMemory.SHARE_BYTES_MIN, 64 * GIB),
            "192MiB",
            "Received blocks that may wait in memory, of all agents together; at least "
                    + ByteSize.format(SourceMemory.SHARE_BYTES_MIN)
                    + " for each assigned source server. Twice of it is the bound of Netty's direct memory (but for"
                    + " -Dio.netty.maxDirectMemory), so -XX:MaxDirectMemorySize, 512m by run, must not be less; JAVA_OPTS sets it.");
    static final ConfigKey<Duration> SESSION_FIRST_FRAME_TIMEOUT = key(
            "session.first-frame-timeout-seconds",
            ValueType.seconds(100, HOUR_MILLIS),
            "10",
            "Time for the first frame of a connection, from the end of its handshake.");
    static final ConfigKey<Duration> SESSION_ATTACH_TIMEOUT = key(
            "session.attach-timeout-seconds",
            ValueType.seconds(100, HOUR_MILLIS),
            "10",
            "Time for all data connections of a session to come, from its WELCOME.");
    static final ConfigKey<Duration> SESSION_ACK_INTERVAL = key(
            "session.ack-interval-seconds",
            ValueType.seconds(10, 5_000),
            "5",
            "An acknowledgement goes out at least this often; agents rely on 5 seconds.");
    static final ConfigKey<Duration> SESSION_PROGRESS_AFTER = key(
            "session.progress-after-seconds",
            ValueType.seconds(10, 2_000),
            "2",
            "An agent is told when a frame waits for its volume for longer; agents rely on 2 seconds.");
    static final ConfigKey<Duration> SESSION_PROGRESS_INTERVAL = key(
            "session.progress-interval-seconds",
            ValueType.seconds(10, 5_000),
            "5",
            "While a frame waits, the agent is told this often; agents rely on 5 seconds.");
    static final ConfigKey<Duration> SESSION_PING_AFTER = key(
            "session.ping-after-seconds",
            ValueType.seconds(100, HOUR_MILLIS),
            "10",
            "A control connection that was silent for so long is sent a PING.");
    static final ConfigKey<Duration> SESSION_DEAD_AFTER = key(
            "session.dead-after-seconds",
            ValueType.seconds(200, HOUR_MILLIS),
            "30",
            "A control connection that was silent for so long ends its session; more than session.ping-after-seconds.");
    static final ConfigKey<Duration> SESSION_DRAIN_TIMEOUT = key(
            "session.drain-timeout-seconds",
            ValueType.seconds(0, HOUR_MILLIS),
            "10",
            "Time that agents get to finish when the server stops.");
    static final ConfigKey<Duration> SESSION_RECONNECT_AFTER = key(
            "session.reconnect-after-seconds",
            ValueType.seconds(0, HOUR_MILLIS),
            "1",
            "After a stop, agents are told to wait so long before they connect again.");
    static final ConfigKey<Long> SESSION_KEY_BYTES_MAX = key(
            "session.key-bytes-max",
            ValueType.bytes(MIB, 64 * GIB),
            "64GiB",
            "Bytes that a connection may receive under one TLS key, then it is asked to come again.");
    static final ConfigKey<Integer> SESSION_CONTROL_FRAMES_PER_SECOND = key(
            "session.control-frames-per-second",
            ValueType.integer(1, 100_000),
            "100",
            "Average rate of a connection's frames without blocks, beyond which it is closed.");
    static final ConfigKey<Integer> SESSION_CONTROL_FRAMES_BURST = key(
            "session.control-frames-burst",
            ValueType.integer(1, 1_000_000),
            "500",
            "How many of these frames may come at once; at least session.control-frames-per-second.");
    static final ConfigKey<Integer> SESSION_PINGS_PER_SECOND = key(
            "session.pings-per-second",
            ValueType.integer(1, 1000),
            "2",
            "Average rate of PING, beyond which the connection is closed.");
    static final ConfigKey<Integer> SESSION_PINGS_BURST = key(
            "session.pings-burst",
            ValueType.integer(1, 10_000),
            "10",
            "How many PING may come at once; at least session.pings-per-second.");

    static final ConfigKey<Integer> THROTTLE_SERVER_MBPS = key(
            "throttle.server-mbps",
            ValueType.integer(0, BandwidthSchedule.MBPS_MAX),
            "0",
            "Megabits per second on the wire in which all agents together may send data; 0 is no limit. Of a single source"
                    + " server it is bandwidthThrottling in the assignments.");

    static final ConfigKey<Long> VOLUME_FORCE_BYTES_MAX = key(
            "volume.force-bytes-max",
            ValueType.bytes(64 * KIB, GIB),
            "8MiB",
            "A volume is forced to stable storage after so many written bytes, although more is waiting.");
    static final ConfigKey<CacheMode> VOLUME_BLOCK_DEVICE_CACHE = key(
            "volume.block-device-cache",
            ValueType.choice(CacheMode.class),
            "direct",
            "Whether block devices are written past the page cache (direct) or through it (buffered).");
    static final ConfigKey<CacheMode> VOLUME_IMAGE_CACHE = key(
            "volume.image-cache",
            ValueType.choice(CacheMode.class),
            "buffered",
            "The same for image files, whose file systems do not all take direct.");

    static final ConfigKey<VolumeDiscovery> VOLUME_DISCOVERY = key(
            "volume.discovery",
            ValueType.choice(VolumeDiscovery.class),
            "auto",
            "Where a volume is that is assigned without a path: the file <volumeId>.img in image.directory (image), or the NVMe device"
                    + " that has the id of the EBS volume as serial number, which is waited for (nvme). auto is nvme for ids of EBS"
                    + " volumes where the machine is an EC2 instance, image otherwise.");
    static final ConfigKey<Path> VOLUME_STATISTICS_DIRECTORY = key(
            "volume.statistics-directory",
            ValueType.path(),
            "/run/replication-server/volume-statistics",
            "Directory in which the unit replication-volume-statistics stores what EBS volumes tell of their limits; without it that is"
                    + " unknown.");

    static final ConfigKey<Optional<String>> AWS_REGION = key(
            "aws.region",
            ValueType.optional(ValueType.id(IdForm.REGION)),
            "",
            "Region of the control plane, EC2 and S3, and of signatures; empty is that of the EC2 instance.");
    static final ConfigKey<Boolean> AWS_USE_FIPS = key(
            "aws.use-fips",
            ValueType.bool(),
            "false",
            "Takes the FIPS endpoints of the region; us-east-1, us-east-2, us-west-1, us-west-2 and GovCloud have some.");
    static final ConfigKey<Boolean> AWS_USE_DUAL_STACK = key(
            "aws.use-dual-stack",
            ValueType.bool(),
            "false",
            "Takes the endpoints of the region that have IPv6 addresses too.");
    static final ConfigKey<Optional<Path>> AWS_CA_FILE = key(
            "aws.ca-file",
            ValueType.optional(ValueType.path()),
            "",
            "PEM file of certificates that servers on port 443 are trusted by, beside those that the JDK trusts; for private endpoints"
                    + " and for proxies that open TLS.");
    static final ConfigKey<CredentialsSource> AWS_CREDENTIALS = key(
            "aws.credentials",
            ValueType.choice(CredentialsSource.class),
            "instance",
            "Signatures are by the role of the EC2 instance (instance), or by the first credentials in the AWS SDK's usual places"
                    + " (chain).");

    static final ConfigKey<ControlMode> CONTROL_MODE = key(
            "control.mode",
            ValueType.choice(ControlMode.class),
            "local",
            "Where assignments and commands come from: assignments.file (local), or the control plane (https), which is then told"
                    + " of everything; the other control keys are of https.");
    static final ConfigKey<Optional<URI>> CONTROL_ENDPOINT = key(
            "control.endpoint",
            ValueType.optional(ValueType.httpsEndpoint()),
            "",
            "Address of the control plane, also of a VPC endpoint; empty is the public one of aws.region.");
    static final ConfigKey<Optional<String>> CONTROL_REPLICATION_SERVER_ID = key(
            "control.replication-server-id",
            ValueType.optional(ValueType.id(IdForm.SERVER)),
            "",
            "Name under which the control plane knows this server; empty is the id of the EC2 instance.");
    static final ConfigKey<Duration> CONTROL_CONNECT_TIMEOUT = key(
            "control.connect-timeout-seconds",
            ValueType.seconds(100, 60_000),
            "5",
            "Time for a TCP connection to the control plane.");
    static final ConfigKey<Duration> CONTROL_ATTEMPT_TIMEOUT = key(
            "control.attempt-timeout-seconds",
            ValueType.seconds(100, 300_000),
            "15",
            "Time for a request to the control plane and its answer, beyond control.poll-wait-seconds of a poll.");
    static final ConfigKey<Duration> CONTROL_CALL_TIMEOUT = key(
            "control.call-timeout-seconds",
            ValueType.seconds(100, HOUR_MILLIS),
            "60",
            "The same for all attempts of a request together; at least control.attempt-timeout-seconds.");
    static final ConfigKey<Integer> CONTROL_ATTEMPTS_MAX = key(
            "control.attempts-max",
            ValueType.integer(1, 10),
            "3",
            "How often a request is tried before it counts as failed.");
    static final ConfigKey<Integer> CONTROL_POLL_WAIT_SECONDS = key(
            "control.poll-wait-seconds",
            ValueType.integer(0, 20),
            "20",
            "How long the control plane is asked to wait for commands.");
    static final ConfigKey<Duration> CONTROL_ASSOCIATIONS_INTERVAL = key(
            "control.associations-interval-seconds",
            ValueType.seconds(1_000, HOUR_MILLIS),
            "60",
            "The control plane is asked this often which source servers are assigned.");
    static final ConfigKey<Duration> CONTROL_PROGRESS_INTERVAL = key(
            "control.progress-interval-seconds",
            ValueType.seconds(1_000, HOUR_MILLIS),
            "10",
            "The control plane is told this often how far each replication is; changes of state and commits are told at once.");
    static final ConfigKey<Long> CONTROL_OUTBOX_BYTES_MAX = key(
            "control.outbox-bytes-max",
            ValueType.bytes(4 * MIB, GIB),
            "64MiB",
            "What waits in the state directory to be told to the control plane; beyond it the oldest progress goes first, then the"
                    + " oldest notifications, counted.");

    static final ConfigKey<Optional<URI>> SNAPSHOT_ENDPOINT = key(
            "snapshot.endpoint",
            ValueType.optional(ValueType.httpsEndpoint()),
            "",
            "Address of EC2, also of a VPC endpoint; empty is the public one of aws.region. Snapshots are made where control.mode is"
                    + " https.");
    static final ConfigKey<Duration> SNAPSHOT_HOLD = key(
            "snapshot.hold-seconds",
            ValueType.seconds(2_000, 600_000),
            "60",
            "Writes of a source server are held for at most so long while EC2 is asked for the snapshots of its volumes.");
    static final ConfigKey<Duration> SNAPSHOT_COMMIT_TIMEOUT = key(
            "snapshot.commit-timeout-seconds",
            ValueType.seconds(1_000, HOUR_MILLIS),
            "120",
            "Time that an agent gets to commit the epoch that snapshots are of.");
    static final ConfigKey<Duration> SNAPSHOT_REQUESTS_INTERVAL = key(
            "snapshot.requests-interval-seconds",
            ValueType.seconds(1_000, HOUR_MILLIS),
            "60",
            "The control plane is asked this often which snapshots are wanted.");
    static final ConfigKey<Duration> SNAPSHOT_COMPLETION_INTERVAL = key(
            "snapshot.completion-interval-seconds",
            ValueType.seconds(1_000, HOUR_MILLIS),
            "15",
            "EC2 is asked after so long whether snapshots are complete, then in intervals that double up to 20 times of it.");

    static final ConfigKey<Path> SOFTWARE_DIRECTORY = keyBelowState(
            "software.directory",
            "software",
            "Directory of the software that was fetched, and of what was trusted last.");
    static final ConfigKey<Optional<Path>> SOFTWARE_ALLOW_LIST = key(
            "software.allow-list",
            ValueType.optional(ValueType.path()),
            "",
            "File of the buckets that software may be fetched from, in the place of those that are built in; software buckets prints"
                    + " these in its form. A file without a bucket allows no software.");
    static final ConfigKey<Long> SOFTWARE_BYTES_MAX =
            key("software.bytes-max", ValueType.bytes(MIB, 64 * GIB), "1GiB", "A larger object is not fetched.");
    static final ConfigKey<Duration> SOFTWARE_TIMEOUT = key(
            "software.timeout-seconds",
            ValueType.seconds(1_000, 24 * HOUR_MILLIS),
            "3600",
            "A fetch that takes longer, with all its attempts, is given up; the next one carries on where it ended.");
    static final ConfigKey<Boolean> SOFTWARE_SIGN_REQUESTS = key(
            "software.sign-requests",
            ValueType.bool(),
            "false",
            "Signs requests to S3 by aws.credentials, for buckets that are not public.");
    static final ConfigKey<Optional<String>> SOFTWARE_VPC_ENDPOINT = key(
            "software.vpc-endpoint",
            ValueType.optional(ValueType.s3VpcEndpoint()),
            "",
            "Name of an interface endpoint of S3 in the VPC; empty takes the names of S3 in the region, which a gateway endpoint serves"
                    + " too.");
    static final ConfigKey<Boolean> SOFTWARE_ALLOW_PRIVATE_ADDRESSES = key(
            "software.allow-private-addresses",
            ValueType.bool(),
            "false",
            "Lets names of S3 lead to private, link-local and loopback addresses, as they do with a private DNS; software.vpc-endpoint"
                    + " may without.");
    static final ConfigKey<Optional<Path>> SOFTWARE_SIGNING_KEY_FILE = key(
            "software.signing-key-file",
            ValueType.optional(ValueType.path()),
            "",
            "PEM file of an Ed25519 public key; software without a signature by it is refused then.");
    static final ConfigKey<Optional<Path>> SOFTWARE_MIRROR_DIRECTORY = key(
            "software.mirror-directory",
            ValueType.optional(ValueType.path()),
            "",
            "Directory with BUCKET/KEY for each object, its hash and its signature, in the place of S3; nothing is asked of the network"
                    + " then.");

    static final ConfigKey<LogFormat> LOG_FORMAT = key(
            "log.format",
            ValueType.choice(LogFormat.class),
            "auto",
            "Form of log lines, a line of JSON each or text; auto is json where standard output is systemd's journal. Only there a"
                    + " line of JSON begins with its priority, as <6>.");
    static final ConfigKey<LogLevel> LOG_LEVEL =
            key("log.level", ValueType.choice(LogLevel.class), "info", "Least severity of the lines that are logged.");

    private static final Map<String, ConfigKey<?>> BY_NAME =
            TABLE.stream().collect(Collectors.toUnmodifiableMap(ConfigKey::name, Function.identity()));

    private ConfigKeys() {}

    private static <T> ConfigKey<T> key(String name, ValueType<T> type, String defaultText, String doc) {
        return register(new ConfigKey<>(name, type, defaultText, doc));
    }

    private static ConfigKey<Path> keyBelowState(String name, String defaultText, String doc) {
        return register(new ConfigKey<>(name, ValueType.path(), defaultText, STATE_DIRECTORY, doc));
    }

    private static <T> ConfigKey<T> register(ConfigKey<T> key) {
        TABLE.add(key);
        return key;
    }

    /** All keys, in the order in which they are shown. */
    static List<ConfigKey<?>> all() {
        return Collections.unmodifiableList(TABLE);
    }

    /** All keys by their names. */
    static Map<String, ConfigKey<?>> byName() {
        return BY_NAME;
    }
}
