package org.replicationserver.controlplane;

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.time.Clock;
import java.util.Map;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.HttpSigner;

/** Signs requests of the JDK's client by the SDK's signer. Any thread. */
final class RequestSigner {
    private final AwsV4HttpSigner signer = AwsV4HttpSigner.create();
    private final String region;
    private final AccessKey key;
    private final Clock clock;

    RequestSigner(String region, AccessKey key, Clock clock) {
        this.region = region;
        this.key = key;
        this.clock = clock;
    }

    /**
     * Puts the signature and what belongs to it into a request.
     *
     * @param headers that are signed too
     */
    void sign(HttpRequest.Builder target, URI uri, Map<String, String> headers, byte[] body) {
        SdkHttpRequest.Builder request =
                SdkHttpRequest.builder().method(SdkHttpMethod.POST).uri(uri);
        headers.forEach(request::putHeader);
        signer.sign(sign -> sign.identity(SignatureVerifier.identity(key))
                        .request(request.build())
                        .payload(() -> new ByteArrayInputStream(body))
                        .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, SignatureVerifier.SERVICE)
                        .putProperty(AwsV4HttpSigner.REGION_NAME, region)
                        .putProperty(HttpSigner.SIGNING_CLOCK, clock))
                .request()
                .forEachHeader((name, values) -> {
                    // The JDK's client sets the same one itself.
                    if (!name.equalsIgnoreCase("host")) {
                        values.forEach(value -> target.setHeader(name, value));
                    }
                });
    }
}
