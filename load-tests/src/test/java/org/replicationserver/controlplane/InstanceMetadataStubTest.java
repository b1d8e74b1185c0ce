package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.controlplane.InstanceMetadataStub.Instance;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.InstanceProfileCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkClientException;

/** The metadata service as the SDK and a plain client see it. */
final class InstanceMetadataStubTest {
    private static final Instance INSTANCE = new Instance("i-0123456789abcdef0", "eu-west-1", "replication-server");

    private final AccessKeys keys = new AccessKeys(InstantSource.system());
    private final InstanceMetadataStub stub;
    private final HttpClient client = HttpClient.newHttpClient();

    InstanceMetadataStubTest() throws IOException {
        stub = InstanceMetadataStub.start(INSTANCE, keys, 0);
    }

    @AfterEach
    void close() {
        client.close();
        stub.close();
    }

    private HttpResponse<String> send(String method, String path, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(stub.endpoint().resolve(path))
                .method(method, HttpRequest.BodyPublishers.noBody());
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private String token() throws Exception {
        return send("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
                .body();
    }

    private HttpResponse<String> get(String path) throws Exception {
        return send("GET", path, "X-aws-ec2-metadata-token", token());
    }

    private AwsCredentials bySdk() {
        try (InstanceProfileCredentialsProvider provider = InstanceProfileCredentialsProvider.builder()
                .endpoint(stub.endpoint().toString())
                .build()) {
            return provider.resolveCredentials();
        }
    }

    @Test
    void theSdkTakesTheCredentialsAndTheControlPlaneKnowsThem() {
        stub.setCredentialValidity(Duration.ofMinutes(30));
        AwsSessionCredentials credentials = (AwsSessionCredentials) bySdk();
        AccessKey known = Objects.requireNonNull(keys.find(credentials.accessKeyId()));
        assertThat(credentials.secretAccessKey()).isEqualTo(known.secretAccessKey());
        assertThat(credentials.sessionToken()).isEqualTo(known.sessionToken());
        assertThat(known.expiration())
                .isBetween(Instant.now().plusSeconds(29 * 60), Instant.now().plusSeconds(30 * 60));
        assertThat(stub.tokenFetches()).isEqualTo(1);
        assertThat(stub.credentialFetches()).isEqualTo(1);
    }

    @Test
    void anInstanceWithoutARoleHasNoCredentials() {
        stub.setHasRole(false);
        assertThatThrownBy(this::bySdk).isInstanceOf(SdkClientException.class);
    }

    @Test
    void nothingIsToldWithoutATokenOrWithOneThatHasEnded() throws Exception {
        assertThat(send("GET", "/latest/meta-data/instance-id").statusCode()).isEqualTo(401);
        String token = token();
        assertThat(send("GET", "/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token)
                        .body())
                .isEqualTo(INSTANCE.instanceId());
        stub.expireTokens();
        assertThat(send("GET", "/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token)
                        .statusCode())
                .isEqualTo(401);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "21601", "soon"})
    void aTokenLastsFromOneSecondToSixHours(String seconds) throws Exception {
        assertThat(send("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", seconds)
                        .statusCode())
                .isEqualTo(400);
    }

    @Test
    void aRequestThatWasForwardedGetsNoToken() throws Exception {
        assertThat(send(
                                "PUT",
                                "/latest/api/token",
                                "X-aws-ec2-metadata-token-ttl-seconds",
                                "60",
                                "X-Forwarded-For",
                                "198.51.100.7")
                        .statusCode())
                .isEqualTo(403);
    }

    @Test
    void theInstanceIsTold() throws Exception {
        assertThat(get("/latest/meta-data/placement/region").body()).isEqualTo("eu-west-1");
        assertThat(get("/latest/meta-data/placement/availability-zone").body()).isEqualTo("eu-west-1a");
        assertThat(new JsonObject(
                        get("/latest/dynamic/instance-identity/document").body()))
                .isEqualTo(new JsonObject()
                        .put("instanceId", INSTANCE.instanceId())
                        .put("region", "eu-west-1")
                        .put("availabilityZone", "eu-west-1a"));
        assertThat(get("/latest/meta-data/nothing").statusCode()).isEqualTo(404);
    }

    @Test
    void aStatusCanBeForced() throws Exception {
        stub.setForcedStatus(500);
        assertThat(send("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
                        .statusCode())
                .isEqualTo(500);
        stub.setForcedStatus(0);
        assertThat(token()).isNotEmpty();
    }
}
