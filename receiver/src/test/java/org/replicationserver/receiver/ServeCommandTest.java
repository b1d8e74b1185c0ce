package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.log.TextLayout;
import org.replicationserver.receiver.server.ReplicationServer;
import org.slf4j.LoggerFactory;

/** How the server says that it cannot start. */
class ServeCommandTest {
    @TempDir
    private Path directory = Path.of("");

    private CommandRun serve(String... sets) {
        List<String> args = new ArrayList<>(List.of("serve", "--set=state.directory=" + directory));
        Stream.of(sets).map(set -> "--set=" + set).forEach(args::add);
        return CommandRun.of(args.toArray(String[]::new));
    }

    private static CommandRun serveWithState(Object stateDirectory) {
        return CommandRun.of("serve", "--set=state.directory=" + stateDirectory);
    }

    private static CommandRun failed(int exitCode, String line) {
        return new CommandRun(exitCode, "", line + "\n");
    }

    @Test
    void stateDirectoryThatCannotBeUsedIsNamedWithTheReason() throws Exception {
        assertThat(serveWithState("/proc/x"))
                .isEqualTo(failed(74, "state.directory=/proc/x cannot be used: no such file or directory"));
        Path file = Files.createFile(directory.resolve("file"));
        assertThat(serveWithState(file))
                .isEqualTo(failed(74, "state.directory=" + file + " cannot be used: exists and is no directory"));
        assertThat(serveWithState(file + "/below"))
                .isEqualTo(failed(74, "state.directory=" + file + "/below cannot be used: not a directory"));
        Files.createDirectories(directory.resolve("sources/lock"));
        assertThat(serveWithState(directory))
                .isEqualTo(failed(
                        74,
                        "state.directory=" + directory + " cannot be used: is a directory: " + directory
                                + "/sources/lock"));
    }

    @Test
    void caFileThatCannotBeUsedIsNamedByItsOwnKeyBeforeAnythingStarts() {
        assertThat(serve("control.mode=https", "aws.ca-file=/proc/none.pem"))
                .isEqualTo(failed(
                        78,
                        "--set: aws.ca-file=/proc/none.pem cannot be used: no such file or directory; allowed: a file of PEM"
                                + " certificates"));
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void otherDirectoriesThatCannotBeUsedAreNamedWithTheReason() {
        assertThat(serve("image.directory=/proc/y"))
                .isEqualTo(failed(74, "image.directory=/proc/y cannot be used: no such file or directory"));
        assertThat(serve("cert.directory=/proc/z"))
                .isEqualTo(failed(
                        74,
                        "cert.directory=/proc/z cannot be used: path=/proc/z: cannot be made; allowed: a place where"
                                + " this process may write; no such file or directory"));
    }

    @Test
    void failedStartGivesTheStateDirectoryBack() {
        serve("image.directory=/proc/y");
        assertThat(serve("image.directory=/proc/y").exitCode()).isEqualTo(74);
    }

    @Test
    void budgetThatIsTooSmallForTheSourceServersKeepsTheServerFromStarting() throws Exception {
        String[] ids = {"s-1", "s-2"};
        for (String id : ids) {
            String pin = "sha256:" + id.substring(2).repeat(64);
            CommandRun.of(
                    "assign", "--set=state.directory=" + directory, "--source-server-id=" + id, "--agent-pin=" + pin);
        }
        assertThat(serve("memory.budget-bytes=3MiB"))
                .isEqualTo(failed(
                        78,
                        "--set: memory.budget-bytes=3MiB; allowed: at least 4MiB, 2MiB for each of the 2 source servers"
                                + " in " + directory + "/assignments.yaml"));
    }

    /** In a JVM of its own, because Netty reads its bound once. */
    private List<String> command(Class<?> main, String... jvmOptions) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Xmx128m"));
        command.addAll(List.of(jvmOptions));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName(), "serve"));
        command.addAll(List.of("--set=state.directory=" + directory, "--set=memory.budget-bytes=1GiB"));
        command.add("--set=listen.address=127.0.0.1");
        return command;
    }

    /** The last line of a server that ends because its port is taken. */
    private String nettyMemory(String... jvmOptions) throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            List<String> command = command(NettyMemoryMain.class, jvmOptions);
            command.add("--set=listen.port=" + taken.getLocalPort());
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.inputReader().lines().toList().getLast();
        }
    }

    @Test
    void memoryOfNettyIsBoundedByTwiceTheBudget() throws Exception {
        assertThat(nettyMemory()).isEqualTo("exit=69 bound=" + (2L << 30));
    }

    @Test
    void boundThatTheOperatorHasSetIsKept() throws Exception {
        assertThat(nettyMemory("-Dio.netty.maxDirectMemory=123456789")).isEqualTo("exit=69 bound=123456789");
    }

    @Test
    void jvmThatHasLessMemoryThanTheBudgetNeedsIsTold() throws Exception {
        List<String> command = command(ReceiverMain.class, "-XX:MaxDirectMemorySize=512m");
        command.add("--set=listen.port=0");
        Process server = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            assertThat(server.inputReader()
                            .lines()
                            .filter(line -> line.contains("WARN"))
                            .findFirst())
                    .hasValueSatisfying(line -> assertThat(line)
                            .contains("set JAVA_OPTS=-XX:MaxDirectMemorySize=2147483648")
                            .endsWith("neededBytes=2147483648 jvmBytes=536870912"));
        } finally {
            server.destroyForcibly().waitFor();
        }
    }

    @Test
    void certificateThatExpiresSoonIsToldAtTheStart() throws Exception {
        Logger logger = (Logger) LoggerFactory.getLogger(ReplicationServer.class.getPackageName());
        ListAppender<ILoggingEvent> told = new ListAppender<>();
        told.start();
        logger.addAppender(told);
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            serve("tls.certificate-days=3", "listen.address=127.0.0.1", "listen.port=" + taken.getLocalPort());
        } finally {
            logger.detachAppender(told);
        }
        assertThat(told.list)
                .extracting(event -> event.getLevel() + " " + TextLayout.textOf(event))
                .filteredOn(line -> line.startsWith("WARN"))
                .singleElement()
                .asString()
                .contains("certificate expires soon")
                .endsWith("daysLeft=2");
    }

    @Test
    void socketThatCannotBeMadeIsNoFaultOfThePort() throws Exception {
        Path inTheWay = directory.resolve("admin.socket");
        Files.createDirectories(inTheWay.resolve("x"));
        assertThat(serve("listen.port=0"))
                .satisfies(run -> assertThat(run.exitCode()).isEqualTo(74))
                .satisfies(run -> assertThat(run.err())
                        .isEqualTo("state.directory=" + directory + " cannot be used: a directory that is not empty: "
                                + inTheWay + "\n"));
    }
}
