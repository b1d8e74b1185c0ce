package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.replicationserver.cert.PemFiles;
import org.replicationserver.receiver.ReceiverMain;
import org.replicationserver.receiver.config.AssignmentsFile;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.staging.VolumeDiscovery;

/**
 * A server in a process of its own, so that it can be killed. Its state, its images and its log are in the directory that it was
 * given, and outlive it.
 */
final class ServerProcess implements AutoCloseable {
    private static final Pattern LISTENING = Pattern.compile("listening: port=(\\d+)");
    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration END_TIMEOUT = Duration.ofSeconds(60);

    private static final List<String> JAVA = List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:+UseSerialGC",
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto");

    /** What is started, and how. */
    static final class Plan {
        private final Path directory;
        private final List<String> settings = new ArrayList<>();
        private final List<String> prefix = new ArrayList<>();
        private final List<String> jvmOptions = new ArrayList<>();
        private Class<?> main = ReceiverMain.class;
        private int port;

        private Plan(Path directory) {
            this.directory = directory;
            set("state.directory=" + stateDirectory(directory));
            set("image.directory=" + imageDirectory(directory));
        }

        /** A configuration key, in the form {@code key=value}; of a key that is set again the newer counts. */
        Plan set(String setting) {
            String key = setting.substring(0, setting.indexOf('=') + 1);
            for (int i = settings.size() - 1; i > 0; i -= 2) {
                if (settings.get(i).startsWith(key)) {
                    settings.subList(i - 1, i + 1).clear();
                }
            }
            settings.add("--set");
            settings.add(setting);
            return this;
        }

        /** A command that runs the JVM as its child, like strace. */
        Plan under(String... command) {
            prefix.addAll(List.of(command));
            return this;
        }

        Plan jvm(String option) {
            jvmOptions.add(option);
            return this;
        }

        /** Another program that takes the same arguments. */
        Plan main(Class<?> other) {
            main = other;
            return this;
        }

        /** The same, under the same commands and with the same options of the JVM as the server. */
        List<String> cliAsServer(String... words) {
            List<String> command = new ArrayList<>(prefix);
            command.addAll(cli(words));
            command.addAll(command.indexOf("-cp"), jvmOptions);
            command.addAll(List.of("--set", "listen.port=" + port));
            return command;
        }

        /** The command line of another command for the same configuration. */
        List<String> cli(String... words) {
            List<String> command = new ArrayList<>(JAVA);
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), ReceiverMain.class.getName()));
            command.addAll(List.of(words));
            command.addAll(settings);
            return command;
        }

        /** Starts it and waits until it listens. */
        ServerProcess start(TestSource... sources) throws IOException, InterruptedException {
            Path assignments = stateDirectory(directory).resolve("assignments.yaml");
            AssignmentsFile.write(
                    assignments,
                    new VolumePaths(imageDirectory(directory), VolumeDiscovery.IMAGE),
                    List.of(sources).stream().map(TestSource::assigned).toList());
            ServerProcess server = new ServerProcess(this);
            server.start();
            server.awaitListening();
            return server;
        }

        /** Runs it where it is expected not to start. */
        Commands.Result runToItsEnd() throws IOException, InterruptedException {
            return Commands.run(command());
        }

        private List<String> command() {
            List<String> command = new ArrayList<>(prefix);
            command.addAll(JAVA);
            command.addAll(jvmOptions);
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName(), "serve"));
            command.addAll(settings);
            command.addAll(List.of("--set", "listen.port=" + port));
            return command;
        }
    }

    private final Plan plan;
    private final Path log;
    private long logBegin;
    private Process process;

    private ServerProcess(Plan plan) throws IOException {
        this.plan = plan;
        this.log = Files.createTempFile(plan.directory, "server", ".log");
        ServerLogs.add(log);
        this.process = launch();
    }

    static Plan in(Path directory) {
        return new Plan(directory);
    }

    static Path stateDirectory(Path directory) {
        return directory.resolve("state");
    }

    static Path imageDirectory(Path directory) {
        return directory.resolve("volumes");
    }

    private Process launch() throws IOException {
        logBegin = Files.size(log);
        return new ProcessBuilder(plan.command())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    private void start() {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> process.destroyForcibly()));
    }

    /** Starts it again on the same port, state and images; the last one must have ended. */
    void restart() throws IOException, InterruptedException {
        assertThat(process.isAlive()).isFalse();
        process = launch();
        awaitListening();
    }

    private void awaitListening() throws IOException, InterruptedException {
        Matcher listening = awaitLine(LISTENING, START_TIMEOUT);
        plan.port = Integer.parseInt(listening.group(1));
    }

    /** Waits for a line of this start's log. */
    Matcher awaitLine(Pattern pattern, Duration timeout) throws IOException, InterruptedException {
        long end = System.nanoTime() + timeout.toNanos();
        while (System.nanoTime() < end) {
            Matcher matcher = pattern.matcher(logSinceStart());
            if (matcher.find()) {
                return matcher;
            }
            if (!process.isAlive()) {
                break;
            }
            Thread.sleep(20);
        }
        process.destroyForcibly();
        throw new AssertionError("no line with " + pattern + " in the server's log:\n" + logSinceStart());
    }

    /** Writes a line to its input, for programs that listen to it. */
    void tell(String line) throws IOException {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
        process.getOutputStream().flush();
    }

    Endpoint endpoint() throws IOException {
        return new Endpoint(
                plan.port, PemFiles.readPin(stateDirectory(plan.directory).resolve("certificates/server.pin")));
    }

    String logSinceStart() throws IOException {
        return Files.readString(log).substring((int) logBegin);
    }

    /** Ends it at once, as the kernel does when memory is short. */
    void sigkill() throws IOException, InterruptedException {
        signal("KILL");
        awaitEnd();
    }

    void sigterm() throws IOException, InterruptedException {
        signal("TERM");
    }

    private void signal(String name) throws IOException, InterruptedException {
        Commands.runSuccessfully("kill", "-" + name, Long.toString(pid()));
    }

    /** Of the JVM, also where it is the child of another command. */
    long pid() {
        return plan.prefix.isEmpty()
                ? process.pid()
                : process.descendants().findFirst().orElse(process.toHandle()).pid();
    }

    /** Waits for the end; the exit code. */
    int awaitEnd() throws InterruptedException {
        assertThat(process.waitFor(END_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS))
                .as("the server ends")
                .isTrue();
        return process.exitValue();
    }

    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().onExit().join();
    }
}
