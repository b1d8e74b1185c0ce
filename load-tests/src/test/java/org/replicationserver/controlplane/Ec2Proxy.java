package org.replicationserver.controlplane;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;

/** TLS before a stand-in for EC2 that has none, and faults in the words of EC2. Any thread. */
public final class Ec2Proxy implements AutoCloseable {
    private static final int OK = 200;

    private final URI ec2;
    private final HttpsServer server;
    private final HttpClient client = HttpClient.newHttpClient();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Map<String, Queue<Fault>> faults = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();

    /**
     * What happens to a request.
     *
     * @param isForwarded whether EC2 gets it
     * @param delayMillis before anything is answered
     * @param status of the answer; 0 cuts the connection instead, {@link #OK} gives EC2's
     * @param code of an error
     */
    public record Fault(boolean isForwarded, long delayMillis, int status, String code) {
        public static Fault refusal(int status, String code) {
            return new Fault(false, 0, status, code);
        }

        public static Fault cut(boolean isForwarded) {
            return new Fault(isForwarded, 0, 0, "");
        }

        public static Fault delay(long millis) {
            return new Fault(true, millis, OK, "");
        }
    }

    private Ec2Proxy(URI ec2, ServerTls tls) throws Exception {
        this.ec2 = ec2;
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(new KeyManager[] {tls.keys()}, null, null);
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        server.setExecutor(threads);
        server.createContext("/", this::handle);
    }

    /**
     * Starts one.
     *
     * @param authority folder of the authority that clients trust, as a {@link ControlPlaneSimulator} has it
     */
    public static Ec2Proxy start(URI ec2, Path authority) throws Exception {
        Ec2Proxy proxy = new Ec2Proxy(ec2, ServerTls.create(authority, List.of()));
        proxy.server.start();
        return proxy;
    }

    public URI endpoint() {
        return URI.create("https://localhost:" + server.getAddress().getPort());
    }

    /** What happens to the next requests of an action that have a text in them, as a volume's id. */
    public void fail(String action, String text, Fault... inTurn) {
        faults.computeIfAbsent(action + " " + text, key -> new ConcurrentLinkedQueue<>())
                .addAll(List.of(inTurn));
    }

    /** How many requests of an action came that have a text in them. */
    public long count(String action, String text) {
        return requests.stream().filter(form -> isOf(form, action, text)).count();
    }

    private static boolean isOf(String form, String action, String text) {
        return form.contains("Action=" + action + "&") && form.contains(text);
    }

    private Fault next(String form) {
        for (Map.Entry<String, Queue<Fault>> entry : faults.entrySet()) {
            String[] key = entry.getKey().split(" ", 2);
            Fault fault = isOf(form, key[0], key[1]) ? entry.getValue().poll() : null;
            if (fault != null) {
                return fault;
            }
        }
        return new Fault(true, 0, OK, "");
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String form = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            requests.add(form);
            Fault fault = next(form);
            HttpResponse<byte[]> answer = fault.isForwarded() ? forward(exchange, form) : null;
            closing.await(fault.delayMillis(), TimeUnit.MILLISECONDS);
            if (fault.status() == OK && answer != null) {
                reply(exchange, answer.statusCode(), answer.body());
            } else if (fault.status() > 0) {
                String xml =
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>" + fault.code()
                                + "</Code><Message>told so</Message></Error></Errors><RequestID>request-1</RequestID></Response>";
                reply(exchange, fault.status(), xml.getBytes(StandardCharsets.UTF_8));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private HttpResponse<byte[]> forward(HttpExchange exchange, String form) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(ec2).POST(BodyPublishers.ofString(form));
        for (String name : List.of("Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Security-Token")) {
            String value = exchange.getRequestHeaders().getFirst(name);
            if (value != null) {
                request.header(name, value);
            }
        }
        return client.send(request.build(), BodyHandlers.ofByteArray());
    }

    private static void reply(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "text/xml;charset=UTF-8");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    @Override
    public void close() {
        closing.countDown();
        server.stop(0);
        threads.shutdownNow();
        client.shutdownNow();
    }
}
