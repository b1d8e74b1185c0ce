package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What a command says that gets no answer, or none that it can read. The server is a socket that says what the test wants. */
class AdminClientTest {
    private static final String COMMAND = "/volumes/v/reopen";

    @TempDir
    private Path directory = Path.of("");

    private Path socket = Path.of("");
    private final List<AutoCloseable> open = new ArrayList<>();

    @BeforeEach
    void nameTheSocket() {
        socket = directory.resolve("admin.socket");
    }

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable one : open) {
            one.close();
        }
    }

    private CommandRun send(Duration timeout) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine commandLine =
                ReceiverMain.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        int exitCode = new AdminClient(socket, timeout).run(commandLine, COMMAND);
        return new CommandRun(exitCode, out.toString(), err.toString());
    }

    private CommandRun send() {
        return send(Duration.ofSeconds(20));
    }

    private ServerSocketChannel listen() throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        open.add(server);
        return server.bind(UnixDomainSocketAddress.of(socket));
    }

    /** Takes one request and answers it with these bytes. */
    private void answer(String response) throws IOException {
        ServerSocketChannel server = listen();
        Thread.ofVirtual().start(() -> {
            try (SocketChannel client = server.accept()) {
                client.read(ByteBuffer.allocate(4096));
                client.write(ByteBuffer.wrap(response.getBytes(StandardCharsets.US_ASCII)));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    private static String http(int status, String body) {
        return "HTTP/1.1 " + status + " x\r\ncontent-length: " + body.length() + "\r\n\r\n" + body;
    }

    private static CommandRun failed(String line) {
        return new CommandRun(69, "", line + "\n");
    }

    @Test
    void resultIsPrinted() throws Exception {
        answer(http(200, "{\"result\":\"done\"}"));
        assertThat(send()).isEqualTo(new CommandRun(0, "done\n", ""));
    }

    @Test
    void refusalIsPrintedAndEndsWithItsOwnCode() throws Exception {
        answer(http(409, "{\"error\":\"no\"}"));
        assertThat(send()).isEqualTo(new CommandRun(1, "", "no\n"));
    }

    @Test
    void missingSocketIsAServerThatDoesNotRun() {
        assertThat(send())
                .isEqualTo(failed("no server runs with this state.directory, there is no " + socket
                        + "; start the server, or name its configuration by --config or --set"));
    }

    @Test
    void refusedConnectionIsAServerThatHasEnded() throws Exception {
        listen().close();
        assertThat(send())
                .isEqualTo(failed(
                        "nobody listens on " + socket + ", the server that made it has ended; start the server"));
    }

    @Test
    void socketOfAnotherUserIsTold() throws Exception {
        listen();
        Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("---------"));
        assumeFalse(Files.isWritable(socket), "this user may write everything");
        assertThat(send())
                .isEqualTo(failed(
                        "permission denied: " + socket + "; run this command as the user that the server runs as"));
    }

    @Test
    void serverThatDoesNotAnswerIsNotCalledMissing() throws Exception {
        listen();
        assertThat(send(Duration.ofSeconds(1)))
                .isEqualTo(failed("no answer within 1 s from " + socket
                        + "; the server is stopped, overloaded or waits for a device: look at its process and its log"
                        + "; the command may still be carried out"));
    }

    @Test
    void statusOfAServerThatDoesNotAnswerIsNotWaitedForForEver() throws Exception {
        listen();
        assertThatThrownBy(() -> new AdminClient(socket, Duration.ofSeconds(1)).get(AdminClient.STATUS))
                .isInstanceOf(AdminClient.NoAnswerException.class)
                .hasMessage("no answer within 1 s from " + socket
                        + "; the server is stopped, overloaded or waits for a device: look at its process and its log");
        assertThat(AdminClient.ANSWER_TIMEOUT).isEqualTo(Duration.ofSeconds(10));
    }

    @Test
    void connectionThatEndsBeforeTheAnswerIsTold() throws Exception {
        answer("");
        assertThat(send())
                .isEqualTo(failed("the server closed the connection without an answer: " + socket
                        + "; look into its log whether it ended and whether the command was carried out"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"hello", "{}", "[]", "{\"error\":\"no\"}", ""})
    void answerThatIsNoneIsTold(String body) throws Exception {
        answer(http(200, body));
        assertThat(send())
                .isEqualTo(failed("the answer from " + socket + " cannot be read: status=200 bytes=" + body.length()
                        + "; is the server of the same version as this command?"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "volume | reopen        | v 1 | VOLUME-ID        | 128",
                "volume | reopen        | a/b | VOLUME-ID        | 128",
                "volume | reopen        | ''  | VOLUME-ID        | 128",
                "source | accept-agents | s?t | SOURCE-SERVER-ID | 128"
            })
    void idOfAnotherFormIsAWrongCommandLine(String noun, String verb, String id, String label, int charsMax) {
        String command = "replication-server " + noun + " " + verb;
        assertThat(CommandRun.of(noun, verb, id))
                .isEqualTo(new CommandRun(
                        2,
                        "",
                        command + ": " + label + "=" + id + "; allowed: 1 to " + charsMax
                                + " of A-Z a-z 0-9 . _ -; help: " + command + " --help\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "10001"})
    void bandwidthBeyondItsRangeIsAWrongCommandLine(String mbps) {
        assertThat(CommandRun.of("throttle", "--", mbps))
                .isEqualTo(new CommandRun(
                        2,
                        "",
                        "replication-server throttle: MBPS=" + mbps
                                + "; allowed: 0 to 10000; help: replication-server throttle --help\n"));
        assertThat(CommandRun.of("throttle", "1", "--source-server-id", "a b").err())
                .startsWith("replication-server throttle: --source-server-id=a b; allowed: 1 to 128 of ");
    }

    @Test
    void idThatIsTooLongStillLeavesWhatIsAllowed() {
        assertThat(CommandRun.of("source", "accept-agents", "s".repeat(1000)))
                .satisfies(run -> assertThat(run.exitCode()).isEqualTo(2))
                .satisfies(run -> assertThat(run.err())
                        .hasLineCount(1)
                        .contains("...; allowed: 1 to 128 of A-Z a-z 0-9 . _ -; help: "));
    }
}
