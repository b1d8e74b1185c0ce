package org.replicationserver.receiver.aws;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** A proxy that opens tunnels to ports of 127.0.0.1, for some only, and remembers what it was asked. */
public final class ConnectProxy implements AutoCloseable {
    private final List<String> asked = new CopyOnWriteArrayList<>();

    /** What Proxy-Authorization must be, or null if anybody may. */
    private final @Nullable String authorization;

    /** Where tunnels lead, whatever was asked for; null for the port that was. */
    private final @Nullable Integer targetPort;

    private final ServerSocket server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    public ConnectProxy(@Nullable String userAndPassword) throws IOException {
        this(userAndPassword, null);
    }

    /** Every name and port leads to this port of 127.0.0.1, so that a client can be asked to go to the real names. */
    public static ConnectProxy leadingTo(int port) throws IOException {
        return new ConnectProxy(null, port);
    }

    private ConnectProxy(@Nullable String userAndPassword, @Nullable Integer targetPort) throws IOException {
        this.targetPort = targetPort;
        authorization = userAndPassword == null
                ? null
                : "Basic " + Base64.getEncoder().encodeToString(userAndPassword.getBytes(StandardCharsets.UTF_8));
        server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        threads.submit(this::accept);
    }

    /** What it was asked, and whether it was allowed. */
    public List<String> asked() {
        return asked;
    }

    public int port() {
        return server.getLocalPort();
    }

    public String address() {
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
            int port = targetPort == null
                    ? Integer.parseInt(request.replaceAll("CONNECT 127.0.0.1:([0-9]+) .*", "$1"))
                    : targetPort;
            try (Socket target = new Socket(InetAddress.getLoopbackAddress(), port)) {
                client.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                Future<Long> back = threads.submit(() -> target.getInputStream().transferTo(client.getOutputStream()));
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
