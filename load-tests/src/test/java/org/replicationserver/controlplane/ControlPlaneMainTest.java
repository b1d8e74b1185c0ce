package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.cert.PemFiles;
import org.replicationserver.controlplane.AccessKey.Role;
import org.replicationserver.controlplane.ApiClient.Answer;

/** The program, with nothing but what it prints and writes. */
final class ControlPlaneMainTest {
    private static final String SERVER = "i-0123456789abcdef0";
    private static final String SOURCE = "s-0123456789abcdef0";

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    private Path directory = Path.of("");

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final CompletableFuture<Integer> signal = new CompletableFuture<>();
    private final HttpClient client = HttpClient.newHttpClient();

    @AfterEach
    void close() {
        signal.complete(143);
        client.close();
    }

    private int execute(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        Stream.of("--port=0", "--admin-port=0", "--metadata-port=0", "--directory=" + directory.resolve("state"))
                .filter(unless ->
                        Stream.of(arguments).noneMatch(given -> optionOf(given).equals(optionOf(unless))))
                .forEach(all::add);
        return ControlPlaneMain.commandLine(() -> signal::join)
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(all.toArray(String[]::new));
    }

    private static String optionOf(String argument) {
        return argument.substring(0, (argument + "=").indexOf('='));
    }

    private CompletableFuture<Integer> start(String... arguments) {
        CompletableFuture<Integer> running = CompletableFuture.supplyAsync(() -> execute(arguments));
        await().until(() -> out.toString().contains("/fleet\n"));
        return running;
    }

    private URI printed(String label) {
        Matcher matcher = Pattern.compile(label + ": +([^, ]+),").matcher(out.toString());
        assertThat(matcher.find()).as(out.toString()).isTrue();
        return URI.create(Objects.requireNonNull(matcher.group(1)));
    }

    private HttpResponse<String> admin(String method, String path, JsonObject body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(printed("operator").resolve(path))
                .method(method, HttpRequest.BodyPublishers.ofString(body.encode()))
                .build();
        return client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    private JsonObject ask(String method, String path, JsonObject body) throws Exception {
        HttpResponse<String> answer = admin(method, path, body);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return new JsonObject(answer.body());
    }

    private JsonObject get(String path) throws Exception {
        return ask("GET", path, new JsonObject());
    }

    private ApiClient client(Role role, String profile) throws Exception {
        X509Certificate authority = PemFiles.readCertificate(directory.resolve("state/control-plane-ca.cert.pem"));
        Properties credentials = new Properties();
        String text = Files.readString(directory.resolve("state/credentials"));
        String section = text.substring(text.indexOf("[" + profile + "]"));
        credentials.load(new StringReader(section.substring(0, section.indexOf("\n\n"))));
        AccessKey key = new AccessKey(
                credentials.getProperty("aws_access_key_id"),
                credentials.getProperty("aws_secret_access_key"),
                null,
                null,
                role);
        return new ApiClient(
                printed("control API"), authority, "us-east-1", key, Clock.systemUTC(), Duration.ofSeconds(20));
    }

    @Test
    void aServerAndItsOperatorNeedNothingButWhatItPrintsAndWrites() throws Exception {
        CompletableFuture<Integer> running = start();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("state/credentials"))))
                .isEqualTo("rw-------");
        JsonObject disk = new JsonObject().put("deviceName", "/dev/sda").put("sizeBytes", 1 << 20);
        try (ApiClient agent = client(Role.AGENT, "agent");
                ApiClient server = client(Role.REPLICATION_SERVER, "replication-server")) {
            agent.call(
                    "RegisterAgentForMgn",
                    new JsonObject()
                            .put("sourceServerId", SOURCE)
                            .put("agentPin", "sha256:" + "a1".repeat(32))
                            .put("disks", new JsonArray().add(disk)));
            assertThat(poll(server).body().getJsonArray("commands")).isEmpty();
            JsonObject target = new JsonObject().put("deviceName", "/dev/sda").put("volumeId", "vol-1");
            JsonObject assignment = new JsonObject()
                    .put("sourceServerId", SOURCE)
                    .put("replicationServerId", SERVER)
                    .put("disks", new JsonArray().add(target));
            String paired = ask("POST", "/assignments", assignment).getString("commandId");
            String drained = ask(
                            "POST",
                            "/commands",
                            new JsonObject()
                                    .put("replicationServerId", SERVER)
                                    .put("command", new JsonObject().put("type", "DRAIN_SERVER")))
                    .getString("commandId");
            assertThat(poll(server).body().getJsonArray("commands"))
                    .extracting(command -> ((JsonObject) command).getString("commandId"))
                    .containsExactly(paired, drained);
        }
        JsonObject source = get("/fleet").getJsonArray("sourceServers").getJsonObject(0);
        assertThat(source.getString("replicationServerId")).isEqualTo(SERVER);
        assertThat(get("/commands").getJsonArray("commands").getJsonObject(0).getInteger("deliveries"))
                .isEqualTo(1);
        assertThat(get("/violations").getJsonArray("list")).isEmpty();
        for (String view : List.of("/", "/messages", "/irregularities", "/logs", "/metrics", "/faults")) {
            get(view);
        }
        assertThat(get("/exchanges").getJsonArray("exchanges"))
                .extracting(exchange -> ((JsonObject) exchange).getString("operation"))
                .containsExactly("RegisterAgentForMgn", "GetChannelCommandsForMgn", "GetChannelCommandsForMgn");
        assertThat(get("/exchanges").getJsonArray("exchanges").getJsonObject(0).getInteger("status"))
                .isEqualTo(200);
        signal.complete(143);
        assertThat(running.get(20, TimeUnit.SECONDS)).isEqualTo(143);
    }

    private static Answer poll(ApiClient server) throws Exception {
        return server.call(
                "GetChannelCommandsForMgn",
                new JsonObject()
                        .put("replicationServerId", SERVER)
                        .put("waitSeconds", 0)
                        .put("maxCommands", 16));
    }

    private boolean isKnown() throws Exception {
        JsonObject fleet = get("/fleet");
        return fleet.encode().contains("\"agentPins\":[\"sha256:")
                && fleet.encode().contains("\"port\":");
    }

    private boolean isContinuous() throws Exception {
        JsonObject source = get("/fleet").getJsonArray("sourceServers").getJsonObject(0);
        JsonObject info = source.getJsonObject("dataReplicationInfo");
        return info != null && info.getString("dataReplicationState").equals("CONTINUOUS");
    }

    @Test
    void whatItPrintsIsCopiedAsItIsAndADiskIsReplicated() throws Exception {
        start("--directory=" + directory.resolve("it's state"));
        try (CopiedLines copied = new CopiedLines(directory, out.toString())) {
            copied.begin(1);
            copied.begin(2);
            await("server and agent have called").atMost(PATIENCE).until(this::isKnown);
            assertThat(copied.run(3)).contains("commandId");
            await("the initial sync").atMost(PATIENCE).until(this::isContinuous);
            assertThat(copied.run(4)).contains("s-1: CONTINUOUS").contains("\"sourceServerId\" : \"s-1\"");
            assertThat(Files.mismatch(
                            directory.resolve("disk.img"),
                            directory.resolve("replication-server-state/volumes/vol-1.img")))
                    .isEqualTo(-1);
        }
        assertThat(get("/violations").getJsonArray("list")).isEmpty();
    }

    @Test
    void theDocumentShowsTheSameLines() {
        Path state = Path.of("control-plane-state");
        String text = new FirstSteps(
                        Path.of("./run"),
                        URI.create("https://localhost:8443"),
                        state.resolve(ControlPlaneSimulator.AUTHORITY_FILE),
                        state.resolve(ControlPlaneMain.CREDENTIALS_FILE),
                        URI.create("http://127.0.0.1:8445"),
                        URI.create("http://127.0.0.1:8444"),
                        "us-east-1",
                        SERVER)
                .text();
        assertThat(Path.of("../deploy/control-api/README.md")).content().contains("```\n" + text + "```\n");
    }

    @Test
    void faultsAreInjectedAndEndedByTheOperator() throws Exception {
        start();
        JsonObject fault =
                new JsonObject().put("kind", "ERROR").put("error", "THROTTLING").put("count", 1);
        ask("POST", "/faults", fault);
        assertThat(get("/faults").getJsonArray("faults"))
                .containsExactly(fault.copy().put("delayMillis", 0).put("retryAfterSeconds", -1));
        JsonObject poll = new JsonObject()
                .put("replicationServerId", SERVER)
                .put("waitSeconds", 0)
                .put("maxCommands", 16);
        try (ApiClient server = client(Role.REPLICATION_SERVER, "replication-server")) {
            assertThat(server.call("GetChannelCommandsForMgn", poll).status()).isEqualTo(429);
            assertThat(server.call("GetChannelCommandsForMgn", poll).status()).isEqualTo(200);
            ask("POST", "/clock", new JsonObject().put("aheadSeconds", 3600));
            assertThat(server.call("GetChannelCommandsForMgn", poll).status()).isEqualTo(403);
            ask("POST", "/clock", new JsonObject());
            ask("POST", "/down", new JsonObject());
            assertThatThrownBy(() -> server.call("GetChannelCommandsForMgn", poll))
                    .isInstanceOf(ConnectException.class);
            ask("POST", "/up", new JsonObject());
            assertThat(server.call("GetChannelCommandsForMgn", poll).status()).isEqualTo(200);
        }
    }

    @Test
    void anOperatorsMistakeIsToldWithWhatIsAllowed() throws Exception {
        start();
        assertThat(admin("GET", "/coffee", new JsonObject()).body()).contains("GET /fleet");
        assertThat(admin("POST", "/commands", new JsonObject()).body()).contains("replicationServerId: missing");
        for (String request : List.of("/assignments", "/commands", "/addresses")) {
            HttpResponse<String> stranger = admin(
                    "POST",
                    request,
                    new JsonObject().put("sourceServerId", SOURCE).put("replicationServerId", SERVER));
            assertThat(stranger.statusCode()).as(request).isEqualTo(404);
            assertThat(stranger.body())
                    .contains("there is no replication server " + SERVER
                            + "; allowed: one that has called, which none has yet");
        }
        try (ApiClient server = client(Role.REPLICATION_SERVER, "replication-server")) {
            poll(server);
        }
        HttpResponse<String> wrong = admin(
                "POST",
                "/commands",
                new JsonObject()
                        .put("replicationServerId", SERVER)
                        .put("command", new JsonObject().put("type", "REOPEN_VOLUME")));
        assertThat(wrong.statusCode()).isEqualTo(400);
        assertThat(wrong.body()).contains("/parameters: missing");
        JsonObject noPin = new JsonObject().put("sourceServerId", SOURCE).put("agentPin", "a1b2");
        assertThat(admin("POST", "/source-servers", noPin).body()).contains("/agentPin", "like ^sha256");
        JsonObject unknown = new JsonObject().put("sourceServerId", "s-none").put("replicationServerId", SERVER);
        assertThat(admin("POST", "/assignments", unknown).statusCode()).isEqualTo(404);
    }

    @Test
    void aPageThatCallsTheLoopbackByAnotherNameIsNotLetIn() throws Exception {
        start();
        try (Socket socket =
                new Socket(InetAddress.getLoopbackAddress(), printed("operator").getPort())) {
            String request = "GET /fleet HTTP/1.1\r\nHost: page.example\r\nConnection: close\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            assertThat(new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .startsWith("HTTP/1.1 403");
        }
    }

    @Test
    void theAuthorityStaysFromStartToStart() throws Exception {
        CompletableFuture<Integer> running = start();
        Path certificate = directory.resolve("state/control-plane-ca.cert.pem");
        String before = Files.readString(certificate);
        signal.complete(143);
        running.join();
        assertThat(execute("--name=control-plane.example")).isEqualTo(143);
        assertThat(certificate).hasContent(before);
    }

    @Test
    void aPortThatIsTakenEndsIt() throws IOException {
        try (ServerSocket taken = new ServerSocket(0)) {
            for (String option : List.of("--port=", "--admin-port=", "--metadata-port=")) {
                assertThat(execute(option + taken.getLocalPort())).isEqualTo(69);
                assertThat(err.toString())
                        .endsWith(": cannot listen on " + option + taken.getLocalPort() + ": Address already in use\n");
            }
        }
    }

    @Test
    void aSecondOneInTheSameDirectoryIsRefusedBeforeItReplacesAnything() throws Exception {
        start();
        Path credentials = directory.resolve("state/credentials");
        String before = Files.readString(credentials);

        assertThat(execute()).isEqualTo(69);

        assertThat(err.toString()).contains("another control plane has this directory: " + directory.resolve("state"));
        assertThat(credentials).hasContent(before);
        try (ApiClient server = client(Role.REPLICATION_SERVER, "replication-server")) {
            assertThat(poll(server).status()).isEqualTo(200);
        }
    }

    @Test
    void aDirectoryThatCannotBeUsedEndsIt() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "");
        assertThat(execute("--directory=" + file)).isEqualTo(74);
        assertThat(err.toString().lines()).singleElement().asString().contains(file.toString());
    }

    @ParameterizedTest
    @CsvSource({"--port=65536, 0 to 65535", "--admin-port=-1, 0 to 65535", "--nonsense, --nonsense"})
    void aMistakeGetsOneLineThatNamesIt(String argument, String named) {
        assertThat(execute(argument)).isEqualTo(2);
        assertThat(err.toString().lines()).singleElement().asString().contains(named);
    }
}
