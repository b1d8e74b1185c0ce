package org.replicationserver.receiver.aws;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;

/** A real HTTPS server on 127.0.0.1 that answers as it is told to, one answer after the other, and remembers what it was asked. */
public final class HttpsStub implements AutoCloseable {
    private final HttpsServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Queue<Reply> replies = new ConcurrentLinkedQueue<>();
    private final List<Received> received = new CopyOnWriteArrayList<>();
    private final CountDownLatch closing = new CountDownLatch(1);
    private volatile Reply usual = json(200, "{}");

    /** A request as it came, with the names of its headers in lower case. */
    public record Received(String path, Map<String, String> headers, String body) {
        public String header(String name) {
            return headers.getOrDefault(name, "");
        }
    }

    /** Answers an exchange. */
    public interface Reply {
        void to(HttpExchange exchange, CountDownLatch closing) throws IOException, InterruptedException;
    }

    public HttpsStub(SSLContext tls) throws IOException {
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(tls));
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    public URI address() {
        return URI.create("https://127.0.0.1:" + server.getAddress().getPort());
    }

    /** What comes next. */
    public HttpsStub then(Reply reply) {
        replies.add(reply);
        return this;
    }

    /** What comes when nothing is left of what comes next. */
    public HttpsStub otherwise(Reply reply) {
        usual = reply;
        return this;
    }

    public List<Received> received() {
        return received;
    }

    public static Reply json(int status, String body, String... headers) {
        return (exchange, closing) -> {
            exchange.getResponseHeaders().set("x-amzn-RequestId", "request-1");
            for (int i = 0; i < headers.length; i += 2) {
                exchange.getResponseHeaders().set(headers[i], headers[i + 1]);
            }
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            if (bytes.length > 0) {
                exchange.getResponseBody().write(bytes);
            }
        };
    }

    public static Reply error(int status, String code, String... headers) {
        return json(status, "{\"code\":\"" + code + "\",\"message\":\"told so\"}", headers);
    }

    /** Promises more bytes than come. */
    public static Reply truncated(String start) {
        return (exchange, closing) -> {
            exchange.sendResponseHeaders(200, start.length() + 100L);
            exchange.getResponseBody().write(start.getBytes(StandardCharsets.UTF_8));
            exchange.getResponseBody().flush();
        };
    }

    /** Sends a byte now and then, never the last. */
    public static Reply dripping() {
        return (exchange, closing) -> {
            exchange.sendResponseHeaders(200, 0);
            OutputStream body = exchange.getResponseBody();
            while (!closing.await(20, TimeUnit.MILLISECONDS)) {
                body.write(' ');
                body.flush();
            }
        };
    }

    public static Reply never() {
        return (exchange, closing) -> closing.await();
    }

    /** Ends the connection without an answer. */
    public static Reply hangUp() {
        return (exchange, closing) -> {};
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            Map<String, String> headers = new LinkedHashMap<>();
            exchange.getRequestHeaders()
                    .forEach((name, values) -> headers.put(name.toLowerCase(Locale.ROOT), String.join(",", values)));
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            received.add(new Received(exchange.getRequestURI().getPath(), headers, body));
            Reply next = replies.poll();
            (next == null ? usual : next).to(exchange, closing);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        closing.countDown();
        server.stop(0);
        threads.shutdownNow();
    }
}
