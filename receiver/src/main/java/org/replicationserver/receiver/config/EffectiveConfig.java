package org.replicationserver.receiver.config;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.replicationserver.receiver.session.SessionSettings;
import org.replicationserver.receiver.session.SourceMemory;

/**
 * A value for every key, and where it comes from. Immutable, any thread.
 *
 * <p>The values are sound one by one and together; {@link ConfigLoader} sees to it.
 */
public final class EffectiveConfig {
    static final String DEFAULT_ORIGIN = "default";

    /**
     * A value that was given.
     *
     * @param origin file and line, environment variable, or {@code --set}
     */
    record Setting(String text, String origin) {}

    private final Map<ConfigKey<?>, Setting> given;

    EffectiveConfig(Map<ConfigKey<?>, Setting> given) {
        this.given = Map.copyOf(given);
    }

    /** The value as an operator would write it. */
    String text(ConfigKey<?> key) {
        Setting setting = given.get(key);
        if (setting != null) {
            return setting.text();
        }
        return key.defaultParent() == null
                ? key.defaultText()
                : get(key.defaultParent()).resolve(key.defaultText()).toString();
    }

    String origin(ConfigKey<?> key) {
        Setting setting = given.get(key);
        return setting == null ? DEFAULT_ORIGIN : setting.origin();
    }

    <T> T get(ConfigKey<T> key) {
        T value = key.type().parse(text(key));
        if (value == null) {
            throw new IllegalStateException("the loader let pass: " + key + "=" + text(key));
        }
        return value;
    }

    /** The records of all components. */
    public ServerConfig toServerConfig() {
        return new ServerConfig(
                get(ConfigKeys.SERVER_ID),
                listen(),
                tls(),
                get(ConfigKeys.STATE_DIRECTORY),
                get(ConfigKeys.CERT_DIRECTORY),
                get(ConfigKeys.ASSIGNMENTS_FILE),
                get(ConfigKeys.IMAGE_DIRECTORY),
                sessions(),
                get(ConfigKeys.THROTTLE_SERVER_MBPS),
                volumes(),
                aws(),
                control(),
                snapshots(),
                software(),
                new LogConfig(get(ConfigKeys.LOG_FORMAT), get(ConfigKeys.LOG_LEVEL)));
    }

    /**
     * What is assigned.
     *
     * @throws ConfigException also when the memory does not do for so many source servers
     */
    public List<AssignedSource> readAssignments() throws ConfigException {
        Path file = get(ConfigKeys.ASSIGNMENTS_FILE);
        List<AssignedSource> assigned =
                AssignmentsFile.read(file, toServerConfig().volumePaths());
        long bytesMin = assigned.size() * SourceMemory.SHARE_BYTES_MIN;
        if (get(ConfigKeys.MEMORY_BUDGET_BYTES) < bytesMin) {
            Mistakes mistakes = new Mistakes();
            mistakes.value(
                    origin(ConfigKeys.MEMORY_BUDGET_BYTES),
                    ConfigKeys.MEMORY_BUDGET_BYTES.name(),
                    text(ConfigKeys.MEMORY_BUDGET_BYTES),
                    "at least " + ByteSize.format(bytesMin) + ", " + ByteSize.format(SourceMemory.SHARE_BYTES_MIN)
                            + " for each of the " + assigned.size() + " source servers in " + file);
            mistakes.throwIfAny();
        }
        return assigned;
    }

    /**
     * Looks at the file of {@code aws.ca-file}.
     *
     * @return lines about what is in it that do not keep the server from starting
     * @throws ConfigException when it cannot be used
     */
    public List<String> checkCaFile() throws ConfigException {
        Optional<Path> file = get(ConfigKeys.AWS_CA_FILE);
        if (file.isEmpty()) {
            return List.of();
        }
        try {
            return CaFile.read(file.get()).warnings(Instant.now());
        } catch (IOException e) {
            throw new ConfigException(List.of(origin(ConfigKeys.AWS_CA_FILE) + ": " + e.getMessage()));
        }
    }

    /**
     * Looks at the file of {@code software.allow-list}.
     *
     * @throws ConfigException when it cannot be used
     */
    public void checkAllowList() throws ConfigException {
        AllowListFile.read(get(ConfigKeys.SOFTWARE_ALLOW_LIST));
    }

    private ListenConfig listen() {
        return new ListenConfig(
                get(ConfigKeys.LISTEN_ADDRESS),
                get(ConfigKeys.LISTEN_PORT),
                Math.toIntExact(get(ConfigKeys.LISTEN_RECEIVE_BUFFER_BYTES)),
                get(ConfigKeys.LISTEN_BACKLOG));
    }

    private TlsConfig tls() {
        return new TlsConfig(
                get(ConfigKeys.TLS_ENGINE),
                get(ConfigKeys.TLS_PROTOCOLS),
                get(ConfigKeys.TLS_HANDSHAKE_TIMEOUT),
                get(ConfigKeys.TLS_CERTIFICATE_DAYS));
    }

    private SessionSettings sessions() {
        return new SessionSettings(
                get(ConfigKeys.SESSION_REGION_SHIFT),
                get(ConfigKeys.SESSION_STREAMS_MAX),
                get(ConfigKeys.MEMORY_BUDGET_BYTES),
                get(ConfigKeys.SESSION_FIRST_FRAME_TIMEOUT),
                get(ConfigKeys.SESSION_ATTACH_TIMEOUT),
                get(ConfigKeys.SESSION_ACK_INTERVAL),
                get(ConfigKeys.SESSION_PROGRESS_AFTER),
                get(ConfigKeys.SESSION_PROGRESS_INTERVAL),
                get(ConfigKeys.SESSION_PING_AFTER),
                get(ConfigKeys.SESSION_DEAD_AFTER),
                get(ConfigKeys.SESSION_DRAIN_TIMEOUT),
                get(ConfigKeys.SESSION_RECONNECT_AFTER),
                get(ConfigKeys.SESSION_KEY_BYTES_MAX),
                get(ConfigKeys.SESSION_CONTROL_FRAMES_PER_SECOND),
                get(ConfigKeys.SESSION_CONTROL_FRAMES_BURST),
                get(ConfigKeys.SESSION_PINGS_PER_SECOND),
                get(ConfigKeys.SESSION_PINGS_BURST));
    }

    private VolumeConfig volumes() {
        return new VolumeConfig(
                get(ConfigKeys.VOLUME_FORCE_BYTES_MAX),
                get(ConfigKeys.VOLUME_BLOCK_DEVICE_CACHE),
                get(ConfigKeys.VOLUME_IMAGE_CACHE),
                get(ConfigKeys.VOLUME_DISCOVERY),
                get(ConfigKeys.VOLUME_STATISTICS_DIRECTORY));
    }

    private AwsSettings aws() {
        return new AwsSettings(
                get(ConfigKeys.AWS_REGION),
                get(ConfigKeys.AWS_USE_FIPS),
                get(ConfigKeys.AWS_USE_DUAL_STACK),
                get(ConfigKeys.AWS_CA_FILE),
                get(ConfigKeys.AWS_CREDENTIALS));
    }

    private SnapshotSettings snapshots() {
        return new SnapshotSettings(
                get(ConfigKeys.SNAPSHOT_ENDPOINT),
                get(ConfigKeys.SNAPSHOT_HOLD),
                get(ConfigKeys.SNAPSHOT_COMMIT_TIMEOUT),
                get(ConfigKeys.SNAPSHOT_REQUESTS_INTERVAL),
                get(ConfigKeys.SNAPSHOT_COMPLETION_INTERVAL));
    }

    private ControlSettings control() {
        return new ControlSettings(
                get(ConfigKeys.CONTROL_MODE),
                get(ConfigKeys.CONTROL_ENDPOINT),
                get(ConfigKeys.CONTROL_REPLICATION_SERVER_ID),
                get(ConfigKeys.CONTROL_CONNECT_TIMEOUT),
                get(ConfigKeys.CONTROL_ATTEMPT_TIMEOUT),
                get(ConfigKeys.CONTROL_CALL_TIMEOUT),
                get(ConfigKeys.CONTROL_ATTEMPTS_MAX),
                get(ConfigKeys.CONTROL_POLL_WAIT_SECONDS),
                get(ConfigKeys.CONTROL_ASSOCIATIONS_INTERVAL),
                get(ConfigKeys.CONTROL_PROGRESS_INTERVAL),
                get(ConfigKeys.CONTROL_OUTBOX_BYTES_MAX));
    }

    private SoftwareSettings software() {
        return new SoftwareSettings(
                get(ConfigKeys.SOFTWARE_DIRECTORY),
                get(ConfigKeys.SOFTWARE_ALLOW_LIST),
                get(ConfigKeys.SOFTWARE_BYTES_MAX),
                get(ConfigKeys.SOFTWARE_TIMEOUT),
                get(ConfigKeys.SOFTWARE_SIGN_REQUESTS),
                get(ConfigKeys.SOFTWARE_VPC_ENDPOINT),
                get(ConfigKeys.SOFTWARE_ALLOW_PRIVATE_ADDRESSES),
                get(ConfigKeys.SOFTWARE_SIGNING_KEY_FILE),
                get(ConfigKeys.SOFTWARE_MIRROR_DIRECTORY));
    }
}
