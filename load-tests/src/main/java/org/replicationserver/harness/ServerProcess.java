package org.replicationserver.harness;

import java.io.File;
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
public final class ServerProcess implements AutoCloseable {
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
    public static final class Plan {
        private final Path directory;
        private final List<String> settings = new ArrayList<>();
        private final List<String> prefix = new ArrayList<>();
        private final List<String> jvmOptions = new ArrayList<>();
        private Class<?> main = ReceiverMain.class;
        private int port;
        private String classPath = System.getProperty("java.class.path", "");

        private Plan(Path directory) {
            this.directory = directory;
            set("state.directory=" + stateDirectory(directory));
            set("image.directory=" + imageDirectory(directory));
        }

        /** A configuration key, in the form {@code key=value}; of a key that is set again the newer counts. */
        public Plan set(String setting) {
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
        public Plan under(String... command) {
            prefix.addAll(List.of(command));
            return this;
        }

        public Plan jvm(String option) {
            jvmOptions.add(option);
            return this;
        }

        /** Classes that come before all others. */
        public Plan classesBefore(Path classes) {
            classPath = classes + File.pathSeparator + classPath;
            return this;
        }

        /** Another program that takes the same arguments. */
        public Plan main(Class<?> other) {
            main = other;
            return this;
        }

        /** The same, under the same commands and with the same options of the JVM as the server. */
        public List<String> cliAsServer(String... words) {
            List<String> command = new ArrayList<>(prefix);
            command.addAll(cli(words));
            command.addAll(command.indexOf("-cp"), jvmOptions);
            command.addAll(List.of("--set", "listen.port=" + port));
            return command;
        }

        /** The command line of another command for the same configuration. */
        public List<String> cli(String... words) {
            List<String> command = new ArrayList<>(JAVA);
            command.addAll(List.of("-cp", classPath, ReceiverMain.class.getName()));
            command.addAll(List.of(words));
            command.addAll(settings);
            return command;
        }

        /** Starts it and waits until it listens. */
        public ServerProcess start(TestSource... sources) throws IOException, InterruptedException {
            ServerProcess server = launch(sources);
            server.awaitListening();
            return server;
        }

        /** Starts it; whether it gets so far that it listens is to be seen. */
        public ServerProcess launch(TestSource... sources) throws IOException, InterruptedException {
            assign(sources);
            return new ServerProcess(this);
        }

        /** What is assigned from its next start on, or a little earlier. */
        public void assign(TestSource... sources) throws IOException, InterruptedException {
            AssignmentsFile.write(
                    stateDirectory(directory).resolve("assignments.yaml"),
                    new VolumePaths(imageDirectory(directory), VolumeDiscovery.IMAGE),
                    List.of(sources).stream().map(TestSource::assigned).toList());
        }

        /** What is run. */
        public List<String> command() {
            List<String> command = new ArrayList<>(prefix);
            command.addAll(JAVA);
            command.addAll(jvmOptions);
            command.addAll(List.of("-cp", classPath, main.getName(), "serve"));
            command.addAll(settings);
            command.addAll(List.of("--set", "listen.port=" + port));
            return command;
        }
    }

    private final Plan plan;
    private final Path log;
    private final Thread atExit = new Thread(this::endIt);
    private long logBegin;
    private Process process;

    private ServerProcess(Plan plan) throws IOException {
        this.plan = plan;
        this.log = Files.createTempFile(plan.directory, "server", ".log");
        this.process = launch();
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    public static Plan in(Path directory) {
        return new Plan(directory);
    }

    public static Path stateDirectory(Path directory) {
        return directory.resolve("state");
    }

    public static Path imageDirectory(Path directory) {
        return directory.resolve("volumes");
    }

    private Process launch() throws IOException {
        logBegin = Files.size(log);
        return new ProcessBuilder(plan.command())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    private void endIt() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    /** Starts it again on the same port, state and images; the last one must have ended. */
    public void restart() throws IOException, InterruptedException {
        if (process.isAlive()) {
            throw new IllegalStateException("the server still runs");
        }
        process = launch();
        awaitListening();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Fails when it ends before. */
    public void awaitListening() throws IOException, InterruptedException {
        Matcher listening = awaitLine(LISTENING, START_TIMEOUT);
        plan.port = Integer.parseInt(listening.group(1));
    }

    /** Waits for a line of this start's log. */
    public Matcher awaitLine(Pattern pattern, Duration timeout) throws IOException, InterruptedException {
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
    public void tell(String line) throws IOException {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
        process.getOutputStream().flush();
    }

    public Endpoint endpoint() throws IOException {
        return new Endpoint(
                plan.port, PemFiles.readPin(stateDirectory(plan.directory).resolve("certificates/server.pin")));
    }

    public String logSinceStart() throws IOException {
        return Files.readString(log).substring((int) logBegin);
    }

    /** Ends it at once, as the kernel does when memory is short. */
    public void sigkill() throws IOException, InterruptedException {
        handle().destroyForcibly();
        awaitEnd();
    }

    public void sigterm() {
        handle().destroy();
    }

    /** Of the JVM, also where it is the child of another command. */
    public long pid() {
        return handle().pid();
    }

    private ProcessHandle handle() {
        return plan.prefix.isEmpty()
                ? process.toHandle()
                : process.descendants().findFirst().orElse(process.toHandle());
    }

    /** Waits for the end; the exit code. */
    public int awaitEnd() throws IOException, InterruptedException {
        if (!process.waitFor(END_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("the server does not end:\n" + logSinceStart());
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        endIt();
        process.onExit().join();
        try {
            Runtime.getRuntime().removeShutdownHook(atExit);
        } catch (IllegalStateException e) {
            // This process is ending too.
        }
    }
}
