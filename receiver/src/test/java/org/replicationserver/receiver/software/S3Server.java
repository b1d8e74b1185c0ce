package org.replicationserver.receiver.software;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.aws.ConnectProxy;
import org.replicationserver.receiver.aws.HttpsStub;
import org.replicationserver.receiver.aws.HttpsStub.Reply;
import org.replicationserver.receiver.aws.TestCertificates;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.config.SoftwareSettings;

/**
 * The hosts of S3's buckets in eu-test-1 over TLS, reached by their real names through a proxy, and what they do when they fail. Answers as
 * S3 does: 403 for what is not there, ranges, If-Match, an ETag for each content.
 */
final class S3Server implements AutoCloseable {
    static final String REGION = "eu-test-1";
    static final String BUCKET = "aws-mgn-internal-" + REGION;
    static final String HASHES = "aws-mgn-internal-hashes-" + REGION;
    static final String UNPAIRED = "amazon-ssm-" + REGION;

    private static final TestCertificates CERTIFICATES = new TestCertificates();

    private final Map<String, byte[]> objects = new ConcurrentHashMap<>();
    private final HttpsStub stub;
    private final ConnectProxy proxy;
    private final Path ca;

    S3Server(Path directory) throws Exception {
        stub = new HttpsStub(CERTIFICATES.serverForNames("*.s3." + REGION + ".amazonaws.com"));
        stub.otherwise((exchange, closing) -> answer(exchange));
        proxy = ConnectProxy.leadingTo(stub.address().getPort());
        ca = CERTIFICATES.writeCa(directory.resolve("ca.pem"));
    }

    /** Puts an object without a hash. */
    S3Server put(String bucket, String key, byte[] content) {
        objects.put(bucket + "/" + key, content.clone());
        return this;
    }

    /** Puts an object and its hash. */
    S3Server publish(String key, byte[] content) {
        return put(BUCKET, key, content)
                .put(HASHES, key + ".sha512", (hashOf(content) + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    static String hashOf(byte[] content) {
        var digest = Sha512.newDigest();
        digest.update(content);
        return Sha512.hex(digest);
    }

    List<HttpsStub.Received> received() {
        return stub.received();
    }

    /** The requests of a key. */
    List<HttpsStub.Received> received(String key) {
        return received().stream().filter(one -> one.path().equals("/" + key)).toList();
    }

    /** The next request is answered so. */
    S3Server then(Reply reply) {
        stub.then(reply);
        return this;
    }

    /** The next request is answered as usual. */
    S3Server thenUsual() {
        return then((exchange, closing) -> answer(exchange));
    }

    /** All requests but for hashes are answered so, and these as usual. */
    S3Server objectsBy(Reply reply) {
        stub.otherwise((exchange, closing) -> {
            if (exchange.getRequestURI().getPath().endsWith(".sha512")) {
                answer(exchange);
            } else {
                reply.to(exchange, closing);
            }
        });
        return this;
    }

    S3Server usual() {
        stub.otherwise((exchange, closing) -> answer(exchange));
        return this;
    }

    /** Ends the connection after so many bytes of an object's body. */
    Reply cutAfter(int bytes) {
        return (exchange, closing) ->
                answer(exchange, body -> Arrays.copyOf(body, Math.min(bytes, body.length)), false);
    }

    /** Sends bytes that are not those of the object, as many. */
    Reply lying() {
        return (exchange, closing) -> answer(exchange, body -> new byte[body.length], false);
    }

    /** Sends the object slowly, without an end in sight. */
    Reply dripping() {
        return (exchange, closing) -> {
            byte[] content = contentOf(exchange);
            exchange.getResponseHeaders().set("ETag", etagOf(content));
            exchange.sendResponseHeaders(200, content.length);
            OutputStream body = exchange.getResponseBody();
            for (byte one : content) {
                body.write(one);
                body.flush();
                if (closing.await(5, TimeUnit.MILLISECONDS)) {
                    return;
                }
            }
        };
    }

    /** Sends the object without a length, and goes on. */
    Reply endless() {
        return (exchange, closing) -> {
            exchange.getResponseHeaders().set("ETag", etagOf(contentOf(exchange)));
            exchange.sendResponseHeaders(200, 0);
            while (!closing.await(1, TimeUnit.MILLISECONDS)) {
                exchange.getResponseBody().write(new byte[8192]);
            }
        };
    }

    /** Knows no ranges. */
    Reply whole() {
        return (exchange, closing) -> answer(exchange, body -> body, true);
    }

    static Reply status(int status, String code, String... headers) {
        return HttpsStub.json(status, "<Error><Code>" + code + "</Code></Error>", headers);
    }

    private void answer(HttpExchange exchange) throws IOException {
        answer(exchange, body -> body, false);
    }

    private byte @Nullable [] find(HttpExchange exchange) {
        String host = Optional.ofNullable(exchange.getRequestHeaders().getFirst("Host"))
                .orElse("");
        return objects.get(
                host.replaceAll("\\..*", "") + exchange.getRequestURI().getPath());
    }

    private byte[] contentOf(HttpExchange exchange) {
        byte[] content = find(exchange);
        return content == null ? new byte[0] : content;
    }

    private static String etagOf(byte[] content) {
        return "\"" + hashOf(content).substring(0, 32) + "\"";
    }

    private void answer(HttpExchange exchange, UnaryOperator<byte[]> sent, boolean ignoreRange) throws IOException {
        byte[] content = find(exchange);
        if (content == null) {
            byte[] body = "<Error><Code>AccessDenied</Code></Error>".getBytes(StandardCharsets.US_ASCII);
            exchange.sendResponseHeaders(403, body.length);
            exchange.getResponseBody().write(body);
            return;
        }
        String match = exchange.getRequestHeaders().getFirst("If-Match");
        if (match != null && !match.equals(etagOf(content))) {
            exchange.sendResponseHeaders(412, -1);
            return;
        }
        exchange.getResponseHeaders().set("ETag", etagOf(content));
        String range = exchange.getRequestHeaders().getFirst("Range");
        byte[] part = content;
        int status = 200;
        if (range != null && !ignoreRange) {
            int from = Integer.parseInt(range.replaceAll("bytes=([0-9]+)-", "$1"));
            part = Arrays.copyOfRange(content, from, content.length);
            exchange.getResponseHeaders()
                    .set("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
            status = 206;
        }
        // 0 would be a body without a length.
        exchange.sendResponseHeaders(status, part.length == 0 ? -1 : part.length);
        exchange.getResponseBody().write(sent.apply(part));
        exchange.getResponseBody().flush();
    }

    // --- those who fetch from it

    AwsSettings aws(String region) {
        return new AwsSettings(Optional.of(region), false, false, Optional.of(ca), CredentialsSource.CHAIN);
    }

    static SoftwareSettings settings(Path directory) {
        return settings(directory, 16 << 20, Duration.ofSeconds(30), Optional.empty());
    }

    static SoftwareSettings settings(Path directory, long bytesMax, Duration timeout, Optional<Path> signingKey) {
        return new SoftwareSettings(
                directory,
                Optional.empty(),
                bytesMax,
                timeout,
                false,
                Optional.empty(),
                false,
                signingKey,
                Optional.empty());
    }

    /** A mirror instead of S3. */
    static SoftwareSettings mirrorSettings(Path directory, Path mirror) {
        return new SoftwareSettings(
                directory,
                Optional.empty(),
                16 << 20,
                Duration.ofSeconds(60),
                false,
                Optional.empty(),
                false,
                Optional.empty(),
                Optional.of(mirror));
    }

    /** Of who fetches from a mirror. */
    static AwsSettings awsOfMirror() {
        return new AwsSettings(Optional.of(REGION), false, false, Optional.empty(), CredentialsSource.CHAIN);
    }

    /** Goes through the proxy to here, by the settings of the JVM that are read when it is made. */
    SoftwareFetcher fetcher(SoftwareSettings settings) throws Exception {
        return fetcherIn(REGION, settings);
    }

    /** The same in another region, of whose names this is none. */
    SoftwareFetcher fetcherIn(String region, SoftwareSettings settings) throws Exception {
        System.setProperty("https.proxyHost", "127.0.0.1");
        System.setProperty("https.proxyPort", Integer.toString(proxy.port()));
        try {
            return SoftwareFetcher.open(settings, aws(region));
        } finally {
            System.clearProperty("https.proxyHost");
            System.clearProperty("https.proxyPort");
        }
    }

    Path ca() {
        return ca;
    }

    URI proxyAddress() {
        return URI.create("http://" + proxy.address());
    }

    @Override
    public void close() throws IOException {
        proxy.close();
        stub.close();
    }
}
