package org.replicationserver.process;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.listener.TlsEngine;

/** The replication server as a process of its own, with one image file as its volume and with the JVM options of production. */
public final class LocalServer implements AutoCloseable {
    public static final String SOURCE_SERVER = "s-local";
    public static final String DEVICE = "/dev/source";
    public static final String VOLUME = "vol-local";
    private static final String MAIN = "org.replicationserver.receiver.ReceiverMain";
    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    private static final Pattern LISTENING = Pattern.compile("listening: port=(\\d+) pin=(\\S+) engine=(\\S+)");

    /** As {@code ./run serve} starts it; a test compares. */
    public static final List<String> JVM_OPTIONS = List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:+UseSerialGC",
            "-XX:+UseCompactObjectHeaders",
            "-XX:+ExitOnOutOfMemoryError",
            "-Xmx384m",
            "-XX:MaxDirectMemorySize=512m");

    /**
     * The control plane of a server.
     *
     * @param authority PEM file of the certificate that it is trusted by
     * @param instanceMetadata of the server's instance, whose role signs
     */
    public record ControlPlane(URI endpoint, Path authority, URI instanceMetadata) {}

    /**
     * What to start.
     *
     * @param directory for its state and its temporary files; empty, or that of a server that was started here before
     * @param image of the volume; made by the server if it is missing and not below /dev
     * @param port 0 for any
     * @param agentPin of the one agent
     * @param jvmOptions beyond those of production
     * @param controlPlane which assigns the volume then, under the image's name; null to assign it by a file
     */
    public record Settings(
            Path directory,
            Path image,
            long diskBytes,
            int port,
            Pin agentPin,
            TlsEngine engine,
            List<String> jvmOptions,
            @Nullable ControlPlane controlPlane) {
        public Settings withPort(int newPort) {
            return new Settings(directory, image, diskBytes, newPort, agentPin, engine, jvmOptions, controlPlane);
        }

        private Path stateDirectory() {
            return directory.resolve("state");
        }

        /** Libraries are unpacked there, and stay when the server is killed. */
        private Path temporaryDirectory() {
            return directory.resolve("tmp");
        }
    }

    private final ChildProcess process;
    private final int port;
    private final Pin pin;
    private final String engine;

    private LocalServer(ChildProcess process, Matcher listening) {
        this.process = process;
        this.port = Integer.parseInt(listening.group(1));
        this.pin = Pin.parse(listening.group(2));
        this.engine = listening.group(3).toLowerCase(Locale.ROOT);
    }

    /** Starts a server and waits until it listens. */
    public static LocalServer start(Settings settings, Cleanup cleanup) throws RunException, InterruptedException {
        makeDirectories(settings);
        if (settings.controlPlane() == null) {
            assign(settings);
        }
        ChildProcess process = ChildProcess.start("server", command(settings), cleanup);
        try {
            Matcher listening = process.awaitLine(LISTENING, START_TIMEOUT);
            return new LocalServer(process, listening);
        } catch (RunException | InterruptedException e) {
            process.close();
            throw e;
        }
    }

    private static void makeDirectories(Settings settings) throws RunException {
        try {
            Files.createDirectories(settings.stateDirectory());
            Files.createDirectories(settings.temporaryDirectory());
        } catch (IOException e) {
            throw new RunException("cannot make the directories of the server: " + e.getMessage(), e);
        }
    }

    private static Path assignments(Settings settings) {
        return settings.stateDirectory().resolve("assignments.yaml");
    }

    private static void assign(Settings settings) throws RunException {
        String text = """
                sourceServers:
                  - sourceServerId: %s
                    agentPins: ["%s"]
                    volumes:
                      - volumeId: %s
                        deviceName: %s
                        path: %s
                        sizeBytes: %d
                        fresh: true
                """.formatted(
                        SOURCE_SERVER,
                        settings.agentPin(),
                        VOLUME,
                        DEVICE,
                        settings.image().getFileName(),
                        settings.diskBytes());
        try {
            Files.writeString(assignments(settings), text);
        } catch (IOException e) {
            throw new RunException("cannot write the assignments of the server: " + e.getMessage(), e);
        }
    }

    private static List<String> command(Settings settings) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home", ""), "bin", "java").toString());
        command.addAll(JVM_OPTIONS);
        command.add("-Djava.io.tmpdir=" + settings.temporaryDirectory());
        // Else a JVM that is killed leaves a file in /tmp, wherever its temporary directory is.
        command.add("-XX:+PerfDisableSharedMem");
        command.addAll(settings.jvmOptions());
        ControlPlane controlPlane = settings.controlPlane();
        if (controlPlane != null) {
            command.add("-Daws.ec2MetadataServiceEndpoint=" + controlPlane.instanceMetadata());
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path", ""), MAIN, "serve"));
        set(command, "listen.address", "127.0.0.1");
        set(command, "listen.port", settings.port());
        set(command, "state.directory", settings.stateDirectory());
        set(command, "assignments.file", assignments(settings));
        set(
                command,
                "image.directory",
                settings.image().toAbsolutePath().resolveSibling(".").normalize());
        set(command, "tls.engine", settings.engine().name().toLowerCase(Locale.ROOT));
        if (controlPlane != null) {
            set(command, "control.mode", "https");
            set(command, "control.endpoint", controlPlane.endpoint());
            set(command, "aws.ca-file", controlPlane.authority());
            set(command, "control.associations-interval-seconds", 1);
        }
        return command;
    }

    private static void set(List<String> command, String key, Object value) {
        command.add("--set");
        command.add(key + "=" + value);
    }

    public int port() {
        return port;
    }

    public Pin pin() {
        return pin;
    }

    /** The TLS engine that the server chose. */
    public String engine() {
        return engine;
    }

    public ProcessUsage usage() throws RunException {
        return ProcessUsage.of(process.pid());
    }

    public long peakResidentBytes() throws RunException {
        return ProcessUsage.peakResidentBytes(process.pid());
    }

    /** Bytes that it has read, from agents and otherwise. */
    public long readBytes() throws RunException {
        return ProcessUsage.readBytes(process.pid());
    }

    /** Throws if the server has ended by itself. */
    public void requireAlive() throws RunException, InterruptedException {
        process.requireAlive();
    }

    /** An exception with what the server said last. */
    public RunException failure(String what) {
        return process.failure(what);
    }

    /** Ends the server as a power cut ends it: no step of its own any more. */
    public void kill() throws RunException, InterruptedException {
        process.kill();
    }

    @Override
    public void close() {
        process.close();
    }
}
