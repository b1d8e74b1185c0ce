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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the environment says of proxies, in a process of its own, since it is read once. */
final class ProxyTest {
    private static final TestCertificates CERTIFICATES = new TestCertificates();

    @TempDir
    private Path directory = Path.of("");

    /** A proxy that opens tunnels to 127.0.0.1 and remembers which. */
    private static final class ConnectProxy implements AutoCloseable {
        final List<String> asked = new CopyOnWriteArrayList<>();
        private final ServerSocket server;
        private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

        ConnectProxy() throws IOException {
            server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
            threads.submit(this::accept);
        }

        String address() {
            return "http://127.0.0.1:" + server.getLocalPort();
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
                asked.add(request);
                while (!lineOf(client.getInputStream()).isEmpty()) {
                    // the rest of the head
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
        try (HttpsStub stub = new HttpsStub(CERTIFICATES.serverFor("127.0.0.1"));
                ConnectProxy proxy = new ConnectProxy()) {
            stub.otherwise(HttpsStub.json(200, "{\"associations\":[]}"));
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", proxy.address()))).isEqualTo("assigned=0");
            assertThat(proxy.asked).hasSize(1).first().asString().startsWith("CONNECT 127.0.0.1:");
            assertThat(outputOf(stub, Map.of("HTTPS_PROXY", proxy.address(), "NO_PROXY", "127.0.0.1")))
                    .isEqualTo("assigned=0");
            assertThat(proxy.asked).as("past it").hasSize(1);
        }
    }
}
