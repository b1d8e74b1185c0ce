package org.replicationserver.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.listener.TlsEngine;

/** The replication server as a process of its own, with one image file as its volume and with the JVM options of production. */
final class ServerProcess implements AutoCloseable {
    static final String SOURCE_SERVER = "bench";
    static final String DEVICE = "/dev/bench";
    private static final String IMAGE = "bench.img";
    private static final String MAIN = "org.replicationserver.receiver.ReceiverMain";
    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    private static final Pattern LISTENING = Pattern.compile("listening: port=(\\d+) pin=(\\S+) engine=(\\S+)");

    /** As {@code ./run serve} starts it; a test compares. */
    static final List<String> JVM_OPTIONS = List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:+UseSerialGC",
            "-XX:+UseCompactObjectHeaders",
            "-XX:+ExitOnOutOfMemoryError",
            "-Xmx384m",
            "-XX:MaxDirectMemorySize=512m",
            "-Dio.netty.maxDirectMemory=402653184");

    /**
     * What to start.
     *
     * @param stateDirectory an empty directory
     * @param imageDirectory where the volume's image is made
     * @param agentPin of the sender
     * @param jvmOptions beyond those of production
     */
    record Settings(
            Path stateDirectory,
            Path imageDirectory,
            long diskBytes,
            Pin agentPin,
            TlsEngine engine,
            List<String> jvmOptions) {}

    private final ChildProcess process;
    private final Path image;
    private final int port;
    private final Pin pin;
    private final String engine;

    private ServerProcess(ChildProcess process, Path image, Matcher listening) {
        this.process = process;
        this.image = image;
        this.port = Integer.parseInt(listening.group(1));
        this.pin = Pin.parse(listening.group(2));
        this.engine = listening.group(3).toLowerCase(Locale.ROOT);
    }

    /** Starts a server and waits until it listens. */
    static ServerProcess start(Settings settings, Cleanup cleanup) throws BenchException, InterruptedException {
        makeVolume(settings);
        ChildProcess process = ChildProcess.start("server", command(settings), cleanup);
        try {
            Matcher listening = process.awaitLine(LISTENING, START_TIMEOUT);
            return new ServerProcess(process, settings.imageDirectory().resolve(IMAGE), listening);
        } catch (BenchException | InterruptedException e) {
            process.close();
            throw e;
        }
    }

    private static Path assignments(Settings settings) {
        return settings.stateDirectory().resolve("assignments.yaml");
    }

    private static void makeVolume(Settings settings) throws BenchException {
        String text = """
                sourceServers:
                  - sourceServerId: %s
                    agentPins: ["%s"]
                    volumes:
                      - volumeId: vol-bench
                        deviceName: %s
                        path: %s
                        sizeBytes: %d
                        fresh: true
                """.formatted(SOURCE_SERVER, settings.agentPin(), DEVICE, IMAGE, settings.diskBytes());
        BlankFile.make(settings.imageDirectory().resolve(IMAGE), settings.diskBytes());
        try {
            Files.writeString(assignments(settings), text);
        } catch (IOException e) {
            throw new BenchException("cannot write the assignments of the server: " + e.getMessage(), e);
        }
    }

    private static List<String> command(Settings settings) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home", ""), "bin", "java").toString());
        command.addAll(JVM_OPTIONS);
        command.addAll(settings.jvmOptions());
        command.addAll(List.of("-cp", System.getProperty("java.class.path", ""), MAIN, "serve"));
        set(command, "listen.address", "127.0.0.1");
        set(command, "listen.port", "0");
        set(command, "state.directory", settings.stateDirectory());
        set(command, "assignments.file", assignments(settings));
        set(command, "image.directory", settings.imageDirectory());
        set(command, "tls.engine", settings.engine().name().toLowerCase(Locale.ROOT));
        return command;
    }

    private static void set(List<String> command, String key, Object value) {
        command.add("--set");
        command.add(key + "=" + value);
    }

    int port() {
        return port;
    }

    Pin pin() {
        return pin;
    }

    /** The TLS engine that the server chose. */
    String engine() {
        return engine;
    }

    /** The replica. */
    Path image() {
        return image;
    }

    ProcessUsage usage() throws BenchException {
        return ProcessUsage.of(process.pid());
    }

    long peakResidentBytes() throws BenchException {
        return ProcessUsage.peakResidentBytes(process.pid());
    }

    /** An exception with what the server said last. */
    BenchException failure(String what) {
        return process.failure(what);
    }

    @Override
    public void close() {
        process.close();
    }
}
