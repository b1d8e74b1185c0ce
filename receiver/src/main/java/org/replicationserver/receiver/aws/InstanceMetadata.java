package org.replicationserver.receiver.aws;

import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.aws.MetadataException.Kind;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.receiver.log.PeerText;
import software.amazon.awssdk.core.SdkSystemSetting;

/**
 * What the EC2 instance says of itself, by IMDSv2: never without a token, never by a proxy, never after a redirect. A token is renewed
 * before it ends, and once for a question if it is refused all the same. Any thread; calls block for at most some seconds.
 *
 * <p>The address is the SDK's own setting, {@code AWS_EC2_METADATA_SERVICE_ENDPOINT} or {@code aws.ec2MetadataServiceEndpoint}, so that
 * it and the SDK's credentials come from the same place.
 */
public final class InstanceMetadata implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(2);
    private static final int ANSWER_BYTES_MAX = 16 * 1024;
    private static final int TAGS_MAX = 50;
    private static final String TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds";
    private static final int TTL_SECONDS_MAX = 21_600;

    /** A token is renewed so long before it ends, or after half of its time if that is sooner. */
    private static final long RENEW_BEFORE_SECONDS = 60;

    /** The scheme of what is set and is no address: it is kept for the text that tells of it. */
    private static final String UNUSABLE = "unusable";

    /** What may stand in a header. */
    private static final Pattern TOKEN = Pattern.compile("[!-~]{1,1024}");

    private static final IdForm ZONE =
            new IdForm(Pattern.compile("[a-z0-9-]{1,63}"), "the name of a zone, as us-east-1a");
    private static final IdForm ROLE =
            new IdForm(Pattern.compile("[A-Za-z0-9+=,.@_-]{1,64}"), "1 to 64 of A-Z a-z 0-9 + = , . @ _ -");

    private static final int OK = 200;
    private static final int UNAUTHORIZED = 401;
    private static final int FORBIDDEN = 403;
    private static final int NOT_FOUND = 404;

    private final URI address;
    private final LongSupplier clockNanos;
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .proxy(HttpClient.Builder.NO_PROXY)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(TIMEOUT)
            .build();
    private volatile @Nullable Token token;

    private record Token(String text, long renewNanos) {}

    public InstanceMetadata(URI address) {
        this(address, System::nanoTime);
    }

    InstanceMetadata(URI address, LongSupplier clockNanos) {
        this.address = address;
        this.clockNanos = clockNanos;
    }

    /** The address that is set, or the usual one; what is set and is no address makes every question fail. */
    public static URI configuredAddress() {
        String set = SdkSystemSetting.AWS_EC2_METADATA_SERVICE_ENDPOINT
                .getNonDefaultStringValue()
                .orElseGet(InstanceMetadata::usualAddress);
        try {
            return new URI(set);
        } catch (URISyntaxException e) {
            return unusable(set);
        }
    }

    private static URI unusable(String set) {
        try {
            return new URI(UNUSABLE, " " + set, null);
        } catch (URISyntaxException e) {
            throw new IllegalStateException("not every text can be quoted", e);
        }
    }

    private static String usualAddress() {
        String mode = SdkSystemSetting.AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE
                .getStringValue()
                .orElse("");
        return mode.equalsIgnoreCase("IPv6") ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    }

    // --- questions; each throws MetadataException, or another IOException if a connection breaks

    public String region() throws IOException, InterruptedException {
        return get("placement/region", IdForm.REGION);
    }

    public String availabilityZone() throws IOException, InterruptedException {
        return get("placement/availability-zone", ZONE);
    }

    public String instanceId() throws IOException, InterruptedException {
        return get("instance-id", IdForm.SERVER);
    }

    /** The name of the instance's role; empty if it has none. */
    public Optional<String> roleName() throws IOException, InterruptedException {
        String path = "iam/security-credentials/";
        Optional<String> role = find(path).flatMap(names -> names.lines().findFirst());
        return role.isEmpty() ? role : Optional.of(requireForm(path, role.get(), ROLE));
    }

    /** Whether the role has credentials, and until when; the secrets are thrown away. Empty if there is no role. */
    public Optional<RoleCredentials> roleCredentials() throws IOException, InterruptedException {
        Optional<String> role = roleName();
        return role.isEmpty() ? Optional.empty() : Optional.of(credentialsOf(role.get()));
    }

    private RoleCredentials credentialsOf(String role) throws IOException, InterruptedException {
        String path = "iam/security-credentials/" + role;
        String text = get(path);
        try {
            JsonObject json = new JsonObject(text);
            String expiration = json.getString("Expiration");
            return new RoleCredentials(
                    role,
                    PeerText.value(json.getString("Code", "no code")),
                    expiration == null ? null : Instant.parse(expiration));
        } catch (DecodeException | ClassCastException | DateTimeException e) {
            throw new MetadataException(Kind.ODD, url(path) + ": the answer is not the JSON that EC2 gives");
        }
    }

    /** The instance's tags, at most {@value #TAGS_MAX}; empty if the instance does not show them in its metadata. */
    public Optional<Map<String, String>> tags() throws IOException, InterruptedException {
        Optional<String> names = find("tags/instance/");
        if (names.isEmpty()) {
            return Optional.empty();
        }
        Map<String, String> tags = new TreeMap<>();
        for (String name : names.get().lines().limit(TAGS_MAX).toList()) {
            tags.put(name, get("tags/instance/" + name));
        }
        return Optional.of(Map.copyOf(tags));
    }

    // --- asking

    private String get(String path) throws IOException, InterruptedException {
        URI url = url(path);
        return find(path)
                .orElseThrow(() ->
                        new MetadataException(Kind.NOT_THERE, url + ": the instance metadata has no such item (404)"));
    }

    private String get(String path, IdForm form) throws IOException, InterruptedException {
        return requireForm(path, get(path), form);
    }

    /** What is told becomes part of names of hosts and of what people read, and anybody may answer in the place of EC2. */
    private String requireForm(String path, String answer, IdForm form) throws MetadataException {
        if (!form.matches(answer)) {
            throw new MetadataException(
                    Kind.ODD, url(path) + " says " + PeerText.value(answer) + "; allowed: " + form.allowed());
        }
        return answer;
    }

    /** Empty if there is no such item. */
    private Optional<String> find(String path) throws IOException, InterruptedException {
        HttpResponse<String> response = getOnce(path);
        if (response.statusCode() == UNAUTHORIZED) {
            token = null;
            response = getOnce(path);
        }
        return response.statusCode() == NOT_FOUND
                ? Optional.empty()
                : Optional.of(requireOk(url(path), response).strip());
    }

    private HttpResponse<String> getOnce(String path) throws IOException, InterruptedException {
        Token held = token;
        if (held == null || clockNanos.getAsLong() - held.renewNanos() >= 0) {
            held = newToken();
            token = held;
        }
        URI url = url(path);
        try {
            return send(request(url).header("X-aws-ec2-metadata-token", held.text()));
        } catch (HttpTimeoutException e) {
            throw new MetadataException(Kind.ABSENT, url + ": no answer within " + TIMEOUT.toSeconds() + " s", e);
        }
    }

    private Token newToken() throws IOException, InterruptedException {
        requireAddress();
        URI url = address.resolve("/latest/api/token");
        HttpRequest.Builder request =
                request(url).PUT(BodyPublishers.noBody()).header(TTL_HEADER, Integer.toString(TTL_SECONDS_MAX));
        HttpResponse<String> response;
        try {
            response = send(request);
        } catch (HttpConnectTimeoutException e) {
            throw absent(url, "nobody answers", e);
        } catch (HttpTimeoutException e) {
            throw new MetadataException(
                    Kind.SILENT,
                    "PUT " + url + ": connected, and no answer within " + TIMEOUT.toSeconds()
                            + " s: the hop limit is too small, or this is not EC2",
                    e);
        } catch (IOException e) {
            throw absent(url, e.getMessage() == null ? "not reachable" : e.getMessage(), e);
        }
        String text = requireOk(url, response).strip();
        if (!TOKEN.matcher(text).matches()) {
            throw new MetadataException(Kind.ODD, "PUT " + url + ": the answer is no token");
        }
        return new Token(text, clockNanos.getAsLong() + renewAfterNanos(response));
    }

    private void requireAddress() throws MetadataException {
        boolean isHttp = "http".equals(address.getScheme()) || "https".equals(address.getScheme());
        if (!isHttp || address.getHost() == null) {
            String set = UNUSABLE.equals(address.getScheme())
                    ? address.getSchemeSpecificPart().strip()
                    : address.toString();
            throw new MetadataException(
                    Kind.BAD_ADDRESS,
                    SdkSystemSetting.AWS_EC2_METADATA_SERVICE_ENDPOINT + "=" + PeerText.value(set)
                            + "; allowed: http://HOST or http://HOST:PORT");
        }
    }

    private static MetadataException absent(URI url, String why, IOException cause) {
        return new MetadataException(
                Kind.ABSENT,
                "PUT " + url + ": " + why + "; this is not EC2, or the instance's metadata is turned off",
                cause);
    }

    /** A service that does not say how long a token is good has given what was asked for. */
    private static long renewAfterNanos(HttpResponse<String> response) {
        long seconds = response.headers()
                .firstValue(TTL_HEADER)
                .filter(text -> text.matches("[0-9]{1,5}"))
                .map(Long::parseLong)
                .orElse((long) TTL_SECONDS_MAX);
        return TimeUnit.SECONDS.toNanos(Math.max(seconds - RENEW_BEFORE_SECONDS, seconds / 2));
    }

    private URI url(String path) throws MetadataException {
        try {
            // What is told becomes part of it, and its characters are neither sent nor printed as they are.
            return URI.create(address.resolve("/latest/meta-data/" + path).toASCIIString());
        } catch (IllegalArgumentException e) {
            throw new MetadataException(Kind.ODD, address + " names an item that is no path");
        }
    }

    private static HttpRequest.Builder request(URI url) {
        return HttpRequest.newBuilder(url).timeout(TIMEOUT);
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        BodyHandler<String> body = BodyHandlers.limiting(BodyHandlers.ofString(), ANSWER_BYTES_MAX);
        return http.send(request.build(), body);
    }

    private static String requireOk(URI url, HttpResponse<String> response) throws MetadataException {
        int status = response.statusCode();
        if (status == OK) {
            return response.body();
        }
        String text = url + ": the instance metadata answered " + status;
        if (status >= 300 && status < 400) {
            throw new MetadataException(Kind.ODD, text + ", a redirect, which is not followed");
        }
        throw new MetadataException(status == UNAUTHORIZED || status == FORBIDDEN ? Kind.REFUSED : Kind.ODD, text);
    }

    @Override
    public void close() {
        http.shutdownNow();
        http.close();
    }
}
