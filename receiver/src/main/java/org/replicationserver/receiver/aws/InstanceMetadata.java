package org.replicationserver.receiver.aws;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.SdkSystemSetting;

/**
 * What the EC2 instance says of itself, by IMDSv2: never without a token, never by a proxy, never after a redirect. A token that is no
 * longer good is renewed once for a question. Any thread; calls block for at most some seconds.
 *
 * <p>The address is the SDK's own setting, {@code AWS_EC2_METADATA_SERVICE_ENDPOINT} or {@code aws.ec2MetadataServiceEndpoint}, so that
 * it and the SDK's credentials come from the same place.
 */
public final class InstanceMetadata implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(2);
    private static final int ANSWER_BYTES_MAX = 16 * 1024;
    private static final String TOKEN_SECONDS = "21600";
    private static final int OK = 200;
    private static final int UNAUTHORIZED = 401;

    private final URI address;
    private final HttpClient http = HttpClient.newBuilder()
            .proxy(HttpClient.Builder.NO_PROXY)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(TIMEOUT)
            .build();
    private volatile @Nullable String token;

    public InstanceMetadata(URI address) {
        this.address = address;
    }

    /** The address that is set, or the usual one. */
    public static URI configuredAddress() {
        return URI.create(SdkSystemSetting.AWS_EC2_METADATA_SERVICE_ENDPOINT
                .getNonDefaultStringValue()
                .orElseGet(InstanceMetadata::usualAddress));
    }

    private static String usualAddress() {
        String mode = SdkSystemSetting.AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE
                .getStringValue()
                .orElse("");
        return mode.equalsIgnoreCase("IPv6") ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    }

    public String region() throws IOException, InterruptedException {
        return get("placement/region");
    }

    public String instanceId() throws IOException, InterruptedException {
        return get("instance-id");
    }

    private String get(String path) throws IOException, InterruptedException {
        HttpResponse<String> response = getOnce(path);
        if (response.statusCode() == UNAUTHORIZED) {
            token = null;
            response = getOnce(path);
        }
        return requireOk(path, response).strip();
    }

    private HttpResponse<String> getOnce(String path) throws IOException, InterruptedException {
        String held = token;
        if (held == null) {
            held = newToken();
            token = held;
        }
        return send(request("/latest/meta-data/" + path).header("X-aws-ec2-metadata-token", held));
    }

    private String newToken() throws IOException, InterruptedException {
        HttpRequest.Builder request = request("/latest/api/token")
                .PUT(BodyPublishers.noBody())
                .header("X-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS);
        return requireOk("token", send(request));
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(address.resolve(path)).timeout(TIMEOUT);
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        BodyHandler<String> body = BodyHandlers.limiting(BodyHandlers.ofString(), ANSWER_BYTES_MAX);
        return http.send(request.build(), body);
    }

    private static String requireOk(String what, HttpResponse<String> response) throws IOException {
        if (response.statusCode() != OK) {
            throw new IOException("the instance metadata answered " + response.statusCode() + " for " + what);
        }
        return response.body();
    }

    @Override
    public void close() {
        http.shutdownNow();
        http.close();
    }
}
