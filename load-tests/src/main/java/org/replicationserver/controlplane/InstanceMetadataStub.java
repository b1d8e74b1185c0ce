package org.replicationserver.controlplane;

import com.sun.net.httpserver.Headers;
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
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.controlplane.AccessKey.Role;

/**
 * The metadata service of an instance, version 2: plain HTTP on the loopback, a token for everything. Any thread.
 *
 * <p>Each look at the role's credentials gives new ones, which the control plane knows until they end.
 */
public final class InstanceMetadataStub implements AutoCloseable {
    private static final int TOKENS_MAX = 1024;
    private static final int TOKEN_SECONDS_MAX = 21_600;
    private static final String TOKEN_PATH = "/latest/api/token";
    private static final String META_DATA = "/latest/meta-data/";
    private static final String CREDENTIALS = META_DATA + "iam/security-credentials/";
    private static final String TOKEN_HEADER = "X-aws-ec2-metadata-token";
    private static final String TTL_HEADER = TOKEN_HEADER + "-ttl-seconds";
    private static final int OK = 200;
    private static final int BAD_REQUEST = 400;
    private static final int UNAUTHORIZED = 401;
    private static final int FORBIDDEN = 403;
    private static final int NOT_FOUND = 404;
    private static final int METHOD_NOT_ALLOWED = 405;

    /** What the instance is. */
    public record Instance(String instanceId, String region, String role) {}

    private record Reply(int status, String body) {}

    private final Instance instance;
    private final AccessKeys keys;
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpServer server;

    // under the lock of this
    private final Map<String, Instant> tokens = new HashMap<>();
    private Duration validity = Duration.ofHours(6);
    private int forcedStatus;
    private boolean hasRole = true;
    private int tokenFetches;
    private int credentialFetches;

    private InstanceMetadataStub(Instance instance, AccessKeys keys, int port) throws IOException {
        this.instance = instance;
        this.keys = keys;
        this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/", this::handle);
        server.setExecutor(executor);
    }

    /**
     * Starts one.
     *
     * @param keys of the control plane, to which the instance's credentials are made known
     * @param port 0 for one that is free
     */
    public static InstanceMetadataStub start(Instance instance, AccessKeys keys, int port) throws IOException {
        InstanceMetadataStub stub = new InstanceMetadataStub(instance, keys, port);
        stub.server.start();
        return stub;
    }

    /** What the SDK takes for AWS_EC2_METADATA_SERVICE_ENDPOINT. */
    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    /** Of credentials that are given out from now on; six hours unless set. */
    public synchronized void setCredentialValidity(Duration newValidity) {
        validity = newValidity;
    }

    /** Answers everything with this status; 0 ends that. */
    public synchronized void setForcedStatus(int status) {
        forcedStatus = status;
    }

    /** Whether the instance has a role; it has, unless told otherwise. */
    public synchronized void setHasRole(boolean newHasRole) {
        hasRole = newHasRole;
    }

    /** Whoever has a token needs a new one. */
    public synchronized void expireTokens() {
        tokens.clear();
    }

    /** How often a token was given out. */
    public synchronized int tokenFetches() {
        return tokenFetches;
    }

    /** How often credentials were given out. */
    public synchronized int credentialFetches() {
        return credentialFetches;
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            exchange.getRequestBody().readAllBytes();
            Reply reply = reply(
                    exchange.getRequestMethod(), exchange.getRequestURI().getPath(), exchange.getRequestHeaders());
            byte[] body = reply.body().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/plain");
            exchange.sendResponseHeaders(reply.status(), body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
        }
    }

    private synchronized Reply reply(String method, String path, Headers headers) {
        if (forcedStatus != 0) {
            return new Reply(forcedStatus, "");
        }
        if (path.equals(TOKEN_PATH)) {
            return method.equals("PUT") ? token(headers) : new Reply(METHOD_NOT_ALLOWED, "");
        }
        if (!isValid(headers.getFirst(TOKEN_HEADER))) {
            return new Reply(UNAUTHORIZED, "");
        }
        String body = method.equals("GET") ? document(path) : null;
        return body == null ? new Reply(NOT_FOUND, "") : new Reply(OK, body);
    }

    private Reply token(Headers headers) {
        if (headers.containsKey("X-Forwarded-For")) {
            return new Reply(FORBIDDEN, "");
        }
        int seconds = ttlSeconds(headers.getFirst(TTL_HEADER));
        if (seconds < 1 || seconds > TOKEN_SECONDS_MAX || tokens.size() >= TOKENS_MAX) {
            return new Reply(BAD_REQUEST, "");
        }
        String token = UUID.randomUUID().toString();
        tokens.put(token, Instant.now().plusSeconds(seconds));
        tokenFetches++;
        return new Reply(OK, token);
    }

    private static int ttlSeconds(@Nullable String text) {
        try {
            return Integer.parseInt(Objects.requireNonNullElse(text, ""));
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private boolean isValid(@Nullable String token) {
        Instant end = token == null ? null : tokens.get(token);
        return end != null && Instant.now().isBefore(end);
    }

    private @Nullable String document(String path) {
        return switch (path) {
            case META_DATA + "instance-id" -> instance.instanceId();
            case META_DATA + "placement/region" -> instance.region();
            case META_DATA + "placement/availability-zone" -> instance.region() + "a";
            case "/latest/dynamic/instance-identity/document" -> identity();
            default -> credentials(path);
        };
    }

    private String identity() {
        return new JsonObject()
                .put("instanceId", instance.instanceId())
                .put("region", instance.region())
                .put("availabilityZone", instance.region() + "a")
                .encode();
    }

    private @Nullable String credentials(String path) {
        if (!hasRole) {
            return null;
        }
        if (path.equals(CREDENTIALS)) {
            return instance.role();
        }
        return path.equals(CREDENTIALS + instance.role()) ? credentials() : null;
    }

    private String credentials() {
        AccessKey key = keys.issueTemporary(Role.REPLICATION_SERVER, validity);
        credentialFetches++;
        return new JsonObject()
                .put("Code", "Success")
                .put("LastUpdated", Instant.now().toString())
                .put("Type", "AWS-HMAC")
                .put("AccessKeyId", key.accessKeyId())
                .put("SecretAccessKey", key.secretAccessKey())
                .put("Token", key.sessionToken())
                .put("Expiration", String.valueOf(key.expiration()))
                .encode();
    }

    @Override
    public void close() {
        server.stop(0);
        executor.shutdownNow();
    }
}
