package org.replicationserver.receiver.control;

import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.replicationserver.receiver.aws.HttpsConnections;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.aws.RenewableCredentials;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.config.ControlSettings;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.SignedRequest;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/**
 * One request and its answer over HTTPS, signed, within a time. Any thread; blocks.
 *
 * <p>The HTTP client is the SDK's on the JDK's {@code HttpsURLConnection}: 34 KB, with the SDK's rules for proxies, and the same
 * that calls of EC2 and S3 can use. Vert.x's own client would
 * do its work on an event loop, where the data path lives, and knows none of these rules. Certificates and host names are verified,
 * redirects are not followed.
 *
 * <p>Each exchange has a virtual thread of its own, so that it can be given up at any moment: an interrupt closes the socket that a
 * virtual thread waits for, while connecting, in the handshake, and between two bytes of an answer. Only a look-up of a name cannot
 * be cut short; its thread is left to end by itself.
 */
final class SignedExchange implements AutoCloseable {
    static final int ANSWER_BYTES_MAX = 4 << 20;

    private static final String CONTENT_TYPE = "application/json";
    private static final String USER_AGENT = "replication-server";

    private final HttpsConnections connections;
    private final SdkHttpClient http;
    private final ConnectionFaults faults;
    private final RenewableCredentials credentials;
    private final CredentialsSource source;
    private final Clock clock;
    private final AwsV4HttpSigner signer = AwsV4HttpSigner.create();
    private final ExecutorService threads = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("control-call-", 0).factory());

    /** @param silenceTimeout an answer whose next byte takes longer fails; exchanges have a shorter time of their own */
    SignedExchange(
            ControlSettings settings,
            HttpsTrust trust,
            Duration silenceTimeout,
            RenewableCredentials credentials,
            CredentialsSource source,
            Clock clock) {
        this.connections = new HttpsConnections(trust, settings.connectTimeout(), silenceTimeout);
        this.faults = new ConnectionFaults(connections::proxyTo, trust.file());
        this.http = UrlConnectionHttpClient.create(connections);
        this.credentials = credentials;
        this.source = source;
        this.clock = clock;
    }

    /**
     * What is sent.
     *
     * @param body JSON text
     * @param invocationId the same for all attempts of a call
     */
    record Request(String operation, String body, String invocationId, int attempt, int attemptsMax) {}

    /**
     * Sends a request and reads the answer, whatever its status.
     *
     * @throws ControlPlaneException if there is no whole answer
     */
    HttpAnswer exchange(ControlTarget target, Request request, Duration timeout)
            throws ControlPlaneException, InterruptedException {
        Future<HttpAnswer> answer;
        try {
            answer = threads.submit(() -> signAndSend(target, request));
        } catch (RejectedExecutionException e) {
            throw closed();
        }
        try {
            return answer.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new ControlPlaneException(
                    Kind.TIMEOUT,
                    "no whole answer from " + faults.way(target.endpoint()) + " within " + inSeconds(timeout) + " s",
                    ConnectionFaults.SILENCE_ACTION);
        } catch (ExecutionException e) {
            if (threads.isShutdown()) {
                throw closed();
            }
            throw faults.failure(target.endpoint(), e.getCause() == null ? e : e.getCause());
        } catch (CancellationException e) {
            throw closed();
        } finally {
            answer.cancel(true);
        }
    }

    private static ControlPlaneException closed() {
        return new ControlPlaneException(
                Kind.CLOSED, "the client of the control plane is closed", "Nothing, this server stops.");
    }

    private static String inSeconds(Duration time) {
        return Double.toString(time.toMillis() / 1000.0);
    }

    private HttpAnswer signAndSend(ControlTarget target, Request request) throws Exception {
        AwsCredentials identity = resolveCredentials();
        SignedRequest signed = sign(target, request, identity);
        HttpExecuteRequest execution = HttpExecuteRequest.builder()
                .request(signed.request())
                .contentStreamProvider(signed.payload().orElseThrow())
                .build();
        HttpExecuteResponse response = http.prepareRequest(execution).call();
        byte[] body = readBody(response);
        return new HttpAnswer(
                response.httpResponse().statusCode(),
                response.httpResponse().headers(),
                Buffer.buffer(body),
                clock.instant(),
                new Signer(source, identity.accessKeyId()));
    }

    /** What requests were signed with is not accepted. */
    void credentialsRefused() {
        credentials.refused();
    }

    private AwsCredentials resolveCredentials() throws ControlPlaneException {
        try {
            return credentials.resolveCredentials();
        } catch (RuntimeException e) {
            throw Signer.missing(source, e);
        }
    }

    private SignedRequest sign(ControlTarget target, Request request, AwsCredentials identity) {
        byte[] body = request.body().getBytes(StandardCharsets.UTF_8);
        SdkHttpRequest http = SdkHttpRequest.builder()
                .method(SdkHttpMethod.POST)
                .uri(target.endpoint().resolve("/" + request.operation()))
                .putHeader("Content-Type", CONTENT_TYPE)
                .putHeader("Content-Length", Integer.toString(body.length))
                .putHeader("Accept", CONTENT_TYPE)
                .putHeader("User-Agent", USER_AGENT)
                .putHeader("amz-sdk-invocation-id", request.invocationId())
                .putHeader("amz-sdk-request", "attempt=" + request.attempt() + "; max=" + request.attemptsMax())
                .build();
        return signer.sign(sign -> sign.identity(identity)
                .request(http)
                .payload(ContentStreamProvider.fromByteArray(body))
                .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, ControlTarget.SERVICE)
                .putProperty(AwsV4HttpSigner.REGION_NAME, target.region())
                .putProperty(HttpSigner.SIGNING_CLOCK, clock));
    }

    private static byte[] readBody(HttpExecuteResponse response) throws IOException, ControlPlaneException {
        AbortableInputStream stream = response.responseBody().orElse(null);
        if (stream == null) {
            return new byte[0];
        }
        try (InputStream body = stream) {
            byte[] bytes = body.readNBytes(ANSWER_BYTES_MAX + 1);
            if (bytes.length > ANSWER_BYTES_MAX) {
                stream.abort();
                throw badAnswer("an answer of more than " + ANSWER_BYTES_MAX + " bytes");
            }
            long promised = response.httpResponse()
                    .firstMatchingHeader("Content-Length")
                    .filter(length -> length.matches("[0-9]{1,18}"))
                    .map(Long::parseLong)
                    .orElse((long) bytes.length);
            if (bytes.length < promised) {
                throw badAnswer("the answer ended after " + bytes.length + " of " + promised + " bytes");
            }
            return bytes;
        } catch (SocketTimeoutException e) {
            throw e;
        } catch (IOException e) {
            throw badAnswer("the answer broke off: " + e.getMessage());
        }
    }

    private static ControlPlaneException badAnswer(String sentence) {
        return new ControlPlaneException(
                Kind.BAD_ANSWER,
                sentence,
                "Look at what is between this server and the control plane, and at the control plane itself.");
    }

    @Override
    public void close() {
        threads.shutdownNow();
        http.close();
    }
}
