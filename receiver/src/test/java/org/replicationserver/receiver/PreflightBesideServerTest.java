package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;

/** What {@code preflight} makes of a server beside it. The server is a socket that says what the test wants. */
final class PreflightBesideServerTest {
    private static final int MIB = 1 << 20;

    @TempDir
    private Path directory = Path.of("");

    /** An image that is assigned, and is there. */
    @BeforeEach
    void assign() throws Exception {
        Files.write(directory.resolve("vol-1.img"), new byte[MIB]);
        CommandRun assigned = run(
                0,
                "assign",
                "--source-server-id=s-1",
                "--agent-pin=sha256:" + "0".repeat(64),
                "--volume=deviceName=/dev/sda,volumeId=vol-1,sizeBytes=" + MIB);
        assertThat(assigned.exitCode()).as(assigned.err()).isZero();
    }

    private CommandRun run(int port, String... words) {
        List<String> args = new ArrayList<>(List.of(words));
        args.addAll(List.of(
                "--set=state.directory=" + directory,
                "--set=image.directory=" + directory,
                "--set=listen.address=127.0.0.1",
                "--set=listen.port=" + port));
        return CommandRun.of(args.toArray(String[]::new));
    }

    private ServerSocketChannel listen() throws Exception {
        return ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(directory.resolve("admin.socket")));
    }

    @Test
    void whereNoServerRunsItIsSoToldAndVolumesAreOpened() {
        CommandRun run = run(0, "preflight");
        assertThat(run.exitCode()).as(run.out()).isZero();
        assertThat(run.out())
                .contains("SKIP  server: none runs with this state.directory\n")
                .contains("OK    volume vol-1: " + directory.resolve("vol-1.img") + " can be opened");
    }

    /** The server would not open it: what it knows of the source server is in its record. */
    @Test
    void whatTheServerHasKeptOfASourceServerCounts() throws Exception {
        SourceRecord record = SourceRecord.initial()
                .withVolume("vol-1", new VolumeRecord("0".repeat(32), SourceRecord.Origin.NEW_VOLUME, "EIO on write"));
        Path file = Files.createDirectories(directory.resolve("sources")).resolve("s-1.json");
        Files.write(file, record.toBytes());
        CommandRun run = run(0, "preflight");
        assertThat(run.exitCode()).as(run.out()).isEqualTo(ExitCode.UNAVAILABLE);
        assertThat(run.out())
                .contains("FAIL  volume vol-1: of /dev/sda has failed, and the server leaves it closed: EIO on write");
        Files.writeString(file, "damaged");
        Files.delete(directory.resolve("vol-1.img"));
        assertThat(run(0, "preflight").out())
                .contains("vol-1.img of /dev/sda is not there, though sessions have known it");
    }

    /** Nobody must be told to end what listens on the port: it is the server. */
    @Test
    void serverThatDoesNotAnswerIsToldAndLeftAlone() throws Exception {
        try (ServerSocketChannel silent = listen();
                ServerSocket port = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            CommandRun run = run(port.getLocalPort(), "preflight");
            assertThat(silent.isOpen()).isTrue();
            assertThat(run.exitCode()).isEqualTo(ExitCode.UNAVAILABLE);
            assertThat(run.out())
                    .contains("FAIL  server: no answer within 2 s from " + directory.resolve("admin.socket"))
                    .contains("its volumes were not looked at")
                    .doesNotContain("End what listens")
                    .doesNotContain("volume vol-1");
        }
    }

    /** Once, and no port is looked at that is not the server's. */
    @Test
    void configurationOfAnotherPortThanTheServersIsToldOnce() throws Exception {
        try (ServerSocketChannel server = listen()) {
            tellPort(server, 15100);
            CommandRun run = run(1500, "preflight");
            assertThat(run.exitCode()).as(run.out()).isEqualTo(78);
            assertThat(run.out().lines().filter(line -> line.startsWith("FAIL")))
                    .singleElement()
                    .asString()
                    .startsWith(
                            "FAIL  server: it runs and listens on port 15100, this configuration says 1500 -> Give preflight"
                                    + " the same --config and --set as the server");
        }
    }

    private static void tellPort(ServerSocketChannel server, int port) {
        Thread.ofVirtual().start(() -> {
            try (SocketChannel client = server.accept()) {
                client.read(ByteBuffer.allocate(4096));
                String body = "{\"port\":" + port + ",\"volumes\":[]}";
                client.write(StandardCharsets.US_ASCII.encode(
                        "HTTP/1.1 200 x\r\ncontent-length: " + body.length() + "\r\n\r\n" + body));
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Test
    void serverThatStartsIsToldAndLeftAlone() throws Exception {
        try (ServerSocketChannel server = listen()) {
            tellPort(server, 0);
            CommandRun run = run(1500, "preflight");
            assertThat(run.exitCode()).as(run.out()).isZero();
            assertThat(run.out())
                    .contains("WARN  server: it starts, and does not listen yet")
                    .contains("SKIP  listener: ")
                    .doesNotContain("volume vol-1");
        }
    }
}
