package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.aws.HttpsStub;
import org.replicationserver.receiver.aws.TestCertificates;

/** What the environment says of proxies, in a process of its own, since it is read once. */
final class ProxyTest {
    private static final TestCertificates CERTIFICATES = new TestCertificates();

    @TempDir
    private Path directory = Path.of("");

    /** A proxy that opens tunnels to 127.0.0.1, for some only, and remembers what it was asked. */
    private static final class ConnectProxy implements AutoCloseable {
        final List<String> asked = new CopyOnWriteArrayList<>();

        /** What Proxy-Authorization must be, or null if anybody may. */
        private final @Nullable String authorization;

        private final ServerSocket server;
        private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

        ConnectProxy(@Nullable String userAndPassword) throws IOException {
            authorization = userAndPassword == null
                    ? null
                    : "Basic " + Base64.getEncoder().encodeToString(userAndPassword.getBytes(StandardCharsets.UTF_8));
            server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
            threads.submit(this::accept);
        }

        String address() {
            return "127.0.0.1:" + server.getLocalPort();
        }

        private @Nullable Void accept() throws IOException {
            while (!server.isClosed()) {
                Socket client = server.accept();
                threads.submit(() -> tunnel(client));
            }
            return null;
        }

        private @Nullable Void tunnel(Socket client) throws Exception {
            try (client) {
                String request = lineOf(client.getInputStream());
                boolean allowed = authorization == null;
                for (String line = lineOf(client.getInputStream());
                        !line.isEmpty();
                        line = lineOf(client.getInputStream())) {
                    allowed |= line.toLowerCase(Locale.ROOT).startsWith("proxy-authorization: ")
                            && line.endsWith(": " + authorization);
                }
                asked.add(request.replaceAll(" .*", "") + (allowed ? " allowed" : " refused"));
                if (!allowed) {
                    String answer = String.join(
                            "\r\n",
                            "HTTP/1.1 407 Proxy Authentication Required",
                            "Proxy-Authenticate: Basic realm=\"proxy\"",
                            "Content-Length: 0",
                            "Connection: close",
                            "",
                            "");
                    client.getOutputStream().write(answer.getBytes(StandardCharsets.US_ASCII));
                    return null;
                }
                int port = Integer.parseInt(request.replaceAll("CONNECT 127.0.0.1:([0-9]+) .*", "$1"));
                try (Socket target = new Socket(InetAddress.getLoopbackAddress(), port)) {
                    client.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                    Future<Long> back =
                            threads.submit(() -> target.getInputStream().transferTo(client.getOutputStream()));
                    client.getInputStream().transferTo(target.getOutputStream());
                    target.shutdownOutput();
                    back.get();
                }
            }
            return null;
        }

        private static String lineOf(InputStream in) throws IOException {
            StringBuilder line = new StringBuilder();
            for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
                line.append((char) c);
            }
            return line.toString().strip();
        }

        @Override
        public void close() throws IOException {
            server.close();
            threads.shutdownNow();
        }
    }

    private String outputOf(HttpsStub stub, Map<String, String> environment) throws Exception {
        Path ca = CERTIFICATES.writeCa(directory.resolve("ca.pem"));
        Map<String, String> all = new HashMap<>(environment);
        all.put("AWS_ACCESS_KEY_ID", "AKIDTEST");
        all.put("AWS_SECRET_ACCESS_KEY", "SECRETTEST");
        Process process = ChildJvm.start(ProxyMain.class, all, stub.address().toString(), ca.toString());
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            return out.lines().reduce("", (before, line) -> line);
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void httpsProxyIsUsedUnlessNoProxySaysOtherwise() throws Exception {
        try (HttpsStub stub = stub();
                ConnectProxy proxy = new ConnectProxy(null)) {
            String address = "http://" + proxy.address();
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", address))).isEqualTo("assigned=0");
            assertThat(proxy.asked).containsExactly("CONNECT allowed");
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", address, "NO_PROXY", "127.0.0.1")))
                    .isEqualTo("assigned=0");
            assertThat(proxy.asked).as("past it").hasSize(1);
        }
    }

    @Test
    void proxyIsToldItsPasswordAndTheControlPlaneIsNot() throws Exception {
        try (HttpsStub stub = stub();
                ConnectProxy proxy = new ConnectProxy("user:secret")) {
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", "http://user:secret@" + proxy.address())))
                    .isEqualTo("assigned=0");
            assertThat(proxy.asked).containsExactly("CONNECT refused", "CONNECT allowed");
            assertThat(stub.received())
                    .hasSize(1)
                    .first()
                    .satisfies(request -> assertThat(request.headers()).doesNotContainKey("proxy-authorization"));
        }
    }

    @Test
    void wrongPasswordIsGivenOnceAndTheSentenceNamesTheProxyAlone() throws Exception {
        try (HttpsStub stub = stub();
                ConnectProxy proxy = new ConnectProxy("user:secret")) {
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", "http://user:wrong@" + proxy.address())))
                    .contains("UNREACHABLE", "through the proxy " + proxy.address(), "407")
                    .doesNotContain("wrong");
            assertThat(proxy.asked).containsExactly("CONNECT refused", "CONNECT refused");
            assertThat(stub.received()).isEmpty();
        }
    }

    @Test
    void proxyOfTheJvmIsUsedAsWell() throws Exception {
        try (HttpsStub stub = stub();
                ConnectProxy proxy = new ConnectProxy(null)) {
            String properties = "-Dhttps.proxyHost=" + proxy.address().replace(":", " -Dhttps.proxyPort=");
            assertThat(outputOf(stub, Map.of("JAVA_TOOL_OPTIONS", properties))).isEqualTo("assigned=0");
            assertThat(proxy.asked).containsExactly("CONNECT allowed");
        }
    }

    @Test
    void proxyThatIsNotThereIsNamed() throws Exception {
        try (HttpsStub stub = stub()) {
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", "http://127.0.0.1:1")))
                    .contains("CONNECTION_REFUSED", "through the proxy 127.0.0.1:1");
        }
    }

    private static HttpsStub stub() throws Exception {
        HttpsStub stub = new HttpsStub(CERTIFICATES.serverFor("127.0.0.1"));
        stub.otherwise(HttpsStub.json(200, "{\"associations\":[]}"));
        return stub;
    }
}
