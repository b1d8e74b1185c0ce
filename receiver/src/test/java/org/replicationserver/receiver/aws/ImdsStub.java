package org.replicationserver.receiver.aws;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * An instance metadata service that demands a token. While it lives, the SDK's setting names it as the one of this machine.
 */
public final class ImdsStub implements AutoCloseable {
    private static final String SETTING = "aws.ec2MetadataServiceEndpoint";
    private static final String TOKEN_HEADER = "X-aws-ec2-metadata-token";

    private final HttpServer server;
    private final @Nullable String settingBefore = System.getProperty(SETTING);
    private final CountDownLatch released = new CountDownLatch(1);
    private final AtomicInteger tokens = new AtomicInteger();
    private final AtomicInteger credentials = new AtomicInteger();
    private final Map<String, String> content = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final Set<String> headers = ConcurrentHashMap.newKeySet();
    private volatile @Nullable String oddToken;
    private volatile boolean refusesTokens;
    private volatile boolean refusesAll;
    private volatile boolean silent;
    private volatile boolean hangsUp;
    private volatile @Nullable String redirect;
    private volatile int tokenSeconds = 21_600;
    private volatile Duration lifetime = Duration.ofHours(6);

    public ImdsStub() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::handle);
        server.start();
        System.setProperty(SETTING, address().toString());
        content.put("/latest/meta-data/placement/region", "eu-test-1\n");
        content.put("/latest/meta-data/instance-id", "i-0123456789abcdef0");
        content.put("/latest/meta-data/iam/security-credentials/", "role-1");
    }

    public URI address() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    /** Every request: method, path, and whether it had a token. */
    public List<String> requests() {
        return requests;
    }

    /** The names of the headers of all requests. */
    Set<String> headers() {
        return headers;
    }

    /** Requests for a token are answered so. */
    void giveToken(String text) {
        oddToken = text;
    }

    public void answer(String path, String text) {
        content.put("/latest/meta-data/" + path, text);
    }

    public void refuseTokens() {
        refusesTokens = true;
    }

    public void refuseAll() {
        refusesAll = true;
    }

    /** Requests for a token are read and never answered, as behind one hop too many. */
    public void beSilent() {
        silent = true;
    }

    /** Requests with a token are read, and their connection ends. */
    public void hangUp() {
        hangsUp = true;
    }

    /** Everything is answered with a redirect. */
    public void redirectTo(String location) {
        redirect = location;
    }

    /** How long tokens are good that are given out from now on. */
    public void setTokenSeconds(int seconds) {
        tokenSeconds = seconds;
    }

    public void forget(String path) {
        content.remove("/latest/meta-data/" + path);
    }

    /** Tokens that were given out are no longer good. */
    public void forgetTokens() {
        tokens.addAndGet(100);
    }

    /** How long credentials are good that are given out from now on. */
    public void setLifetime(Duration time) {
        lifetime = time;
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            String token = exchange.getRequestHeaders().getFirst(TOKEN_HEADER);
            requests.add(exchange.getRequestMethod() + " " + path + (token == null ? "" : " with token"));
            headers.addAll(exchange.getRequestHeaders().keySet());
            String odd = oddToken;
            String location = redirect;
            if (location != null) {
                exchange.getResponseHeaders().set("Location", location);
                reply(exchange, 302, "");
            } else if (silent) {
                released.await();
            } else if (exchange.getRequestMethod().equals("PUT")) {
                exchange.getResponseHeaders()
                        .set("X-aws-ec2-metadata-token-ttl-seconds", Integer.toString(tokenSeconds));
                reply(exchange, refusesTokens ? 403 : 200, odd == null ? "token-" + tokens.incrementAndGet() : odd);
            } else if (hangsUp) {
                exchange.close();
            } else if (refusesAll || !("token-" + tokens.get()).equals(token)) {
                reply(exchange, 401, "");
            } else if (path.endsWith("/security-credentials/role-1")) {
                reply(exchange, 200, newCredentials());
            } else {
                String text = content.get(path);
                reply(exchange, text == null ? 404 : 200, text == null ? "" : text);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private String newCredentials() {
        Instant now = Instant.now();
        return new JsonObject()
                .put("Code", "Success")
                .put("Type", "AWS-HMAC")
                .put("LastUpdated", now.toString())
                .put("AccessKeyId", "KEY" + credentials.incrementAndGet())
                .put("SecretAccessKey", "SECRET")
                .put("Token", "SESSION")
                .put(
                        "Expiration",
                        now.plus(lifetime).truncatedTo(ChronoUnit.SECONDS).toString())
                .encode();
    }

    private static void reply(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        if (bytes.length > 0) {
            exchange.getResponseBody().write(bytes);
        }
    }

    @Override
    public void close() {
        released.countDown();
        server.stop(0);
        if (settingBefore == null) {
            System.clearProperty(SETTING);
        } else {
            System.setProperty(SETTING, settingBefore);
        }
    }
}
