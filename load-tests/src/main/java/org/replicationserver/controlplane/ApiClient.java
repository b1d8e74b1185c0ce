package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/**
 * Calls the control API once, without retries: what an agent needs of it, and what tests send. Blocks; any thread.
 *
 * <p>Not a replication server's client, which is in the receiver.
 */
public final class ApiClient implements AutoCloseable {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    /** An answer; its body is empty if it is no JSON object. */
    public record Answer(int status, HttpHeaders headers, JsonObject body) {
        /** As it came. */
        public static Answer of(int status, HttpHeaders headers, @Nullable String body) {
            return new Answer(status, headers, json(body));
        }

        /** Of a header; empty if it is not there. */
        public String header(String name) {
            return headers.firstValue(name).orElse("");
        }
    }

    private final RequestSigner signer;
    private final URI endpoint;
    private final Duration timeout;
    private final HttpClient client;

    /**
     * A client of one endpoint.
     *
     * @param authority the only one that is trusted
     * @param timeout of a call, from the request to the whole answer
     */
    public ApiClient(
            URI endpoint, X509Certificate authority, String region, AccessKey key, Clock clock, Duration timeout) {
        this.endpoint = endpoint;
        this.signer = new RequestSigner(region, key, clock);
        this.timeout = timeout;
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .sslContext(trusting(authority))
                .connectTimeout(CONNECT_TIMEOUT)
                .build();
    }

    public URI endpoint() {
        return endpoint;
    }

    /** Sends a request and waits for its answer, whatever its status. */
    public Answer call(String operation, JsonObject body) throws IOException, InterruptedException {
        return send(sign(operation, body.toBuffer().getBytes()));
    }

    /** A request that is signed and may still be changed. */
    HttpRequest.Builder sign(String operation, byte[] body) {
        URI uri = endpoint.resolve("/" + operation);
        HttpRequest.Builder request =
                HttpRequest.newBuilder(uri).timeout(timeout).POST(HttpRequest.BodyPublishers.ofByteArray(body));
        signer.sign(request, uri, Map.of("Content-Type", "application/json"), body);
        return request;
    }

    Answer send(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        return Answer.of(response.statusCode(), response.headers(), response.body());
    }

    private static JsonObject json(@Nullable String body) {
        try {
            return new JsonObject(body == null ? "{}" : body);
        } catch (RuntimeException e) {
            return new JsonObject();
        }
    }

    /** Trusts one authority and no other. */
    static SSLContext trusting(X509Certificate authority) {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setCertificateEntry("authority", authority);
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException("cannot trust " + authority.getSubjectX500Principal(), e);
        }
    }

    @Override
    public void close() {
        client.shutdownNow();
        client.close();
    }
}
